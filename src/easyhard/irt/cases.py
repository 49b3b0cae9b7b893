"""Responses reduced to what the Rasch likelihood needs: distinct cases of respondents, groups of items.

Under the Rasch model a respondent counts only through which items it saw and how many of them it answered
correctly, and an item only through who saw it and how many of those were right (Rasch 1960). Complete data
thus shrink to the distinct totals of respondents and of items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from easyhard.schema import MISSING, FloatArray, IntArray

_BLOCK = 4_000_000  # entries of the observed matrix held as floats at once: 32 MB

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Cases:
    """Sufficient statistics of a response matrix.

    A *case* is a set of respondents who saw the same items and got equally many of them right. A *group* is
    a set of items seen by the same respondents and of one kind: they share their difficulty.
    """

    observed: IntArray  # [patterns, groups], 1 where seen; one row if the data are complete
    pattern: Places  # [cases], row of ``observed``; ascending
    n_correct: FloatArray  # [cases], right answers of one respondent
    count: FloatArray  # [cases], respondents
    total: FloatArray  # [groups], right answers to all items of the group
    size: FloatArray  # [groups], items
    case_of: Places  # [respondents]
    group_of: Places  # [items]

    @property
    def complete(self) -> bool:
        """Whether every respondent saw every item."""
        return bool(self.observed.all())

    @property
    def items_seen(self) -> FloatArray:
        """Items seen in each case: [cases]."""
        return self.sum_over_items(np.ones((len(self.size), 1)))[:, 0]

    def sum_over_items(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [groups, n] over the items that each case saw: [cases, n]."""
        weighted = values * self.size[:, None]
        sums = np.concatenate([self.observed[rows].astype(float) @ weighted for rows in self._blocks()])
        return sums[self.pattern]

    def sum_over_cases(self, values: FloatArray) -> FloatArray:
        """Sum ``values`` [cases, n], one row per case, over the cases that saw an item: [groups, n]."""
        first_case = np.searchsorted(self.pattern, np.arange(len(self.observed)))
        by_pattern = np.add.reduceat(values, first_case, axis=0)
        sums = np.zeros((len(self.size), values.shape[1]))
        for rows in self._blocks():
            sums += self.observed[rows].astype(float).T @ by_pattern[rows]
        return sums

    def _blocks(self) -> Iterator[slice]:
        """Slices of the patterns, few enough at once to bound memory."""
        height = max(1, _BLOCK // self.observed.shape[1])
        return (slice(at, at + height) for at in range(0, len(self.observed), height))


def reduce_responses(correct: IntArray, kind: Places) -> Cases:
    """Cases and groups of ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    ``kind`` [items] holds integers from 0; only items of one kind, which must share their difficulty, are
    grouped: those of one total while difficulties are estimated, those of one difficulty once it is known.
    """
    observed = correct != MISSING
    right = correct == 1
    row_first, pattern_of = distinct_rows(observed)
    _, column_of = distinct_rows(observed.T)
    case_first, case_of = _distinct(pattern_of, np.count_nonzero(right, axis=1))
    group_first, group_of = _distinct(column_of, kind)
    return Cases(
        observed=observed[np.ix_(row_first, group_first)].astype(np.int8),
        pattern=pattern_of[case_first],
        n_correct=np.count_nonzero(right[case_first], axis=1).astype(float),
        count=np.bincount(case_of).astype(float),
        total=np.bincount(group_of, np.count_nonzero(right, axis=0)).astype(float),
        size=np.bincount(group_of).astype(float),
        case_of=case_of,
        group_of=group_of,
    )


def distinct_rows(matrix: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """First place of each distinct row, and for every row which distinct one it is."""
    if matrix.all():  # complete data, the usual case: nothing to sort
        return np.zeros(1, dtype=np.intp), np.zeros(len(matrix), dtype=np.intp)
    packed = np.packbits(matrix, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return first, which.reshape(-1)


def _distinct(major: Places, minor: npt.NDArray[Any]) -> tuple[Places, Places]:
    """First place of each distinct pair, in ascending order, and for every entry which pair it is."""
    key = major * (int(minor.max()) + 1) + minor
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    return first, which
