"""Difficulty of items that every respondent, or none, answered correctly.

The likelihood of such an item has no maximum: an easier item always explains "all correct" better. With a
normal prior for its difficulty, and the ability posteriors that the other items give, its posterior is
proper, and narrows as more respondents agree.

The prior draws towards the middle, and the maximum likelihood estimates of the other items are free of it, so
an item that nobody failed could come out harder than one that somebody failed. If so it is moved just past
where its estimate would be had one response been the other way, which is where the expected number of such
answers is one less than all: among items with the same respondents, difficulty always follows the total.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from easyhard.irt.cases import Cases, distinct
from easyhard.irt.counts import Places, row_blocks
from easyhard.irt.expectation import posteriors
from easyhard.irt.point import Point
from easyhard.schema import MISSING, FloatArray, IntArray

_POINTS = 4001  # a posterior sd is never below a tenth of the range they span, so this is ample
_TAIL = 40.0  # log-density below the peak at which the range ends


@dataclass(frozen=True, slots=True)
class ExtremeDifficulties:
    """Difficulties and the standard deviations of their posteriors: [items], on the scale of the point."""

    difficulty: FloatArray
    sd: FloatArray


@dataclass(frozen=True, slots=True)
class Unanimity:
    """How respondents bear on items all right or all wrong, at difficulties [points]: [items, points] each."""

    log_likelihood: FloatArray
    expected: FloatArray  # number of answers as observed
    observed: FloatArray  # [items], number of answers

    def __add__(self, other: Unanimity) -> Unanimity:
        return Unanimity(
            self.log_likelihood + other.log_likelihood,
            self.expected + other.expected,
            self.observed + other.observed,
        )


Ask = Callable[[FloatArray, int], Unanimity]  # (difficulties, side) -> how respondents bear on the items of a side


def extreme_difficulties(
    correct: IntArray, cases: Cases, point: Point, prior_mean: float, prior_sd: float, slope: float = 1.0
) -> ExtremeDifficulties:
    """Difficulty of each column of ``correct`` [respondents, items], all right or all wrong where seen.

    ``cases`` describes the same respondents on the other items, ``point`` the model of those; ``slope`` is
    the discrimination that these have.
    """
    difficulty, sd = np.empty(correct.shape[1]), np.empty(correct.shape[1])
    all_correct = (correct != 0).all(axis=0)
    for side, chosen in ((-1, all_correct), (1, ~all_correct)):
        if chosen.any():
            n_observers, which = _observers(correct[:, chosen] != MISSING, cases)

            def ask(difficulties: FloatArray, side: int, n_observers: FloatArray = n_observers) -> Unanimity:
                return unanimity(cases, point, n_observers, difficulties, side * slope)

            distinct = one_side(ask, prior_mean, prior_sd, side)
            difficulty[chosen], sd[chosen] = distinct.difficulty[which], distinct.sd[which]
    return ExtremeDifficulties(difficulty, sd)


def _observers(observed: np.ndarray[tuple[int, int], np.dtype[np.bool_]], cases: Cases) -> tuple[FloatArray, Places]:
    """Weight in each case of those that saw an item, [distinct items, cases], and which of them each item is."""
    first, which = distinct(np.packbits(observed, axis=0).T)
    each = cases.count / np.bincount(cases.case_of)
    n_cases = len(cases.count)
    counts = [np.bincount(cases.case_of, observed[:, item] * each[cases.case_of], n_cases) for item in first]
    return np.array(counts), which


def unanimity(cases: Cases, point: Point, n_observers: Any, difficulty: FloatArray, slope: float) -> Unanimity:
    """How ``n_observers`` [items, cases] bear on items all wrong (``slope`` above 0) or all right (below).

    ``n_observers`` is an array or a scipy CSC array.
    """
    agreeing = expit(slope * (difficulty - point.grid.ability[:, None]))
    log_likelihood = np.zeros((n_observers.shape[0], len(difficulty)))
    expected = np.zeros_like(log_likelihood)
    for part in posteriors(cases, point):
        observers = n_observers[:, part.block.cases]
        for columns in row_blocks((len(difficulty), len(part.weight))):
            answer = part.weight @ agreeing[:, columns]
            log_likelihood[:, columns] += observers @ np.log(answer)
            expected[:, columns] += observers @ answer
    return Unanimity(log_likelihood, expected, np.asarray(n_observers.sum(axis=1)))


def one_side(ask: Ask, prior_mean: float, prior_sd: float, side: int) -> ExtremeDifficulties:
    """Difficulty of items all wrong (``side`` 1) or all right (-1), of which ``ask`` tells."""
    reach = 10 * prior_sd
    while True:
        difficulty = prior_mean + side * np.linspace(-10 * prior_sd, reach, _POINTS)
        found = ask(difficulty, side)
        log_density = found.log_likelihood - (difficulty - prior_mean) ** 2 / (2 * prior_sd**2)
        peak = log_density.max(axis=1, keepdims=True)
        beyond = found.expected > found.observed[:, None] - 1
        if beyond[:, -1].all() and (log_density[:, -1:] < peak - _TAIL).all():
            break
        reach *= 2
    density = np.exp(log_density - peak)
    density /= density.sum(axis=1, keepdims=True)
    mean = density @ difficulty
    variance = (density * (difficulty - mean[:, None]) ** 2).sum(axis=1)
    nearest = difficulty[beyond.argmax(axis=1)]
    return ExtremeDifficulties(side * np.maximum(side * mean, side * nearest), np.sqrt(variance))
