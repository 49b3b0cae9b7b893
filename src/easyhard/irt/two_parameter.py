"""Two-parameter logistic model (2PL) fitted by marginal maximum likelihood, with or without a prior.

    P(correct) = 1 / (1 + exp(-discrimination (ability - difficulty))),   ability ~ normal(0, 1)

Sources: Birnbaum (1968), in Lord & Novick, Statistical Theories of Mental Test Scores; Bock & Aitkin (1981),
Psychometrika 46, 443-459; Mislevy (1986), Psychometrika 51, 177-195, for priors on item parameters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from easyhard.irt.cases import Cases, ItemTotals, rasch_cases, single_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.counts import Counts
from easyhard.irt.extremes import extreme_difficulties
from easyhard.irt.free_ability import unit_covariance
from easyhard.irt.free_search import maximise_free
from easyhard.irt.information import Derivatives, invert
from easyhard.irt.item_model import AbilityShape, ItemModel
from easyhard.irt.outcome import outcome
from easyhard.irt.point import Design, Parameters, PopulationPart
from easyhard.irt.population import normal_population
from easyhard.irt.rasch import n_population_parameters
from easyhard.irt.sample import Sample, make_sample
from easyhard.irt.search import Search
from easyhard.irt.start import rasch_start
from easyhard.irt.threads import own_threads
from easyhard.schema import FloatArray, InputError, IntArray

# Weak: 95% of discriminations between a seventh and seven times 1. It keeps an item that a few respondents
# happen to separate perfectly from an infinite discrimination; with hundreds of respondents it does nothing.
LOG_DISCRIMINATION_SD = 1.0


def fit_2pl(
    correct: IntArray,
    log_discrimination_sd: float | None = LOG_DISCRIMINATION_SD,
    weight: FloatArray | None = None,
    population: npt.NDArray[np.integer] | None = None,
    ability: AbilityShape = "normal",
) -> ItemModel:
    """Fit the 2PL model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    The scale is that of the first population: mean 0 and standard deviation 1, so difficulties are in units
    of its spread. With a prior the logarithms of the discriminations are normal with mean 0 and
    ``log_discrimination_sd``, and every discrimination is positive. With None there is no prior, and an item
    that able respondents fail and weak ones solve gets a negative one; the sign of the whole scale is that in
    which most items separate the able from the weak.

    With ``ability="free"`` there is one population, of any shape. In the standard errors it is taken as known but for
    its mean and standard deviation, which are the scale's.

    Weights, populations, missing responses, errors and items that all or none got right are as in
    ``fit_rasch``; the latter get the geometric mean of the discriminations, and the standard deviation of the
    others' as its error.
    """
    if log_discrimination_sd is not None and not log_discrimination_sd > 0:
        raise InputError(
            f"log_discrimination_sd is {log_discrimination_sd}, but it is a standard deviation. "
            "Give a number above 0, or None for no prior."
        )
    counts = check_fittable(correct)
    sample = make_sample(len(correct), weight, population)
    with own_threads() as threads:
        return _fit(correct, counts, sample, log_discrimination_sd, ability, threads)


def _fit(
    correct: IntArray,
    counts: Counts,
    sample: Sample,
    log_discrimination_sd: float | None,
    ability: AbilityShape,
    threads: int,
) -> ItemModel:
    cases, items = single_cases(correct, counts, sample, counts.varies)
    free: tuple[tuple[PopulationPart, ...], ...] = ((),) + (("mean", "log_sd"),) * (sample.n_populations - 1)
    search = Search(Design(True, free, log_slope_sd=log_discrimination_sd), items, [cases], threads=threads)
    maximum = search.maximise(*_start(*rasch_cases(correct, counts, sample), sample.n_populations))
    if ability == "free":
        maximum = maximise_free(search, maximum)
    found = maximum.at.point.parameters
    varies = counts.varies
    n_respondents = float(cases.count[cases.items_seen > 0].sum())
    unit = unit_covariance(found.populations[0], n_respondents) if ability == "free" else np.zeros((2, 2))
    errors = _standard_errors(maximum.derivatives, found, log_discrimination_sd is not None, unit)
    typical = float(np.exp(np.log(np.maximum(np.abs(found.slope), 1e-3)).mean()))
    difficulty, standard_error = np.empty((2, len(varies)))
    difficulty[varies], standard_error[varies] = -found.intercept / found.slope, errors[0]
    discrimination, discrimination_error = np.full(len(varies), typical), np.full(len(varies), found.slope.std())
    discrimination[varies], discrimination_error[varies] = found.slope, errors[1]
    if not varies.all():
        easiest, middle, hardest = np.quantile(difficulty[varies], [0.16, 0.5, 0.84])  # swayed by no outlier
        prior_sd = max((hardest - easiest) / 2, 0.5 / typical)
        extreme = extreme_difficulties(correct[:, ~varies], cases, maximum.at.point, middle, prior_sd, typical)
        difficulty[~varies], standard_error[~varies] = extreme.difficulty, extreme.sd
    ended = outcome(maximum)
    return ItemModel(
        name="2pl",
        difficulty=difficulty,
        standard_error=standard_error,
        discrimination=discrimination,
        discrimination_error=discrimination_error,
        populations=found.populations,
        log_likelihood=maximum.at.log_likelihood,
        n_parameters=2 * len(found.slope) + n_population_parameters(maximum, search),
        iterations=maximum.iterations,
        converged=ended.converged,
        convergence=ended.text,
    )


def _start(cases: Cases, items: ItemTotals, n_populations: int) -> tuple[Parameters, tuple[float, float]]:
    """The Rasch model, brought to the scale on which abilities have standard deviation 1."""
    start, reach = rasch_start(cases, items, 1)
    sd = start.populations[0].sd
    populations = (normal_population(0.0, 1.0),) * n_populations
    intercept = start.intercept[cases.group_of]
    return Parameters(np.full_like(intercept, sd), intercept, populations), (reach[0] / sd, reach[1] / sd)


def _standard_errors(
    at: Derivatives, found: Parameters, log_slope: bool, unit: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Standard errors of difficulty and discrimination [items], by the delta method; ``unit`` is of the scale's."""
    covariance = invert(at).item_blocks()
    per_slope = found.slope if log_slope else np.ones_like(found.slope)  # of the parameter that stands for it
    difficulty = -found.intercept / found.slope
    gradient = np.stack([-1 / found.slope, -difficulty / found.slope * per_slope], axis=1)
    variance = np.einsum("gk,gkl,gl->g", gradient, covariance, gradient)
    by_unit = np.stack([np.ones_like(difficulty), difficulty], axis=1)  # minus its slopes in the mean and log sd
    variance += np.einsum("gk,kl,gl->g", by_unit, unit, by_unit)
    variance_of_slope = per_slope**2 * covariance[:, 1, 1] + found.slope**2 * unit[1, 1]
    return np.sqrt(variance), np.sqrt(variance_of_slope)
