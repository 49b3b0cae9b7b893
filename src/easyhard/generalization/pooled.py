"""Estimates of several models or studies as one: a random-effects summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from easyhard.generalization.words import figure, points, span
from easyhard.schema import FloatArray, InputError, Interval


@dataclass(frozen=True, slots=True)
class Pooled:
    """What several estimates say together, in their own unit.

    ``interval`` is of the mean over models (or studies) like these; ``between`` the standard deviation of their true
    values around it; ``prediction`` where the true value of one more would lie. ``n`` counts the estimates.
    """

    mean: float
    interval: Interval
    between: float
    prediction: Interval | None
    n: int

    def reading(self, what: str) -> str:
        """The summary in words; ``what`` names the estimate, as in "The slope on distance"."""
        spread = f"true values differ by {points(self.between).lstrip('+')} points (sd)"
        more = ""
        if self.prediction:
            more = f"; one more would lie within {points(self.prediction.low)} to {points(self.prediction.high)}"
        return f"{what}, over {self.n} together: {figure(self.mean)} ({span(self.interval)}); {spread}{more}."


def pooled(
    estimates: Sequence[float] | FloatArray, standard_errors: Sequence[float] | FloatArray, level: float = 0.95
) -> Pooled:
    """Random-effects mean of independent ``estimates`` with their ``standard_errors``.

    The variance between them is that of Paule & Mandel (1982), which solves Q = n - 1 for it; the interval is that of
    Hartung & Knapp (2001), with Student's t on n - 1 degrees of freedom and never narrower than for a known variance
    (Röver et al. 2015), and the prediction interval that of Higgins et al. (2009), from three estimates on. Two
    estimates give a very wide interval, and should. Raises InputError for fewer than two estimates, and for
    standard errors that are not positive.
    """
    value, error = np.asarray(estimates, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    if len(value) < 2 or len(value) != len(error):
        raise InputError(f"{len(value)} estimates cannot be pooled. Give two or more, each with its standard error.")
    if not (np.isfinite(value).all() and np.isfinite(error).all() and (error > 0).all()):
        raise InputError("an estimate or a standard error is not a number, or not positive. Leave that one out.")
    between = _between(value, error)
    weight = 1 / (error**2 + between)
    mean = float((weight * value).sum() / weight.sum())
    n = len(value)
    scale = max(1.0, float((weight * (value - mean) ** 2).sum()) / (n - 1))
    spread = math.sqrt(scale / float(weight.sum()))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread
    prediction = None
    if n > 2:
        reach = float(stats.t.ppf((1 + level) / 2, n - 2)) * math.sqrt(between + spread**2)
        prediction = Interval(mean - reach, mean + reach, level)
    return Pooled(mean, Interval(mean - half, mean + half, level), math.sqrt(between), prediction, n)


def _between(value: FloatArray, error: FloatArray) -> float:
    """Variance of the true values around their mean; 0 where the errors alone explain the scatter."""

    def excess(variance: float) -> float:
        weight = 1 / (error**2 + variance)
        mean = (weight * value).sum() / weight.sum()
        return float((weight * (value - mean) ** 2).sum()) - (len(value) - 1)

    if excess(0.0) <= 0:
        return 0.0
    upper = float(np.var(value, ddof=1)) + float((error**2).max())
    while excess(upper) > 0:
        upper *= 2
    return float(optimize.brentq(excess, 0.0, upper, xtol=1e-12))
