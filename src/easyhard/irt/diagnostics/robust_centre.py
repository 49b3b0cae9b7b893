"""Where most of some estimates lie, many of the others lying to one side."""

from __future__ import annotations

import numpy as np

from easyhard.schema import FloatArray

_REACH = 2.5  # standard errors at which an estimate no longer counts: 3 lets more bias in, 2 wanders more
_TOLERANCE = 1e-6
_MOST_ITERATIONS = 200
_HALF_WIDTH = 0.6745  # of the middle half of a standard normal


def robust_centre(estimate: FloatArray, standard_error: FloatArray) -> float:
    """Tukey's biweight centre of ``estimate`` [n], from the middle of its densest half.

    An estimate counts the less the more of its standard errors [n] it is away, and not at all from 2.5 on; where
    the densest half is wider than standard errors explain, they are stretched to match. Sources: Rousseeuw & Leroy
    (1987), Robust Regression and Outlier Detection, ch. 4; Beaton & Tukey (1974), Technometrics 16, 147-185.
    """
    low, high = _densest_half(estimate)
    centre = (low + high) / 2
    z = (estimate - centre) / standard_error
    low, high = _densest_half(z)
    reach = _REACH * standard_error * max((high - low) / 2 / _HALF_WIDTH, 1.0)
    for _ in range(_MOST_ITERATIONS):
        weight = np.maximum(1 - ((estimate - centre) / reach) ** 2, 0) ** 2 / standard_error**2
        moved = float(weight @ estimate / weight.sum()) - centre
        centre += moved
        if abs(moved) < _TOLERANCE:
            break
    return centre


def _densest_half(values: FloatArray) -> tuple[float, float]:
    """Ends of the shortest interval that holds half of ``values`` [n]."""
    ordered = np.sort(values)
    half = len(ordered) // 2 + 1
    widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
    at = int(np.argmin(widths))
    return float(ordered[at]), float(ordered[at + half - 1])
