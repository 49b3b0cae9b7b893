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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from easyhard.irt.cases import Cases, distinct_rows
from easyhard.irt.posterior import Posterior
from easyhard.schema import MISSING, FloatArray, IntArray

_POINTS = 4001  # a posterior sd is never below a tenth of the range they span, so this is ample
_TAIL = 40.0  # log-density below the peak at which the range ends


@dataclass(frozen=True, slots=True)
class ExtremeDifficulties:
    """Difficulties and the standard deviations of their posteriors: [items], logits."""

    difficulty: FloatArray
    sd: FloatArray


def extreme_difficulties(
    correct: IntArray, cases: Cases, posterior: Posterior, prior_mean: float, prior_sd: float
) -> ExtremeDifficulties:
    """Difficulty of each column of ``correct`` [respondents, items], all right or all wrong where seen.

    ``cases`` and ``posterior`` describe the same respondents on the other items.
    """
    difficulty, sd = np.empty(correct.shape[1]), np.empty(correct.shape[1])
    all_correct = (correct != 0).all(axis=0)
    for side, chosen in ((-1, all_correct), (1, ~all_correct)):
        if chosen.any():
            n_observers, which = _observers(correct[:, chosen] != MISSING, cases)
            distinct = _one_side(n_observers, posterior, prior_mean, prior_sd, side)
            difficulty[chosen], sd[chosen] = distinct.difficulty[which], distinct.sd[which]
    return ExtremeDifficulties(difficulty, sd)


def _observers(observed: npt.NDArray[np.bool_], cases: Cases) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Respondents of each case that saw an item, [distinct items, cases], and which of them each item is."""
    first, which = distinct_rows(observed.T)
    n_cases = len(cases.count)
    counts = [np.bincount(cases.case_of, observed[:, item], n_cases) for item in first]
    return np.array(counts), which


def _one_side(
    n_observers: FloatArray, posterior: Posterior, prior_mean: float, prior_sd: float, side: int
) -> ExtremeDifficulties:
    """Difficulty of items all wrong (``side`` 1) or all right (-1); ``n_observers`` is [items, cases]."""
    reach = 10 * prior_sd
    while True:
        difficulty = prior_mean + side * np.linspace(-10 * prior_sd, reach, _POINTS)
        answer = posterior.weight @ expit(side * (difficulty - posterior.grid.ability[:, None]))
        log_prior = -((difficulty - prior_mean) ** 2) / (2 * prior_sd**2)
        log_density = n_observers @ np.log(answer) + log_prior
        peak = log_density.max(axis=1, keepdims=True)
        beyond = n_observers @ answer > n_observers.sum(axis=1, keepdims=True) - 1
        if beyond[:, -1].all() and (log_density[:, -1:] < peak - _TAIL).all():
            break
        reach *= 2
    density = np.exp(log_density - peak)
    density /= density.sum(axis=1, keepdims=True)
    mean = density @ difficulty
    variance = (density * (difficulty - mean[:, None]) ** 2).sum(axis=1)
    nearest = difficulty[beyond.argmax(axis=1)]
    return ExtremeDifficulties(side * np.maximum(side * mean, side * nearest), np.sqrt(variance))
