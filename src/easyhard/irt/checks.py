"""What responses must be before anything is estimated from them."""

from __future__ import annotations

import numpy as np

from easyhard.irt.counts import Counts, Mask, Places, count_responses
from easyhard.schema import InputError, IntArray


def check_fittable(correct: IntArray) -> Counts:
    """Counts of ``correct``, int8 [respondents, items]. Raises InputError unless a model can be fitted to it."""
    counts = count_responses(correct)
    check_counts(len(counts.respondent_seen), counts.item_seen, counts.varies)
    return counts


def check_counts(n_respondents: int, item_seen: Places, varies: Mask) -> None:
    """Raise InputError unless a model can be fitted to items with these responses and this variation: [items]."""
    n_items = len(item_seen)
    if n_respondents < 2 or n_items < 2:
        raise InputError(
            f"{n_respondents} respondents x {n_items} items are too few to calibrate: difficulty is how "
            "items compare across respondents. Give at least 2 of each."
        )
    empty = np.flatnonzero(item_seen == 0)
    if len(empty):
        raise InputError(
            f"{len(empty)} of {n_items} items have no response (first: column {empty[0]}). "
            "Drop them, or add respondents who answered them."
        )
    varying = int(varies.sum())
    if varying < 2:
        raise InputError(
            f"{varying} of {n_items} items were answered correctly by some respondents and wrongly by "
            "others; the rest say nothing about who is able. Add respondents or items until at least 2 vary."
        )
