"""Rasch model fitted by marginal maximum likelihood.

    P(correct) = 1 / (1 + exp(-(ability - difficulty))),   ability ~ normal(ability_mean, ability_sd)

Sources: Rasch (1960), Probabilistic Models for Some Intelligence and Attainment Tests; Bock & Aitkin (1981),
Psychometrika 46, 443-459; Thissen (1982), Psychometrika 47, 175-186.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from easyhard.irt.cases import Cases, ItemTotals, rasch_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.extremes import extreme_difficulties
from easyhard.irt.information import Derivatives, invert
from easyhard.irt.item_model import ItemModel
from easyhard.irt.outcome import outcome
from easyhard.irt.point import Design, Parameters, PopulationPart
from easyhard.irt.population import normal_population
from easyhard.irt.sample import make_sample
from easyhard.irt.search import Search
from easyhard.schema import FloatArray, IntArray

_LOWEST_PRIOR_SD = 0.5  # logits: a few items that happen to be alike must not pass for a sharp prior


def fit_rasch(
    correct: IntArray,
    weight: FloatArray | None = None,
    population: npt.NDArray[np.integer] | None = None,
) -> ItemModel:
    """Fit the Rasch model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    ``weight`` [respondents], above 0, says how often each counts: less than 1 for near-copies of one model.
    ``population`` [respondents] numbers the populations that respondents come from, from 0; each has a normal
    ability distribution of its own.

    Missing responses are taken as missing at random and left out of the likelihood; a respondent without any
    response counts for nothing. Standard errors come from the observed information of all difficulties and
    the ability distributions together, and refer to the distance from the mean difficulty.

    An item that all, or none, of its respondents answered correctly has no finite maximum likelihood
    estimate. The others are estimated without it; its own difficulty and standard error are then the mean
    and sd of its posterior, under a normal prior with the mean and sd (at least half a logit) of the others'
    difficulties: besides its responses, all that is known of it is that it comes from the same benchmark.
    It is never placed among items that the same respondents answered less uniformly (see ``extremes``).

    Raises InputError for fewer than 2 respondents or 2 items that vary, an item without responses, codes
    other than 1, 0 and -1, or a weight or population number that cannot be.
    """
    counts = check_fittable(correct)
    sample = make_sample(len(correct), weight, population)
    cases, items = rasch_cases(correct, counts, sample)
    free: tuple[tuple[PopulationPart, ...], ...] = (("log_sd",),) + (("mean", "log_sd"),) * (sample.n_populations - 1)
    uneven = bool(((cases.share > 0) & (cases.share < 1)).any())
    search = Search(Design(slopes=False, populations=free, probes=uneven), items, [cases])
    maximum = search.maximise(*rasch_start(cases, items, sample.n_populations))
    centred = -maximum.at.point.parameters.intercept[cases.group_of]  # as far as the items are from ability 0
    shift = -float(centred.mean())
    varies = counts.varies
    difficulty, standard_error = np.empty(len(varies)), np.empty(len(varies))
    difficulty[varies] = centred + shift
    standard_error[varies] = _standard_errors(maximum.derivatives, items.size)[cases.group_of]
    if not varies.all():
        prior_sd = max(float(centred.std()), _LOWEST_PRIOR_SD)
        extreme = extreme_difficulties(correct[:, ~varies], cases, maximum.at.point, -shift, prior_sd)
        difficulty[~varies], standard_error[~varies] = extreme.difficulty + shift, extreme.sd
    ended = outcome(maximum)
    return ItemModel(
        name="rasch",
        difficulty=difficulty,
        standard_error=standard_error,
        discrimination=np.ones(len(varies)),
        discrimination_error=np.zeros(len(varies)),
        populations=tuple(one.moved(shift) for one in maximum.at.point.parameters.populations),
        log_likelihood=maximum.at.log_likelihood,
        n_parameters=int(items.size.sum()) + sum(len(parts) for parts in free),
        iterations=maximum.iterations,
        converged=ended.converged,
        convergence=ended.text,
    )


def rasch_start(cases: Cases, items: ItemTotals, n_populations: int) -> tuple[Parameters, tuple[float, float]]:
    """Log-odds of the items, the spread of the respondents' log-odds, and the abilities they reach."""
    asked = cases.items_seen
    intercept = _log_odds(items.total, items.asked * items.size)
    some = asked > 0
    right, n_items, count = cases.n_correct[some], asked[some], cases.count[some]
    log_odds = _log_odds(right, n_items)
    chance = (n_items + 1) / ((right + 0.5) * (n_items - right + 0.5))
    mean = np.average(log_odds, weights=count)
    variance = np.average((log_odds - mean) ** 2 - chance, weights=count)
    sd = math.sqrt(min(max(float(variance), 0.1), 9.0))
    reach = float(np.abs(log_odds).max()) + 3.0
    populations = (normal_population(0.0, sd),) * n_populations
    return Parameters(np.ones_like(intercept), intercept, populations), (-reach, reach)


def _log_odds(right: FloatArray, n: FloatArray) -> FloatArray:
    return np.log((right + 0.5) / (n - right + 0.5))


def _standard_errors(at: Derivatives, size: FloatArray) -> FloatArray:
    """Standard error of the difficulty of an item of each group [groups], as distance from the mean item.

    With C the covariance of the items' difficulties, the variance of one less their mean is
    ``C[i, i] - 2 mean(C[i, :]) + mean(C)``. Items of one group share all of C but its diagonal.
    """
    n_items, n_groups = size.sum(), len(size)
    covariance = invert(at)
    own = covariance.item_blocks()[:, 0, 0] + (size - 1) / at.items[:, 0, 0]
    with_sum = covariance.product(np.append(size, np.zeros(len(at.gradient) - n_groups)))[:n_groups]
    return np.asarray(np.sqrt(own - 2 * with_sum / n_items + size @ with_sum / n_items**2))
