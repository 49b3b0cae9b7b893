"""Rasch model fitted by marginal maximum likelihood.

    P(correct) = 1 / (1 + exp(-(ability - difficulty))),   ability ~ normal(ability_mean, ability_sd)

Sources: Rasch (1960), Probabilistic Models for Some Intelligence and Attainment Tests; Bock & Aitkin (1981),
Psychometrika 46, 443-459; Thissen (1982), Psychometrika 47, 175-186.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

from easyhard.irt.cases import Cases, reduce_responses
from easyhard.irt.checks import check_fittable, items_that_vary
from easyhard.irt.extremes import extreme_difficulties
from easyhard.irt.information import Derivatives, covariance, derivatives, information_product, shared_inverse
from easyhard.irt.posterior import Posterior, ability_posterior
from easyhard.schema import FloatArray, IntArray

_TOLERANCE = 1e-8  # logits: far below any standard error, far above rounding
_MOST_ITERATIONS = 100  # Newton steps; ordinary data take 4 to 8
_LONGEST_STEP = 2.0  # logits by which one step may move a parameter
_LOWEST_SD, _HIGHEST_SD = 0.01, 10.0  # ability sd is searched between these; language models have 0.5 to 3
_LOWEST_PRIOR_SD = 0.5  # logits: a few items that happen to be alike must not pass for a sharp prior
_ROUNDING = 1e-11  # of a log-likelihood, relative


@dataclass(frozen=True, slots=True)
class RaschFit:
    """Rasch model of a response matrix. Logits throughout; a larger difficulty is a harder item.

    The origin of the scale is the mean difficulty of the items that some respondents got right and others
    wrong. ``log_likelihood`` is the marginal one of those items' responses.
    """

    difficulty: FloatArray  # [items]
    standard_error: FloatArray  # [items]
    ability_mean: float
    ability_sd: float
    log_likelihood: float
    iterations: int
    convergence: str  # a sentence
    converged: bool


@dataclass(frozen=True, slots=True)
class _Maximum:
    """Where the iteration ended, on the scale where the mean ability is 0."""

    parameters: FloatArray  # [groups] difficulties, then log ability sd
    at: Derivatives
    iterations: int
    converged: bool
    convergence: str


def fit_rasch(correct: IntArray) -> RaschFit:
    """Fit the Rasch model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    Missing responses are taken as missing at random and left out of the likelihood; a respondent without any
    response counts for nothing. Standard errors come from the observed information of all difficulties and
    the ability sd together, and refer to the distance from the mean difficulty.

    An item that all, or none, of its respondents answered correctly has no finite maximum likelihood
    estimate. The others are estimated without it; its own difficulty and standard error are then the mean
    and sd of its posterior, under a normal prior with the mean and sd (at least half a logit) of the others'
    difficulties: besides its responses, all that is known of it is that it comes from the same benchmark.
    It is never placed among items that the same respondents answered less uniformly (see ``extremes``).

    Raises InputError for fewer than 2 respondents or 2 items that vary, an item without responses, or codes
    other than 1, 0 and -1.
    """
    check_fittable(correct)
    varies = items_that_vary(correct)
    varying = correct[:, varies]
    cases = reduce_responses(varying, np.count_nonzero(varying == 1, axis=0))
    maximum = _maximise(cases)
    centred = maximum.parameters[:-1][cases.group_of]  # as far as the items are from the mean ability
    ability_mean = -float(centred.mean())
    difficulty, standard_error = np.empty(len(varies)), np.empty(len(varies))
    difficulty[varies] = centred + ability_mean
    standard_error[varies] = _standard_errors(maximum.at)[cases.group_of]
    if not varies.all():
        prior_sd = max(float(centred.std()), _LOWEST_PRIOR_SD)
        posterior = maximum.at.posterior
        extreme = extreme_difficulties(correct[:, ~varies], cases, posterior, -ability_mean, prior_sd)
        difficulty[~varies], standard_error[~varies] = extreme.difficulty + ability_mean, extreme.sd
    return RaschFit(
        difficulty=difficulty,
        standard_error=standard_error,
        ability_mean=ability_mean,
        ability_sd=math.exp(maximum.parameters[-1]),
        log_likelihood=maximum.at.posterior.log_likelihood,
        iterations=maximum.iterations,
        convergence=maximum.convergence,
        converged=maximum.converged,
    )


def _maximise(cases: Cases) -> _Maximum:
    """Newton's method with step halving, from the log-odds of the items."""
    parameters = _start(cases)
    at = _derivatives(cases, parameters)
    for iteration in range(1, _MOST_ITERATIONS + 1):
        step = _newton_step(at)
        longest = float(np.abs(step).max())
        if longest < _TOLERANCE:
            return _ended(parameters, at, iteration, moved=longest)
        parameters = _climb(cases, parameters, at, step * min(1.0, _LONGEST_STEP / longest))
        at = _derivatives(cases, parameters)
    return _ended(parameters, at, _MOST_ITERATIONS, moved=longest)


