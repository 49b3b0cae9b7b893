"""Responses reduced to what the likelihood needs: distinct cases of respondents, groups of items.

Under the Rasch model a respondent counts only through which items it saw and how many of them it answered
correctly, and an item only through who saw it and how many of those were right (Rasch 1960). Complete data
thus shrink to the distinct totals of respondents and of items. Under 2PL every respondent and every item
stays on its own, but still shares what depends only on the set of items seen.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from easyhard.irt.counts import Counts, Mask, Places, row_blocks
from easyhard.irt.sample import Sample
from easyhard.schema import MISSING, FloatArray, IntArray

_MOST_BLOCKS = 64  # beyond, what is saved by treating them apart is lost to the size of the loss
_CACHED = 250_000  # entries of a matrix turned to numbers at once, 2 MB
_SLICE = 100_000  # entries of a matrix over cases at once; a slice takes ten of them, 8 MB
_TALLEST = 4096  # rows of a matrix at once; of more, few columns are too narrow to be read fast
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
    correct: Any = None  # [respondents, groups], under 2PL: an int8 array, or a CSR array of floats, 1 where right

    @property
    def respondent_of(self) -> Places:
        """Under 2PL the respondent that each case is: [cases]."""
        return np.argsort(self.case_of)

    def score(self, rows: slice, slope: FloatArray) -> FloatArray:
        """Right answers of the cases in ``rows``, weighted by ``slope`` [groups]: what their likelihood depends on."""
        if self.correct is None:
            return self.n_correct[rows]
        if not isinstance(self.correct, np.ndarray):
            return np.asarray(self.correct[self.respondent_of[rows]] @ slope)
        scores = np.zeros(rows.stop - rows.start)
        for columns, right in self._right(rows):
            scores += right @ slope[columns]
        return scores

    def sum_over_right(self, rows: slice, values: FloatArray) -> FloatArray:
        """Sum ``values`` [cases in rows, n] over those that got an item right: [groups, n]. Under 2PL only."""
        if not isinstance(self.correct, np.ndarray):
            return np.asarray(self.correct[self.respondent_of[rows]].T @ values)
        sums = np.empty((values.shape[1], len(self.size)))
        for columns, right in self._right(rows):
            np.matmul(values.T, right, out=sums[:, columns])
        return sums.T

    @property
    def n_entries(self) -> int:
        """Numbers read for a sum over everything."""
        return int(self.observed.size + (0 if self.correct is None else self.correct.size))

    @property
    def complete(self) -> bool:
        """Whether every respondent saw every item."""
        return isinstance(self.observed, np.ndarray) and len(self.observed) == 1 and bool(self.observed.all())

    @property
    def items_seen(self) -> FloatArray:
        """Items that each case saw: [cases]."""
        if self.complete:
            return np.full(len(self.count), self.size.sum())
        return np.concatenate([self.block(rows).sum_over_items(self.size[:, None])[:, 0] for rows in self.slices(1)])

    def slices(self, width: int) -> list[slice]:
        """Slices of the cases, few enough at once for matrices of ``width`` columns."""
        n, sparse = len(self.count), not isinstance(self.observed, np.ndarray)
        tallest = max(1, _SLICE // width)
        n_slices = math.ceil(n / (tallest if sparse else min(tallest, _TALLEST)))
        ends = np.linspace(0, n, n_slices + 1).astype(int)
        return [slice(int(start), int(end)) for start, end in itertools.pairwise(ends)]

    def block(self, rows: slice) -> CaseBlock:
        """The cases in ``rows`` with what they saw."""
        pattern = self.pattern[rows]
        first, last = int(pattern[0]), int(pattern[-1])
        return CaseBlock(rows, self.observed[first : last + 1], pattern - first, self.complete)

    def _right(self, rows: slice) -> Iterator[tuple[slice, FloatArray]]:
        """The right answers of the cases in ``rows`` as numbers, some columns at a time: each is gone with the next."""
        respondents = self.respondent_of[rows]
        if (np.diff(respondents) == 1).all():
            of_rows = self.correct[respondents[0] : respondents[-1] + 1]
        else:
            of_rows = self.correct[respondents]
        for columns, right in _column_blocks(of_rows):
            yield columns, right if self.complete else np.maximum(right, 0, out=right)


@dataclass(frozen=True, slots=True)
class CaseBlock:
    """A slice of the cases, with what they saw."""

    cases: slice
    observed: Any  # [patterns of the slice, groups], as in ``Cases``
    pattern: Places  # [cases of the slice]
    complete: bool  # whether every case, of all slices, saw every item

    def sum_over_items(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [groups, n], one row per group, over what each case saw: [cases, n].

        Where all saw everything it is one row for all, and sums over some or all groups may stand for ``values``.
        """
        if self.complete:
            return np.asarray(values.sum(axis=0, keepdims=True))
        if not isinstance(self.observed, np.ndarray):
            return np.asarray((self.observed @ values)[self.pattern])
        sums = np.zeros((len(self.observed), values.shape[1]))
        for columns, seen in _column_blocks(self.observed):
            sums += seen @ values[columns]
        return sums[self.pattern]

    def sum_over_cases(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [cases, n] over the cases that saw a group: [groups, n], or one row for all groups alike."""
        starts = np.searchsorted(self.pattern, np.arange(self.observed.shape[0]))
        by_pattern = np.add.reduceat(values, starts, axis=0)
        if self.complete:
            return np.asarray(by_pattern)
        if not isinstance(self.observed, np.ndarray):
            return np.asarray(self.observed.T @ by_pattern)
        sums = np.empty((self.observed.shape[1], values.shape[1]))
        for columns, seen in _column_blocks(self.observed):
            np.matmul(seen.T, by_pattern, out=sums[columns])
        return sums


def _column_blocks(codes: IntArray) -> Iterator[tuple[slice, FloatArray]]:
    """``codes`` [rows, columns] as numbers that can be multiplied, some columns at a time.

    All in one place in memory, which stays in the cache: to write new memory takes longer than to multiply it.
    """
    n_rows, n_columns = codes.shape
    width = min(max(1, _CACHED // n_rows), n_columns)
    numbers = np.empty(n_rows * width)
    for start in range(0, n_columns, width):
        columns = slice(start, min(start + width, n_columns))
        block = numbers[: n_rows * (columns.stop - start)].reshape(n_rows, -1)
        np.copyto(block, codes[:, columns])
        yield columns, block


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
    complete: bool  # whether all respondents saw all items
    few_sets: bool  # whether they saw few different sets of items
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
        patterns, pattern_of, column_of = _patterns((correct if kept.all() else correct[:, kept]) != MISSING)
        group_first, group_of = by_appearance(*distinct_keys(column_of, weighted, anchors))
        every = len(group_first) == patterns.shape[1]
        observed, column_of = patterns if every else patterns[:, group_first], column_of[group_first]
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


def single_cases(
    correct: IntArray, counts: Counts, sample: Sample, kept: Mask, anchor: FloatArray | None = None
) -> tuple[Cases, ItemTotals]:
    """Cases of one respondent each, groups of one item each, of the ``kept`` items [items]: what 2PL needs."""
    varying = correct if kept.all() else correct[:, kept]
    n_respondents, n_items = varying.shape
    n_correct = counts.respondent_right - (correct[:, ~kept] == 1).sum(axis=1)
    if (counts.item_seen[kept] == n_respondents).all():
        observed: IntArray = np.ones((1, n_items), dtype=np.int8)
        pattern_of, column_of = np.zeros(n_respondents, dtype=np.intp), np.zeros(n_items, dtype=np.intp)
    else:
        observed, pattern_of, column_of = _patterns(varying != MISSING)
    order = np.lexsort((n_correct, pattern_of))  # like respondents together: their posteriors share a narrow window
    case_of = np.empty(n_respondents, dtype=np.intp)
    case_of[order] = np.arange(n_respondents)
    block_of, share = _blocks(column_of, observed, np.ones(n_items))
    cases = Cases(
        observed=observed,
        pattern=pattern_of[order],
        population=sample.population[order],
        n_correct=n_correct[order].astype(float),
        count=sample.weight[order],
        size=np.ones(n_items),
        share=share,
        case_of=case_of,
        group_of=np.arange(n_items),
        correct=varying,
    )
    total = item_totals(correct, counts, sample)[kept]
    return cases, _item_totals(cases, total, block_of, np.full(n_items, np.nan) if anchor is None else anchor[kept])


def _item_totals(cases: Cases, total: FloatArray, block_of: Places, anchor: FloatArray) -> ItemTotals:
    asked = np.zeros(len(total))
    for rows in cases.slices(1):
        asked += cases.block(rows).sum_over_cases(cases.count[rows, None])[:, 0]
    most_seen = float(cases.items_seen.max())
    few_sets = cases.observed.shape[0] <= _MOST_BLOCKS
    return ItemTotals(total, cases.size, block_of, asked, most_seen, cases.complete, few_sets, anchor)


def _blocks(column_of: Places, observed: IntArray, size: FloatArray) -> tuple[Places, FloatArray]:
    """Block of each group, given its column pattern, and the share of each block that each pattern has seen."""
    block_of = few_blocks(column_of)
    member = (block_of[:, None] == np.arange(block_of.max() + 1)) * size[:, None]
    shares = [observed[rows].astype(float) @ member for rows in row_blocks(observed.shape)]
    return block_of, np.concatenate(shares) / member.sum(axis=0)


def few_blocks(block_of: Places) -> Places:
    """``block_of`` [groups] where blocks are few and large enough to be worth it; else all groups are one block."""
    few = block_of.max() < min(_MOST_BLOCKS, len(block_of) // _LEAST_GROUPS)
    return block_of if few else np.zeros_like(block_of)


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


def _patterns(seen: Mask) -> tuple[IntArray, Places, Places]:
    """The distinct rows of ``seen``, as int8; which of them each row is; and for each column which distinct one it is.

    Columns that agree in the distinct rows agree in all.
    """
    first, pattern_of = distinct(np.packbits(seen, axis=1))
    if len(first) < len(seen):
        seen = seen[first]
    _, column_of = distinct(np.packbits(seen, axis=0).T)
    return seen.view(np.int8), pattern_of, column_of
