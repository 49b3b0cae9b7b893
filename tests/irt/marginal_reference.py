"""Rasch and 2PL marginal likelihoods straight from their definitions, slow: what the fast fits are checked against."""

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


@dataclass(frozen=True, slots=True)
class TwoParameterReference:
    difficulty: FloatArray
    standard_error: FloatArray
    discrimination: FloatArray
    discrimination_error: FloatArray
    log_likelihood: float  # without the prior


def log_likelihood(
    correct: IntArray,
    difficulty: FloatArray,
    mean: float,
    sd: float,
    n_points: int = 301,
    discrimination: FloatArray | float = 1.0,
) -> float:
    """Trapezoid rule over +-9 sd of the population, respondent by respondent, response by response."""
    ability = np.linspace(mean - 9 * sd, mean + 9 * sd, n_points)
    logit = discrimination * (ability[:, None] - difficulty)
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

    best = _minimum(loss, np.zeros(n_items + 1))
    free_covariance = np.linalg.inv(_hessian(loss, best))[:-2, :-2]
    to_items = np.vstack([np.eye(n_items - 1), -np.ones(n_items - 1)])
    return Reference(
        difficulty=to_items @ best[:-2],
        standard_error=np.sqrt(np.diag(to_items @ free_covariance @ to_items.T)),
        ability_mean=float(best[-2]),
        ability_sd=float(np.exp(best[-1])),
        log_likelihood=-loss(best),
    )


def maximise_two_parameter(correct: IntArray, log_discrimination_sd: float | None) -> TwoParameterReference:
    """Maximum of log-likelihood plus log-prior over difficulties and discriminations; no item may be extreme.

    The prior is on the logarithms of the discriminations, about their mean. The standard errors are those of the
    inverse numerical Hessian of what is maximised, in difficulty and the logarithm of discrimination.
    """
    n_items = correct.shape[1]

    def loss(parameters: FloatArray) -> float:
        return -log_likelihood(correct, parameters[:n_items], 0.0, 1.0, 181, np.exp(parameters[n_items:]))

    def penalised(parameters: FloatArray) -> float:
        if log_discrimination_sd is None:
            return loss(parameters)
        about_mean = parameters[n_items:] - parameters[n_items:].mean()
        return loss(parameters) + 0.5 * float(np.sum((about_mean / log_discrimination_sd) ** 2))

    best = _minimum(penalised, np.zeros(2 * n_items))
    error = np.sqrt(np.diag(np.linalg.inv(_hessian(penalised, best))))
    discrimination = np.exp(best[n_items:])
    return TwoParameterReference(
        difficulty=best[:n_items],
        standard_error=error[:n_items],
        discrimination=discrimination,
        discrimination_error=discrimination * error[n_items:],
        log_likelihood=-loss(best),
    )


def _minimum(loss: Loss, start: FloatArray) -> FloatArray:
    """Quasi-Newton minimum, polished by Newton's method with numerical derivatives."""
    best: FloatArray = minimize(loss, start, method="BFGS", options={"gtol": 1e-5}).x
    for _ in range(3):
        best = best - np.linalg.solve(_hessian(loss, best), _gradient(loss, best))
    return best


def _gradient(function: Loss, at: FloatArray, step: float = 1e-4) -> FloatArray:
    shifts = np.eye(len(at)) * step
    return np.array([(function(at + s) - function(at - s)) / (2 * step) for s in shifts])


def _hessian(function: Loss, at: FloatArray, step: float = 1e-3) -> FloatArray:
    shifts = np.eye(len(at)) * step
    columns = [(_gradient(function, at + s, step) - _gradient(function, at - s, step)) / (2 * step) for s in shifts]
    return (np.array(columns) + np.array(columns).T) / 2