def _start(cases: Cases) -> FloatArray:
    """Log-odds of the items, and the sd of the respondents' log-odds less what chance adds to it."""
    seen = cases.sum_over_cases(cases.count[:, None])[:, 0] * cases.size
    difficulty = -_log_odds(cases.total, seen)
    asked = cases.items_seen > 0
    right, n_items, count = cases.n_correct[asked], cases.items_seen[asked], cases.count[asked]
    log_odds = _log_odds(right, n_items)
    chance = (n_items + 1) / ((right + 0.5) * (n_items - right + 0.5))
    mean = np.average(log_odds, weights=count)
    variance = np.average((log_odds - mean) ** 2 - chance, weights=count)
    return np.append(difficulty, 0.5 * math.log(min(max(variance, 0.1), 9.0)))


def _log_odds(right: FloatArray, n: FloatArray) -> FloatArray:
    return np.log((right + 0.5) / (n - right + 0.5))


def _posterior(cases: Cases, parameters: FloatArray) -> Posterior:
    return ability_posterior(cases, parameters[:-1], math.exp(parameters[-1]))


def _derivatives(cases: Cases, parameters: FloatArray) -> Derivatives:
    """Derivatives at ``parameters``; the ability sd is held fixed where it would leave its range."""
    posterior = _posterior(cases, parameters)
    sd = math.exp(parameters[-1])
    at = derivatives(cases, posterior, parameters[:-1], sd, sd_is_free=True)
    bound = _sd_bound(sd)
    if (bound == "lowest" and at.gradient[-1] < 0) or (bound == "highest" and at.gradient[-1] > 0):
        return derivatives(cases, posterior, parameters[:-1], sd, sd_is_free=False)
    return at


def _sd_bound(sd: float) -> str:
    """Which end of its range the ability sd is at: ``lowest``, ``highest`` or neither (empty)."""
    if sd <= _LOWEST_SD * 1.000001:
        return "lowest"
    return "highest" if sd >= _HIGHEST_SD / 1.000001 else ""


def _newton_step(at: Derivatives) -> FloatArray:
    """Information's inverse times the gradient, by conjugate gradients.

    The shared inverse is exact for complete data, where one round does; with responses missing it speeds up
    the rounds needed.
    """
    n = len(at.gradient)
    shared = shared_inverse(at)
    information = LinearOperator((n, n), matvec=lambda v: information_product(at, v), dtype=float)
    preconditioner = LinearOperator((n, n), matvec=shared.product, dtype=float)
    step, _ = cg(information, at.gradient, rtol=1e-3, maxiter=50, M=preconditioner)
    uphill = step @ at.gradient > 0  # else far from the maximum, where the likelihood need not be concave
    return np.asarray(step if uphill else shared.product(at.gradient))


def _climb(cases: Cases, parameters: FloatArray, at: Derivatives, step: FloatArray) -> FloatArray:
    """The first of step, half the step, a quarter ... that does not lower the log-likelihood."""
    least = at.posterior.log_likelihood - _ROUNDING * abs(at.posterior.log_likelihood)
    for halvings in range(30):
        candidate = parameters + step / 2**halvings
        candidate[-1] = min(max(candidate[-1], math.log(_LOWEST_SD)), math.log(_HIGHEST_SD))
        if _posterior(cases, candidate).log_likelihood >= least:
            break
    return np.asarray(candidate)


def _ended(parameters: FloatArray, at: Derivatives, iterations: int, moved: float) -> _Maximum:
    """The maximum with its convergence put into words."""
    sd = math.exp(parameters[-1])
    converged = moved < _TOLERANCE
    if not converged:
        text = (
            f"Not converged: step {iterations}, the last, still moved an estimate by {moved:.1g} logits. "
            "Drop items with few responses, or add respondents."
        )
    elif _sd_bound(sd) == "highest":
        converged = False
        text = (
            f"Not converged: the ability sd reached its upper bound of {_HIGHEST_SD:g} logits, because the "
            "responses follow an almost perfect order. Add respondents or items."
        )
    elif _sd_bound(sd) == "lowest":
        text = (
            f"Converged in {iterations} steps, the ability sd at its lower bound of {_LOWEST_SD:g} logits: "
            "respondents differ no more than chance, so difficulties are log-odds."
        )
    else:
        text = f"Converged in {iterations} steps; the last moved no estimate by more than {_TOLERANCE:g} logits."
    return _Maximum(parameters, at, iterations, converged, text)


def _standard_errors(at: Derivatives) -> FloatArray:
    """Standard error of the difficulty of an item of each group [groups], as distance from the mean item.

    With C the covariance of the items' difficulties, the variance of one less their mean is
    ``C[i, i] - 2 mean(C[i, :]) + mean(C)``. Items of one group share all of C but its diagonal.
    """
    size = at.cases.size
    n_items = size.sum()
    known = covariance(at, np.append(size, 0.0))
    own = known.diagonal[:-1] + (size - 1) / at.known_ability[:-1]
    with_sum = known.product[:-1]
    return np.asarray(np.sqrt(own - 2 * with_sum / n_items + size @ with_sum / n_items**2))
