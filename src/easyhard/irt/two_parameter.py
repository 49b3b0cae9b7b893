"""Two-parameter logistic model (2PL) fitted by marginal maximum likelihood, with or without a prior.

    P(correct) = 1 / (1 + exp(-discrimination (ability - difficulty))),   ability ~ normal(0, 1)

Sources: Birnbaum (1968), in Lord & Novick, Statistical Theories of Mental Test Scores; Bock & Aitkin (1981),
Psychometrika 46, 443-459; Mislevy (1986), Psychometrika 51, 177-195, for priors on item parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.irt.anchors import check_agreement, check_anchor, check_discrimination
from easyhard.irt.cases import Cases, ItemTotals, rasch_cases, single_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.counts import Counts, Mask
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
from easyhard.irt.start import log_odds, rasch_start
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
    anchor: FloatArray | None = None,
    anchor_discrimination: FloatArray | None = None,
) -> ItemModel:
    """Fit the 2PL model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    The scale is that of the first population: mean 0 and standard deviation 1, so difficulties are in units
    of its spread. With a prior the logarithms of the discriminations are normal with mean 0 and
    ``log_discrimination_sd``, and every discrimination is positive. With None there is no prior, and an item
    that able respondents fail and weak ones solve gets a negative one; the sign of the whole scale is that in
    which most items separate the able from the weak.

    With ``ability="free"`` there is one population, of any shape. In the standard errors it is taken as known but for
    its mean and standard deviation, which are the scale's.

    ``anchor`` and ``anchor_discrimination`` [items] hold the difficulty and discrimination of items that are known, NaN
    for the others. They stay where they are, with standard errors of 0, and put the others and the respondents, whose
    mean and standard deviation are then free, on their scale (fixed-item calibration, Kim 2006, Journal of Educational
    Measurement 43, 355-381). Standard errors take them as known. The prior is on the other items' discriminations.

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
    difficulty = check_anchor(anchor, len(counts.varies))
    anchors = _Anchors(difficulty, check_discrimination(anchor_discrimination, difficulty, log_discrimination_sd))
    with own_threads() as threads:
        return _fit(correct, counts, sample, log_discrimination_sd, ability, anchors, threads)


@dataclass(frozen=True, slots=True)
class _Anchors:
    """Items that are known: [items] each, NaN for the others."""

    difficulty: FloatArray
    discrimination: FloatArray

    @property
    def held(self) -> Mask:
        """Which items are known: [items]."""
        return np.isfinite(self.difficulty)


def _fit(
    correct: IntArray,
    counts: Counts,
    sample: Sample,
    log_discrimination_sd: float | None,
    ability: AbilityShape,
    anchors: _Anchors,
    threads: int,
) -> ItemModel:
    kept = counts.varies | anchors.held
    cases, items = single_cases(correct, counts, sample, kept, anchors.difficulty)
    others: tuple[PopulationPart, ...] = ("mean", "log_sd")
    first = others if anchors.held.any() else ()
    design = Design(True, (first, *(others,) * (sample.n_populations - 1)), log_slope_sd=log_discrimination_sd)
    search = Search(design, items, [cases], threads=threads)
    start, reach = _start(*rasch_cases(correct, counts, sample), sample.n_populations)
    if anchors.held.any():
        start, reach = _anchored_start(start, reach, items, anchors.discrimination[kept])
    maximum = search.maximise(start, reach)
    if ability == "free":
        maximum = maximise_free(search, maximum)
    check_agreement(search, maximum, np.flatnonzero(kept))
    found = maximum.at.point.parameters
    n_respondents = float(cases.count[cases.items_seen > 0].sum())
    unit = unit_covariance(found.populations[0], n_respondents) if ability == "free" else np.zeros((2, 2))
    errors = _standard_errors(maximum.derivatives, found, log_discrimination_sd is not None, unit)
    typical = float(np.exp(np.log(np.maximum(np.abs(found.slope), 1e-3)).mean()))
    difficulty, standard_error = np.empty((2, len(kept)))
    difficulty[kept], standard_error[kept] = -found.intercept / found.slope, errors[0]
    discrimination, discrimination_error = np.full(len(kept), typical), np.full(len(kept), found.slope.std())
    discrimination[kept], discrimination_error[kept] = found.slope, errors[1]
    difficulty[anchors.held] = anchors.difficulty[anchors.held]  # to the last digit
    standard_error[anchors.held] = discrimination_error[anchors.held] = 0
    if not kept.all():
        easiest, middle, hardest = np.quantile(difficulty[kept], [0.16, 0.5, 0.84])  # swayed by no outlier
        prior_sd = max((hardest - easiest) / 2, 0.5 / typical)
        extreme = extreme_difficulties(correct[:, ~kept], cases, maximum.at.point, middle, prior_sd, typical)
        difficulty[~kept], standard_error[~kept] = extreme.difficulty, extreme.sd
    ended = outcome(maximum)
    return ItemModel(
        name="2pl",
        difficulty=difficulty,
        standard_error=standard_error,
        discrimination=discrimination,
        discrimination_error=discrimination_error,
        populations=found.populations,
        log_likelihood=maximum.at.log_likelihood,
        n_parameters=2 * int((kept & ~anchors.held).sum()) + n_population_parameters(maximum, search),
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


def _anchored_start(
    start: Parameters, reach: tuple[float, float], items: ItemTotals, discrimination: FloatArray
) -> tuple[Parameters, tuple[float, float]]:
    """``start`` on the scale of the anchors, which have ``discrimination`` [groups]; NaN where it is free."""
    held, right = np.isfinite(discrimination), log_odds(items.total, items.asked)
    typical = float(np.exp(np.log(np.abs(discrimination[held])).mean()))
    centre = float(np.median(right[held] / discrimination[held] + items.anchor[held]))
    sd = float(start.slope[0]) / typical  # of abilities, whose unit was 1 before
    slope = np.where(held, discrimination, typical)
    intercept = np.where(held, -discrimination * items.anchor, right - typical * centre)
    populations = (normal_population(centre, sd),) * len(start.populations)
    return Parameters(slope, intercept, populations), (centre + reach[0] * sd, centre + reach[1] * sd)


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
