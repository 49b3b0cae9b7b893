"""Responses reduced to what the likelihood needs: distinct cases of respondents, groups of items.

Under the Rasch model a respondent counts only through which items it saw and how many of them it answered
correctly, and an item only through who saw it and how many of those were right (Rasch 1960). Complete data
thus shrink to the distinct totals of respondents and of items. Under 2PL every respondent and every item
stays on its own, but still shares what depends only on the set of items seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from easyhard.irt.counts import BLOCK, Counts, Mask, Places, row_blocks
from easyhard.irt.sample import Sample
from easyhard.schema import MISSING, FloatArray, IntArray

_MOST_BLOCKS = 64  # beyond, what is saved by treating them apart is lost to the size of the loss
_LEAST_GROUPS = 4  # in a block on average; fewer are no blocks, but responses missing here and there


@dataclass(frozen=True, slots=True)
class Cases:
    """A block of respondents.

    A *case* is a set of respondents who saw the same items, come from one population and got equally many
    right; under 2PL, one respondent. A *group* is a set of items that share their parameters.
    """

    observed: Any  # [patterns, groups], 1 where seen: an int8 array (one row if complete) or a CSR array of floats
    pattern: Places  # [cases], row of ``observed``; ascending
    population: Places  # [cases]
    n_correct: FloatArray  # [cases], right answers of one respondent
    count: FloatArray  # [cases], respondents, or the sum of their weights
    size: FloatArray  # [groups], items
    share: FloatArray  # [patterns, blocks], of the items of a block that a pattern has seen; see ``ItemTotals``
    case_of: Places  # [respondents]
    group_of: Places  # [items]
    correct: IntArray | None = None  # [respondents, groups]; under 2PL

    def score(self, slope: FloatArray) -> FloatArray:
        """Right answers of each case, weighted by ``slope`` [groups]: what its likelihood depends on."""
        if self.correct is None:
            return self.n_correct
        scores = np.empty(len(self.correct))
        for rows in row_blocks(self.correct.shape):
            scores[rows] = self._right(rows) @ slope
        by_case = np.empty_like(scores)
        by_case[self.case_of] = scores
        return by_case

    def sum_over_right(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [cases, n] over the cases that got an item right: [groups, n]. Under 2PL only."""
        assert self.correct is not None
        sums = np.zeros((self.correct.shape[1], values.shape[1]))
        for rows in row_blocks(self.correct.shape):
            sums += self._right(rows).T @ values[self.case_of[rows]]
        return sums

    @property
    def items_seen(self) -> FloatArray:
        """Items that each case saw: [cases]."""
        return np.concatenate([block.sum_over_items(self.size[:, None])[:, 0] for block in self.blocks(1)])

    def blocks(self, width: int) -> Iterator[CaseBlock]:
        """The cases, few enough at once for matrices of ``width`` columns and for their observed rows."""
        dense = isinstance(self.observed, np.ndarray) and len(self.observed) > 1
        height = max(1, BLOCK // max(width, self.observed.shape[1] if dense else 1))
        for start in range(0, len(self.count), height):
            rows = slice(start, min(start + height, len(self.count)))
            pattern = self.pattern[rows]
            first, last = int(pattern[0]), int(pattern[-1])
            yield CaseBlock(rows, self.observed[first : last + 1].astype(float, copy=False), pattern - first)

    def _right(self, rows: slice) -> FloatArray:
        assert self.correct is not None
        right = self.correct[rows].astype(float)
        return np.asarray(np.maximum(right, 0, out=right))


@dataclass(frozen=True, slots=True)
class CaseBlock:
    """A slice of the cases, with what they saw as numbers that can be multiplied."""

    cases: slice
    observed: Any  # [patterns of the slice, groups], floats
    pattern: Places  # [cases of the slice]

    def sum_over_items(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [groups, n], one row per group, over what each case saw: [cases, n]."""
        return np.asarray((self.observed @ values)[self.pattern])

    def sum_over_cases(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [cases, n] over the cases that saw a group: [groups, n]."""
        starts = np.searchsorted(self.pattern, np.arange(self.observed.shape[0]))
        return np.asarray(self.observed.T @ np.add.reduceat(values, starts, axis=0))


@dataclass(frozen=True, slots=True)
class ItemTotals:
    """The items of all respondents together.

    A *block* is a set of groups that the same respondents saw, such as one benchmark among several. Where
    there are too many for that to help, as with responses missing at random, all groups are one block.
    """

    total: FloatArray  # [groups], right answers, weighted
    size: FloatArray  # [groups], items
    block_of: Places  # [groups]
    asked: FloatArray  # [groups], respondents who saw an item of the group, weighted
    most_seen: float  # items seen by one respondent, at most
    complete: bool  # whether all respondents saw the same items
    anchor: FloatArray  # [groups], difficulty at which a group is held; NaN if it is estimated


def rasch_cases(
    correct: IntArray, counts: Counts, sample: Sample, anchor: FloatArray | None = None
) -> tuple[Cases, ItemTotals]:
    """Cases and groups of the items of ``correct`` [respondents, items] that vary or have an ``anchor``, for Rasch."""
    anchors = np.full(correct.shape[1], np.nan) if anchor is None else anchor
    kept = counts.varies | np.isfinite(anchors)
    weighted, anchors = item_totals(correct, counts, sample)[kept], anchors[kept]
    n_correct = counts.respondent_right - (correct[:, ~kept] == 1).sum(axis=1)
    if (counts.item_seen[kept] == len(correct)).all():
        pattern_of = np.zeros(len(correct), dtype=np.intp)
        group_first, group_of = distinct_keys(weighted, anchors)
        column_of = np.zeros(int(group_of.max()) + 1, dtype=np.intp)
        observed: IntArray = np.ones((1, int(group_of.max()) + 1), dtype=np.int8)
    else:
        seen = (correct if kept.all() else correct[:, kept]) != MISSING
        row_first, pattern_of = distinct(np.packbits(seen, axis=1))
        _, column_of = distinct(np.packbits(seen, axis=0).T)
        group_first, group_of = by_appearance(*distinct_keys(column_of, weighted, anchors))
        observed, column_of = _pick(seen, row_first, group_first), column_of[group_first]
    case_first, case_of = distinct_keys(pattern_of, sample.population, n_correct)
    size = np.bincount(group_of).astype(float)
    block_of, share = _blocks(column_of, observed, size)
    cases = Cases(
        observed=observed,
        pattern=pattern_of[case_first],
        population=sample.population[case_first],
        n_correct=n_correct[case_first].astype(float),
        count=np.bincount(case_of, sample.weight).astype(float),
        size=size,
        share=share,
        case_of=case_of,
        group_of=group_of,
    )
    total = np.bincount(group_of, weighted).astype(float)
    return cases, _item_totals(cases, total, block_of, anchors[group_first])


def single_cases(correct: IntArray, counts: Counts, sample: Sample, kept: Mask) -> tuple[Cases, ItemTotals]:
    """Cases of one respondent each, groups of one item each, of the ``kept`` items [items]: what 2PL needs."""
    varying = correct if kept.all() else correct[:, kept]
    n_respondents, n_items = varying.shape
    if (counts.item_seen[kept] == n_respondents).all():
        observed: IntArray = np.ones((1, n_items), dtype=np.int8)
        pattern_of, column_of = np.zeros(n_respondents, dtype=np.intp), np.zeros(n_items, dtype=np.intp)
    else:
        seen = varying != MISSING
        row_first, pattern_of = distinct(np.packbits(seen, axis=1))
        _, column_of = distinct(np.packbits(seen, axis=0).T)
        observed = _pick(seen, row_first, np.arange(n_items))
    order = np.argsort(pattern_of, kind="stable")
    case_of = np.empty(n_respondents, dtype=np.intp)
    case_of[order] = np.arange(n_respondents)
    block_of, share = _blocks(column_of, observed, np.ones(n_items))
    cases = Cases(
        observed=observed,
        pattern=pattern_of[order],
        population=sample.population[order],
        n_correct=counts.respondent_right[order].astype(float),
        count=sample.weight[order],
        size=np.ones(n_items),
        share=share,
        case_of=case_of,
        group_of=np.arange(n_items),
        correct=varying,
    )
    total = item_totals(correct, counts, sample)[kept]
    return cases, _item_totals(cases, total, block_of, np.full(n_items, np.nan))


def _item_totals(cases: Cases, total: FloatArray, block_of: Places, anchor: FloatArray) -> ItemTotals:
    asked = np.zeros(len(total))
    for block in cases.blocks(1):
        asked += block.sum_over_cases(cases.count[block.cases, None])[:, 0]
    most_seen, complete = float(cases.items_seen.max()), len(cases.observed) == 1
    return ItemTotals(total, cases.size, block_of, asked, most_seen, complete, anchor)


def _blocks(column_of: Places, observed: IntArray, size: FloatArray) -> tuple[Places, FloatArray]:
    """Block of each group, given its column pattern, and the share of each block that each pattern has seen."""
    n_blocks = column_of.max() + 1
    few = n_blocks <= min(_MOST_BLOCKS, len(column_of) // _LEAST_GROUPS)
    block_of = column_of if few else np.zeros_like(column_of)
    member = (block_of[:, None] == np.arange(block_of.max() + 1)) * size[:, None]
    shares = [observed[rows].astype(float) @ member for rows in row_blocks(observed.shape)]
    return block_of, np.concatenate(shares) / member.sum(axis=0)


def item_totals(correct: IntArray, counts: Counts, sample: Sample) -> FloatArray:
    """Right answers to each item, by the respondents' weights: [items]."""
    if (sample.weight == 1).all():
        return counts.item_right.astype(float)
    totals = np.zeros(correct.shape[1])
    for rows in row_blocks(correct.shape):
        totals += sample.weight[rows] @ np.maximum(correct[rows], 0)
    return totals


def distinct(rows: npt.NDArray[np.uint8]) -> tuple[Places, Places]:
    """First place of each distinct row, in order of appearance, and for every row which distinct one it is."""
    known: dict[bytes, int] = {}
    which = np.array([known.setdefault(row.tobytes(), len(known)) for row in np.ascontiguousarray(rows)])
    return np.unique(which, return_index=True)[1], which


def by_appearance(first: Places, which: Places) -> tuple[Places, Places]:
    """``first`` ascending, and ``which`` to match: where all are distinct, nothing needs to be moved."""
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[which]


def distinct_keys(*keys: npt.NDArray[Any]) -> tuple[Places, Places]:
    """First place of each distinct tuple of ``keys``, in ascending order, and for every entry which it is."""
    key = np.zeros(len(keys[0]), dtype=np.intp)
    for part in keys:
        values, code = np.unique(part, return_inverse=True)
        key = key * len(values) + code
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which


def _pick(seen: Mask, rows: Places, columns: Places) -> IntArray:
    """``seen[rows][:, columns]`` as int8, without a copy where all are picked."""
    if len(rows) < len(seen):
        seen = seen[rows]
    if len(columns) < seen.shape[1]:
        seen = seen[:, columns]
    return seen.view(np.int8)
