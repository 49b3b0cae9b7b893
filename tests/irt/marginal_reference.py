"""Rasch marginal likelihood straight from its definition, slow: what the fast fit is checked against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit, logsumexp
from scipy.stats import norm

from easyhard.schema import FloatArray, IntArray

Loss = Callable[[FloatArray], float]


@dataclass(frozen=True, slots=True)
class Reference:
    difficulty: FloatArray
    standard_error: FloatArray
    ability_mean: float
    ability_sd: float
    log_likelihood: float


def log_likelihood(correct: IntArray, difficulty: FloatArray, mean: float, sd: float, n_points: int = 301) -> float:
    """Trapezoid rule over +-9 sd of the population, respondent by respondent, response by response."""
    ability = np.linspace(mean - 9 * sd, mean + 9 * sd, n_points)
    logit = ability[:, None] - difficulty
    right, wrong = log_expit(logit).T, log_expit(-logit).T
    log_density = (correct == 1).astype(float) @ right + (correct == 0).astype(float) @ wrong
    log_density += norm.logpdf(ability, mean, sd) + np.log(ability[1] - ability[0])
    return float(logsumexp(log_density, axis=1).sum())


def maximise(correct: IntArray) -> Reference:
    """Quasi-Newton maximum, polished, and its inverse numerical Hessian; no item may be extreme."""
    n_items = correct.shape[1]

    def loss(parameters: FloatArray) -> float:
        # The last difficulty is minus the sum of the others: mean 0.
        free, mean, log_sd = parameters[:-2], parameters[-2], parameters[-1]
        return -log_likelihood(correct, np.append(free, -free.sum()), mean, float(np.exp(log_sd)))

    found = minimize(loss, np.zeros(n_items + 1), method="BFGS", options={"gtol": 1e-5})
    best = found.x
    for _ in range(3):
        best = best - np.linalg.solve(_hessian(loss, best), _gradient(loss, best))
    free_covariance = np.linalg.inv(_hessian(loss, best))[:-2, :-2]
    to_items = np.vstack([np.eye(n_items - 1), -np.ones(n_items - 1)])
    return Reference(
        difficulty=to_items @ best[:-2],
        standard_error=np.sqrt(np.diag(to_items @ free_covariance @ to_items.T)),
        ability_mean=float(best[-2]),
        ability_sd=float(np.exp(best[-1])),
        log_likelihood=-loss(best),
    )


def _gradient(function: Loss, at: FloatArray, step: float = 1e-4) -> FloatArray:
    shifts = np.eye(len(at)) * step
    return np.array([(function(at + s) - function(at - s)) / (2 * step) for s in shifts])


def _hessian(function: Loss, at: FloatArray, step: float = 1e-3) -> FloatArray:
    shifts = np.eye(len(at)) * step
    columns = [(_gradient(function, at + s, step) - _gradient(function, at - s, step)) / (2 * step) for s in shifts]
    return (np.array(columns) + np.array(columns).T) / 2
