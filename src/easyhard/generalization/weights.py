"""Weights [train_bins, eval_bins] that turn a matrix of gains into one number, from the cells with a result.

``present`` [train_bins, eval_bins] says which cells may be used; other cells get weight 0. Each function
returns None when the cells present do not determine its number.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from easyhard.schema import FloatArray

BoolArray = npt.NDArray[np.bool_]


def rectangle(gains: FloatArray) -> BoolArray:
    """Cells of the training bins with a result, at the evaluation bins where all of those have one."""
    known = ~np.isnan(gains)
    rows = known.any(axis=1)
    columns = known[rows].all(axis=0) if rows.any() else np.zeros(gains.shape[1], dtype=bool)
    return np.outer(rows, columns)


def slope(present: BoolArray, distances: FloatArray | None = None) -> FloatArray | None:
    """Least-squares slope on distance in ``gain = row + column + slope * distance``.

    ``distances`` [train_bins, eval_bins], ``|train_bin - eval_bin|`` if not given.
    """
    rows, columns = np.nonzero(present)
    count = len(present)
    distance = np.abs(rows - columns).astype(np.float64) if distances is None else distances[rows, columns]
    effects = np.column_stack([rows[:, None] == np.arange(count), columns[:, None] == np.arange(count)])
    effects = effects.astype(np.float64)
    if not len(rows):
        return None
    # Frisch-Waugh: what rows and columns leave of the distance carries the slope, and it alone.
    rest = distance - effects @ np.linalg.lstsq(effects, distance, rcond=None)[0]
    if (rest**2).sum() < 1e-9:
        return None
    weights = np.zeros(present.shape)
    weights[rows, columns] = rest / (rest**2).sum()
    return weights


def diagonal(present: BoolArray) -> FloatArray | None:
    """Gain of a bin's own training minus the mean of the others', averaged over evaluation bins."""
    own = np.eye(len(present), dtype=bool)
    return _within_columns(present & own, present & ~own)


def easier_minus_harder(present: BoolArray) -> FloatArray | None:
    """Mean gain from easier minus from harder training bins, averaged over evaluation bins with both."""
    return _within_columns(np.triu(present, 1), np.tril(present, -1))


def mean_of(cells: BoolArray) -> FloatArray | None:
    """Mean over ``cells``."""
    return cells / cells.sum() if cells.any() else None


def _within_columns(plus: BoolArray, minus: BoolArray) -> FloatArray | None:
    """Mean of ``plus`` minus mean of ``minus`` in each evaluation bin that has both, averaged over those."""
    both = plus.any(axis=0) & minus.any(axis=0)
    if not both.any():
        return None
    weights: FloatArray = (_column_shares(plus) - _column_shares(minus)) * both / both.sum()
    return weights


def _column_shares(cells: BoolArray) -> FloatArray:
    """Each cell's share of its column; columns without a cell stay 0."""
    shares: FloatArray = cells / np.maximum(cells.sum(axis=0), 1)
    return shares
