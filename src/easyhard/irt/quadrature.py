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
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from easyhard.irt.cases import Cases
from easyhard.schema import FloatArray

_SPACING = 0.8  # of the sharpest posterior's standard deviation: relative error exp(-30)
_WIDEST_SPACING = 0.5  # logits; the posteriors of short tests are wide but not normal
_TAIL = 34.0  # log-density below the peak at which a posterior is cut: exp(-34) = 2e-15
_INTERPOLATION_ERROR = 1e-14


@dataclass(frozen=True, slots=True)
class Quadrature:
    """A uniform grid of abilities in logits and the Chebyshev nodes from which curves reach it."""

    ability: FloatArray  # [points]
    spacing: float
    nodes: FloatArray  # [nodes]
    interpolation: FloatArray  # [points, nodes]: values at the points = interpolation @ values at the nodes


def quadrature(cases: Cases, difficulty: FloatArray, ability_sd: float) -> Quadrature:
    """The grid that resolves the ability posterior of every case.

    ``difficulty`` [groups] in logits, on the scale where abilities are normal with mean 0 and ``ability_sd``.
    """
    low, high = _ability_range(cases, difficulty, ability_sd)
    angles = _chebyshev_angles(high - low)
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    probability = expit(nodes - difficulty[:, None])
    information = (cases.size @ (probability * (1 - probability))).max() + ability_sd**-2
    widest = min(_SPACING / math.sqrt(information), _WIDEST_SPACING)
    n_points = math.ceil((high - low) / widest) + 1
    ability, spacing = np.linspace(low, high, n_points, retstep=True)
    return Quadrature(ability, float(spacing), nodes, _interpolation(ability, nodes, angles))


def _ability_range(cases: Cases, difficulty: FloatArray, ability_sd: float) -> tuple[float, float]:
    """Ends between which the posterior of every case has all of its mass.

    A posterior moves up with every right answer, and down with every further item that was seen and answered wrong.
    So none reaches lower than that of the fewest right answers if all items were seen, and none higher than
    that of the most if all the items not seen had been answered correctly.
    """
    fewest = float(cases.n_correct.min())
    most = float((cases.n_correct + cases.size.sum() - cases.items_seen).max())
    return (
        _posterior_end(fewest, cases.size, difficulty, ability_sd, side=-1),
        _posterior_end(most, cases.size, difficulty, ability_sd, side=+1),
    )


def _posterior_end(n_correct: float, size: FloatArray, difficulty: FloatArray, ability_sd: float, side: int) -> float:
    """Ability on one side of the mode at which the posterior of ``n_correct`` right answers to all items is cut."""

    def log_density(ability: float) -> float:
        softplus = np.logaddexp(0, ability - difficulty)
        return float(n_correct * ability - size @ softplus - ability**2 / (2 * ability_sd**2))

    def slope(ability: float) -> float:
        return float(n_correct - size @ expit(ability - difficulty) - ability / ability_sd**2)

    bound = ability_sd**2 * float(size.sum()) + 1  # the slope of the likelihood is at most the number of items
    mode = _root(slope, -bound, bound)
    peak = log_density(mode)
    # The curvature is at least that of the prior, so this far from the mode the density is low enough.
    farthest = mode + side * ability_sd * (math.sqrt(2 * _TAIL) + 1)
    return _root(lambda ability: log_density(ability) - peak + _TAIL, mode, farthest)


def _root(function: Callable[[float], float], one: float, other: float) -> float:
    """Root between two ends at which ``function`` differs in sign, to a precision ample for a grid's ends."""
    return float(brentq(function, one, other, xtol=1e-3, rtol=1e-3))


def _chebyshev_angles(width: float) -> FloatArray:
    """Angles of the Chebyshev nodes that suffice for logistic curves on an interval of ``width`` logits.

    Logistic curves are analytic up to their poles at distance pi from the real axis, so the error of
    interpolation falls by a factor ``rate`` with every node (Trefethen 2013, Approximation Theory, ch. 8).
    """
    reach = 2 * math.pi / width
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
