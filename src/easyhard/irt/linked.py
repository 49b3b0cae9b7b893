"""What responses must be for difficulties to be estimated without an ability distribution.

Conditional and joint maximum likelihood have a finite maximum if, and only if, from every item a path leads to
every other in the graph with an edge from i to j where some respondent got i right and j wrong.

Source: Fischer (1981), On the existence and uniqueness of maximum-likelihood estimates in the Rasch model,
Psychometrika 46, 59-77.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from easyhard.irt.checks import check_fittable
from easyhard.irt.counts import Mask, Places, count_responses
from easyhard.schema import InputError, IntArray

_NAMED_BLOCKS, _NAMED_COLUMNS = 4, 5  # in an error text


def informative(correct: IntArray) -> tuple[Mask, Mask]:
    """Respondents and items of ``correct``, int8 [respondents, items], that say how items compare.

    Left out, in turn until none is left, are items that all or none got right and respondents who got all or
    none right. Raises InputError if fewer than 2 items are left.
    """
    check_fittable(correct)
    respondents, items = (np.ones(n, dtype=bool) for n in correct.shape)
    while respondents.any() and items.sum() >= 2:
        left = correct if respondents.all() and items.all() else correct[np.ix_(respondents, items)]
        counts = count_responses(left)
        some = (counts.respondent_right > 0) & (counts.respondent_right < counts.respondent_seen)
        if some.all() and counts.varies.all():
            return respondents, items
        respondents[respondents], items[items] = some, counts.varies
    raise InputError(
        f"Of {correct.shape[1]} items fewer than 2 are left, once items that all or none got right and respondents "
        "who got all or none right are taken out in turn: the others follow a perfect order, if any. Add "
        "respondents or items, or use fit_rasch, which also learns from the extreme ones."
    )


def check_linked(correct: IntArray, columns: Places) -> None:
    """Raise InputError, naming the blocks by ``columns`` [items], unless every difference can be estimated."""
    if _all_reached(correct == 1, correct == 0) and _all_reached(correct == 0, correct == 1):
        return
    block_of = _blocks(correct)
    order = np.argsort([np.flatnonzero(block_of == block)[0] for block in range(block_of.max() + 1)])
    named = [_name_block(columns[block_of == block]) for block in order[:_NAMED_BLOCKS]]
    more = f"; and {len(order) - len(named)} more" if len(order) > len(named) else ""
    raise InputError(
        f"The items fall into {len(order)} blocks whose distance the responses do not tell: {'; '.join(named)}{more}. "
        "Between two blocks, respondents who got an item of one right and of the other wrong all did so in one "
        "direction, or there are none. Fit each block by itself, add respondents who saw items of several, or "
        "use fit_rasch, which links them through the ability distribution."
    )


def _all_reached(out: Mask, into: Mask) -> bool:
    """Whether every item can be reached from the first, from item to respondent by ``out`` and back by ``into``."""
    reached = np.zeros(out.shape[1], dtype=bool)
    reached[0] = True
    n_reached = 0
    while n_reached < reached.sum():
        n_reached = int(reached.sum())
        passed = out[:, reached].any(axis=1)
        reached |= into[passed].any(axis=0)
    return bool(reached.all())


def _blocks(correct: IntArray) -> Places:
    """Block of each item: its strongly connected component, with respondents as stations between items."""
    n_respondents, n_items = correct.shape
    right_row, right_item = np.nonzero(correct == 1)
    wrong_row, wrong_item = np.nonzero(correct == 0)
    start = np.concatenate([right_item, n_items + wrong_row])
    end = np.concatenate([n_items + right_row, wrong_item])
    n = n_items + n_respondents
    edges = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(n, n)).tocsr()
    _, component = connected_components(edges, directed=True, connection="strong")
    return np.asarray(np.unique(component[:n_items], return_inverse=True)[1])


def _name_block(columns: Places) -> str:
    named = ", ".join(str(column) for column in columns[:_NAMED_COLUMNS])
    dots = ", ..." if len(columns) > _NAMED_COLUMNS else ""
    return f"{len(columns)} item{'s' * (len(columns) > 1)} (column{'s' * (len(columns) > 1)} {named}{dots})"
