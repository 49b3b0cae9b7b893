"""Where the integrals over ability are taken: a uniform grid that follows the length of the test.

The trapezoid rule on a uniform grid is exponentially accurate for a smooth integrand that vanishes at both
ends: with spacing ``h`` and a normal integrand of standard deviation ``s`` its relative error is about
``2 exp(-2 (pi s / h)^2)`` (Trefethen & Weideman 2014, SIAM Review 56, 385-458). So the spacing is tied to
the sharpest posterior there can be, which for thousands of items is a few hundredths of a logit, and the
ends to the outermost posteriors.

Curves over ability are smooth on the scale of a logit whatever the length of the test, so they are computed
at few Chebyshev nodes only and interpolated to the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from easyhard.schema import FloatArray

_SPACING = 0.8  # of the sharpest posterior's standard deviation: relative error exp(-30)
_WIDEST_SPACING = 0.5  # logits; the posteriors of short tests are wide but not normal
_INTERPOLATION_ERROR = 1e-11  # relative; summed over ten thousand items still 1e-7 of a log-likelihood


@dataclass(frozen=True, slots=True)
class Quadrature:
    """A uniform grid of abilities and the nodes from which smooth curves reach it."""

    ability: FloatArray  # [points]
    spacing: float
    nodes: FloatArray  # [nodes]
    interpolation: FloatArray  # [points, nodes]: values at the points = interpolation @ values at the nodes


def quadrature(low: float, high: float, most_information: float, steepest: float) -> Quadrature:
    """Grid from ``low`` to ``high`` for posteriors of at most ``most_information`` (1 / variance).

    ``steepest`` is the largest discrimination among the curves to be interpolated.
    """
    widest = min(_SPACING / math.sqrt(most_information), _WIDEST_SPACING / max(steepest, 1.0))
    n_points = math.ceil((high - low) / widest) + 1
    ability, spacing = np.linspace(low, high, n_points, retstep=True)
    angles = _chebyshev_angles(high - low, steepest)
    if len(angles) >= n_points:  # a short test: the grid itself has fewer points
        return Quadrature(ability, float(spacing), ability, np.eye(n_points))
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    return Quadrature(ability, float(spacing), nodes, _interpolation(ability, nodes, angles))


def _chebyshev_angles(width: float, steepest: float) -> FloatArray:
    """Angles of the Chebyshev nodes that suffice for logistic curves on an interval of ``width``.

    Logistic curves are analytic up to poles at distance pi / discrimination from the real axis, so the error
    of interpolation falls by a factor ``rate`` with every node (Trefethen 2013, Approximation Theory, ch. 8).
    """
    reach = 2 * math.pi / (width * steepest)
    rate = reach + math.hypot(reach, 1)
    count = math.ceil(-math.log(_INTERPOLATION_ERROR) / math.log(rate)) + 4
    return np.pi * (np.arange(count) + 0.5) / count


def _interpolation(points: FloatArray, nodes: FloatArray, angles: FloatArray) -> FloatArray:
    """Matrix [points, nodes] from values at Chebyshev nodes to values at ``points``.

    The barycentric formula (Berrut & Trefethen 2004, SIAM Review 46, 501-517).
    """
    distance = points[:, None] - nodes
    distance[distance == 0] = 1e-100  # a point on a node takes its value: all other terms vanish beside it
    terms = np.sin(angles) * (-1.0) ** np.arange(len(angles)) / distance
    return np.asarray(terms / terms.sum(axis=1, keepdims=True))
