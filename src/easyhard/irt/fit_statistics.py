"""How well each item follows the Rasch model: infit and outfit mean squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from easyhard.irt.checks import items_that_vary
from easyhard.irt.posterior import posterior_given
from easyhard.irt.rasch import RaschFit
from easyhard.schema import MISSING, FloatArray, IntArray

_BLOCK = 4_000_000  # responses held as floats at once: 32 MB


@dataclass(frozen=True, slots=True)
class FitStatistics:
    """Mean squares of the items: [items], 1 expected, larger is noisier, NaN if all or none were correct."""

    infit_mnsq: FloatArray
    outfit_mnsq: FloatArray


def fit_statistics(correct: IntArray, fit: RaschFit) -> FitStatistics:
    """Infit and outfit mean squares of the items under ``fit``, on the responses it was fitted to.

    With x a response, p its Rasch probability and v = p (1 - p), outfit is the mean of (x - p)^2 / v over
    respondents and infit the sum of (x - p)^2 over the sum of v (Wright & Masters 1982, Rating Scale
    Analysis, ch. 5). Abilities are not known, so each term is replaced by its expectation over the
    respondent's ability posterior. A model-conform response and an ability drawn from the posterior follow
    the model jointly, so at the true parameters outfit, and numerator and denominator of infit, have exactly
    the expectation they would have with known abilities: 1 for the ratio. A point estimate put in for the
    ability would not have this property. On tests of a few items the posterior depends on the response
    itself, which pulls both towards 1.
    """
    varies = items_that_vary(correct)
    varying, difficulty = correct[:, varies], fit.difficulty[varies] - fit.ability_mean
    respondents = posterior_given(varying, difficulty, 0.0, fit.ability_sd)
    posterior = respondents.posterior
    probability = expit(posterior.grid.nodes - difficulty[:, None])
    right, wrong = _sums(varying, posterior.node_weight[respondents.cases.case_of])
    squares = right * (1 - probability) ** 2 + wrong * probability**2
    variances = (right + wrong) * probability * (1 - probability)
    # (x - p)^2 / v is exp(difficulty - ability) for a correct response and its inverse for a wrong one.
    exponentials = posterior.weight @ np.exp(np.outer(posterior.grid.ability, [-1, 1]))
    falling, rising = _sums(varying, exponentials[respondents.cases.case_of])
    standardised = falling[:, 0] * np.exp(difficulty) + rising[:, 1] * np.exp(-difficulty)
    infit, outfit = np.full(len(varies), np.nan), np.full(len(varies), np.nan)
    infit[varies] = squares.sum(axis=1) / variances.sum(axis=1)
    outfit[varies] = standardised / (varying != MISSING).sum(axis=0)
    return FitStatistics(infit, outfit)


def _sums(correct: IntArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sums of ``values`` [respondents, n] over those right on an item, and those wrong: [items, n] each."""
    right, wrong = np.zeros((2, correct.shape[1], values.shape[1]))
    height = max(1, _BLOCK // correct.shape[1])
    for start in range(0, len(correct), height):
        rows = slice(start, start + height)
        right += (correct[rows] == 1).astype(float).T @ values[rows]
        wrong += (correct[rows] == 0).astype(float).T @ values[rows]
    return right, wrong
