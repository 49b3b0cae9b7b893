"""Responses of which only the observed ones are listed, as item counts and as cases.

Which items a respondent saw, and which respondents saw an item, are told apart by sums of hashes. A sum over
respondents can be taken in parts, so that parts of the data need not meet to find what they have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from easyhard.irt.cases import Cases, by_appearance, distinct_keys, few_blocks
from easyhard.irt.counts import Mask, Places
from easyhard.schema import InputError, SparseResponses

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """Sums over respondents; adding two gives those of both parts together."""

    n_respondents: int
    right: Places  # [items]
    seen: Places  # [items]
    observers: Hashes  # [items], alike where the same respondents saw both

    def __add__(self, other: ItemCounts) -> ItemCounts:
        return ItemCounts(
            self.n_respondents + other.n_respondents,
            self.right + other.right,
            self.seen + other.seen,
            self.observers + other.observers,
        )

    @property
    def varies(self) -> Mask:
        """Which items have both right and wrong answers: [items]."""
        return np.asarray((self.right > 0) & (self.right < self.seen))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some of the items, as columns."""

    column: npt.NDArray[np.int32]  # [items], of each item that is chosen; -1 for the others
    block_of: Places  # [columns], see ``ItemTotals``

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.block_of)


def count_items(responses: SparseResponses, n_items: int) -> ItemCounts:
    """Counts of ``responses``. Raises InputError if they are not what SparseResponses promises."""
    _check(responses, n_items)
    item, respondent = responses.item, _respondent(responses)
    observers = np.zeros(n_items, dtype=np.uint64)
    np.add.at(observers, item, _mixed(_sets(responses, n_items))[respondent])
    return ItemCounts(
        n_respondents=len(responses.starts) - 1,
        right=np.bincount(item[responses.correct == 1], minlength=n_items),
        seen=np.bincount(item, minlength=n_items),
        observers=observers,
    )


def choose(counts: ItemCounts, items: Places) -> Chosen:
    """``items`` [columns] as columns; those that the same respondents saw are a block, if the blocks are few."""
    column = np.full(len(counts.seen), -1, dtype=np.int32)
    column[items] = np.arange(len(items))
    _, block_of = np.unique(counts.observers[items], return_inverse=True)
    return Chosen(column, few_blocks(block_of))


def sparse_cases(responses: SparseResponses, chosen: Chosen, single: bool = False) -> Cases:
    """Cases of the respondents of ``responses`` on the ``chosen`` items, each item a group; see ``Cases``.

    ``single`` makes each respondent a case, with its right answers: what 2PL needs. If there are no respondents there
    is one who saw nothing, who counts for nothing.
    """
    some = of_items(responses, chosen)
    if len(some.starts) == 1:
        some = SparseResponses(np.zeros(2, dtype=np.int64), some.item, some.correct)
    n_correct = _sums(some, some.correct.astype(np.intp))
    pattern_first, pattern_of = by_appearance(*distinct_keys(_sets(some, chosen.size)))
    of_case = (pattern_of, np.arange(len(n_correct))) if single else (pattern_of, n_correct)
    case_first, case_of = distinct_keys(*of_case)
    shape = (len(n_correct), chosen.size)
    observed: Any = csr_array((np.ones(len(some.item)), some.item, some.starts), shape=shape)
    right: Any = None
    if single:
        solved = some.item[some.correct == 1]
        right = csr_array((np.ones(len(solved)), solved, np.append(0, np.cumsum(n_correct))), shape=shape)
    if len(pattern_first) < len(n_correct):
        observed = observed[pattern_first]
    n_blocks = int(chosen.block_of.max()) + 1
    member = (chosen.block_of[:, None] == np.arange(n_blocks)).astype(float)
    return Cases(
        observed=observed,
        pattern=pattern_of[case_first],
        population=np.zeros(len(case_first), dtype=np.intp),
        n_correct=n_correct[case_first].astype(float),
        count=np.bincount(case_of).astype(float),
        size=np.ones(chosen.size),
        share=np.asarray(observed @ member) / member.sum(axis=0),
        case_of=case_of,
        group_of=np.arange(chosen.size),
        correct=right,
    )


def of_items(responses: SparseResponses, chosen: Chosen) -> SparseResponses:
    """The responses to ``chosen`` items, numbered by their columns; all respondents stay."""
    column = chosen.column[responses.item]
    kept = column >= 0
    starts = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[responses.starts]
    return SparseResponses(starts, column[kept], responses.correct[kept])


def of_respondents(responses: SparseResponses, chosen: Mask) -> SparseResponses:
    """The responses of the ``chosen`` [respondents]."""
    kept = chosen[_respondent(responses)]
    n_seen = np.diff(responses.starts)[chosen]
    return SparseResponses(
        np.concatenate([[0], np.cumsum(n_seen)]).astype(np.int64), responses.item[kept], responses.correct[kept]
    )


def _check(responses: SparseResponses, n_items: int) -> None:
    starts, item, correct = responses.starts, responses.item, responses.correct
    n = len(item)
    finding = ""
    if len(starts) == 0 or starts[0] != 0 or starts[-1] != n or (np.diff(starts) < 0).any():
        finding = f"its starts do not rise from 0 to its {n} responses"
    elif len(correct) != n:
        finding = f"it has {n} items but {len(correct)} codes of correct"
    elif n and (item.min() < 0 or item.max() >= n_items):
        place = int(np.flatnonzero((item < 0) | (item >= n_items))[0])
        finding = f"response {place} is to item {item[place]}, and the items are 0 to {n_items - 1}"
    elif n and (correct.min() < 0 or correct.max() > 1):
        place = int(np.flatnonzero((correct < 0) | (correct > 1))[0])
        finding = f"response {place} has the code {correct[place]}, and 1 is correct, 0 wrong"
    else:
        repeated = _first_repeat(responses, n_items)
        if repeated is not None:
            finding = f"respondent {repeated[0]} has more than one response to item {repeated[1]}"
    if finding:
        raise InputError(f"{finding}. Give each shard as SparseResponses: only observed responses, one a pair.")


def _first_repeat(responses: SparseResponses, n_items: int) -> tuple[int, int] | None:
    """Respondent and item of the first pair that occurs twice."""
    pair = _respondent(responses) * n_items + responses.item
    if (np.diff(pair) <= 0).any():  # not in ascending order as it is
        pair.sort()
    place = np.flatnonzero(np.diff(pair) == 0)
    return divmod(int(pair[place[0]]), n_items) if len(place) else None


def _respondent(responses: SparseResponses) -> Places:
    """Respondent of every response: [responses]."""
    return np.repeat(np.arange(len(responses.starts) - 1), np.diff(responses.starts))


def _sums(responses: SparseResponses, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sums of ``values`` [responses] for every respondent: [respondents]."""
    running = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values, dtype=values.dtype)])
    return np.asarray(running[responses.starts[1:]] - running[responses.starts[:-1]])


def _sets(responses: SparseResponses, n_items: int) -> Hashes:
    """Hash of the set of items that each respondent saw: [respondents]."""
    of_item = _mixed(np.arange(n_items, dtype=np.uint64))
    return _sums(responses, of_item[responses.item])


def _mixed(values: Hashes) -> Hashes:
    """Hash of each of ``values``: splitmix64 (Steele, Lea & Flood 2014, OOPSLA, 453-472)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
