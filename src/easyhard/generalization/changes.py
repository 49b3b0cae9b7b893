"""Per-item changes of one model, and weighted sums of its cells with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from easyhard.generalization.crossed import Spread, error_variance
from easyhard.schema import FloatArray, Interval

_Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)  # without slots: its cells are worked out once, and kept
class Changes:
    """Trained minus zero-shot correctness of one model, item by item.

    ``by_eval_bin[j]`` is ``[rows, seeds, items of bin j]``: 1, 0 or -1, NaN where either response is missing or
    the run failed. A row is what the model was trained on: a bin, where nothing else is said, or a mixture.
    """

    by_eval_bin: tuple[FloatArray, ...]

    @property
    def count(self) -> int:
        """Number of bins."""
        return len(self.by_eval_bin)

    @property
    def n_rows(self) -> int:
        """Number of trainings, seeds aside; with single bins alone the number of bins."""
        return len(self.by_eval_bin[0])

    def stacked(self, others: Changes) -> Changes:
        """These rows, then those of ``others``, on the same items."""
        pairs = zip(self.by_eval_bin, others.by_eval_bin, strict=True)
        return Changes(tuple(np.concatenate(pair) for pair in pairs))

    def gains(self) -> FloatArray:
        """Gain of every cell, ``[rows, eval_bins]``; NaN without a result."""
        return self._cells.gains.copy()

    @cached_property
    def _cells(self) -> _Cells:
        return _Cells.of(self)


@dataclass(frozen=True, slots=True)
class _Cells:
    """What a weighted sum of cells needs to know of each; 0 for a cell without a result, but for its gain of NaN."""

    gains: FloatArray  # [rows, eval_bins]
    influence: tuple[FloatArray, ...]  # [rows, items] of every evaluation bin: each item's part of the gain
    error: FloatArray  # [rows, eval_bins]: variance by the interaction of item and seed
    deviations: FloatArray  # [rows, seeds, eval_bins] from the mean over seeds
    n_seeds: FloatArray  # [rows]

    @classmethod
    def of(cls, changes: Changes) -> _Cells:
        shape = (changes.n_rows, changes.count)
        gains, error = np.full(shape, np.nan), np.zeros(shape)
        deviations = np.zeros((changes.n_rows, changes.by_eval_bin[0].shape[1], changes.count))
        n_seeds = np.ones(changes.n_rows)
        influence = tuple(np.zeros((changes.n_rows, change.shape[2])) for change in changes.by_eval_bin)
        for eval_bin, change in enumerate(changes.by_eval_bin):
            for row in range(changes.n_rows):
                sample, seeds, items = _complete(change[row])
                if not len(items):
                    continue
                mean = gains[row, eval_bin] = sample.mean()
                influence[eval_bin][row, items] = (sample.mean(axis=0) - mean) / len(items)
                error[row, eval_bin] = error_variance(sample)
                deviations[row, seeds, eval_bin] = sample.mean(axis=1) - mean
                n_seeds[row] = max(n_seeds[row], len(seeds))
        return cls(gains, influence, error, deviations, n_seeds)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of gains, in proportion correct, and its spread over items and seeds.

    ``influence`` [items of all bins] is what each item adds to the sum beyond its share. Its squares add up to the
    variance over items, and its products with that of another contrast on the same items to their covariance.
    """

    value: float
    spread: Spread
    influence: FloatArray

    def interval(self, level: float = 0.95) -> Interval | None:
        """Interval at coverage ``level``; None if every item says the same: its width is then unknown."""
        half = self.spread.half_width(level)
        return Interval(self.value - half, self.value + half, level) if half > 1e-12 else None


def contrast(changes: Changes, weights: FloatArray) -> Contrast:
    """Sum of ``weights`` [rows, eval_bins] times gains; a weight on a cell without result is an error.

    The items of an evaluation bin are shared by all rows and the seeds of a row by all evaluation bins, so the
    sum is first taken per item and per seed, and only then its variance: what is common to the cells of a row or
    column cancels, or adds up, as it should. Seeds are taken to scatter alike in every row, so that a few per row
    add up to a usable estimate.
    """
    cells = changes._cells
    value = float((weights[weights != 0] * cells.gains[weights != 0]).sum())
    influence = np.concatenate(
        [
            weights[:, eval_bin] @ items * np.sqrt(items.shape[1] / max(items.shape[1] - 1, 1))
            for eval_bin, items in enumerate(cells.influence)
        ]
    )
    freedom = float((cells.n_seeds - 1).sum())
    seeds = _seeds_variance(cells.deviations, weights, cells.n_seeds, freedom) if freedom else 0.0
    spread = Spread(float((influence**2).sum()), seeds, float((weights**2 * cells.error).sum()), freedom)
    return Contrast(value, spread, influence)


def _seeds_variance(deviations: FloatArray, weights: FloatArray, n_seeds: FloatArray, freedom: float) -> float:
    """Variance from seeds, drawn anew for every row.

    ``deviations`` [rows, seeds, eval_bins] from the mean over seeds, ``n_seeds`` [rows].
    """
    scatter = np.einsum("isj,isk->jk", deviations, deviations) / freedom
    return float((((weights @ scatter) * weights).sum(axis=1) / n_seeds).sum())


def _complete(change: FloatArray) -> tuple[FloatArray, _Indices, _Indices]:
    """From [seeds, items]: the part without gaps, the seeds with a result, the items all those have."""
    seeds = np.flatnonzero(~np.isnan(change).all(axis=1))
    items = np.flatnonzero(~np.isnan(change[seeds]).any(axis=0)) if len(seeds) else seeds
    return change[np.ix_(seeds, items)], seeds, items
