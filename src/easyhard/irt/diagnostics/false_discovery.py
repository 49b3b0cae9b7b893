"""Many tests at once: p-values adjusted for the false-discovery rate."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from easyhard.schema import FloatArray

LEVEL = 0.05  # of the false-discovery rate wherever a diagnostic names what it found


def benjamini_hochberg(p: FloatArray, n_tests: int | None = None) -> FloatArray:
    """Adjusted p-values: calling all below q a finding makes a share of at most q of them false, on average.

    ``p`` [tests]; NaN stays NaN and is no test. ``n_tests`` is the number of tests made, if only the smallest
    p-values are given. Source: Benjamini & Hochberg (1995), JRSS B 57, 289-300.
    """
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    n = len(order) if n_tests is None else n_tests
    scaled = p[order] * n / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def two_sided(z: FloatArray) -> FloatArray:
    """p-value of a standard normal deviate, either sign counting against the model."""
    return np.asarray(2 * ndtr(-np.abs(z)))
