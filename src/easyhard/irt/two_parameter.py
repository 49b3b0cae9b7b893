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
from easyhard.irt.cases import ItemTotals, single_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.counts import Counts, Mask
from easyhard.irt.extremes import ExtremeDifficulties, extreme_difficulties
from easyhard.irt.free_ability import unit_covariance
from easyhard.irt.free_search import maximise_free
from easyhard.irt.information import Derivatives, invert
from easyhard.irt.item_model import AbilityShape, ItemModel
from easyhard.irt.outcome import outcome
from easyhard.irt.point import Design, Parameters, PopulationPart
from easyhard.irt.population import normal_population
from easyhard.irt.rasch import n_population_parameters
from easyhard.irt.sample import Sample, make_sample
from easyhard.irt.search import Maximum, Search
from easyhard.irt.start import Spread, slopes_start, spread_of, standing, start_from
from easyhard.irt.threads import own_threads
from easyhard.schema import FloatArray, InputError, IntArray

# Weak: 95% of discriminations between a seventh and seven times the typical one. It keeps an item that a few
# respondents happen to separate perfectly from an infinite discrimination; with hundreds of them it does nothing.
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
    of its spread. With a prior the logarithms of the discriminations are normal about their mean with standard
    deviation ``log_discrimination_sd``, and every discrimination is positive; the mean is free, so that the prior
    has no say in the unit of the scale. With None there is no prior, and an item that able respondents fail and weak
    ones solve gets a negative one; the sign of the whole scale is that in which most items separate the able from
    the weak.

    With ``ability="free"`` there is one population, of any shape. In the standard errors it is taken as known but for
    its mean and standard deviation, which are the scale's.

    ``anchor`` and ``anchor_discrimination`` [items] hold the difficulty and discrimination of items that are known, NaN
    for the others. They stay where they are, with standard errors of 0, and put the others and the respondents, whose
    mean and standard deviation are then free, on their scale (fixed-item calibration, Kim 2006, Journal of Educational
    Measurement 43, 355-381). Standard errors take them as known. The prior's mean is that of all items, anchors too.

    Weights, populations, missing responses, errors and items that all or none got right are as in
    ``fit_rasch``; the latter get the geometric mean of the discriminations, and the standard deviation of the
    others' as its error.
    """
    check_prior(log_discrimination_sd)
    counts = check_fittable(correct)
    sample = make_sample(len(correct), weight, population)
    difficulty = check_anchor(anchor, len(counts.varies))
    anchors = _Anchors(difficulty, check_discrimination(anchor_discrimination, difficulty, log_discrimination_sd))
    with own_threads() as threads:
        return _fit(correct, counts, sample, log_discrimination_sd, ability, anchors, threads)


def check_prior(log_discrimination_sd: float | None) -> None:
    """Raise InputError unless it is the standard deviation of a prior, or None."""
    if log_discrimination_sd is not None and not log_discrimination_sd > 0:
        raise InputError(
            f"log_discrimination_sd is {log_discrimination_sd}, but it is a standard deviation. "
            "Give a number above 0, or None for no prior."
        )


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
    design = two_parameter_design(sample.n_populations, bool(anchors.held.any()), log_discrimination_sd)
    search = Search(design, items, [cases], threads=threads)
    spread = spread_of(cases.n_correct, cases.items_seen, cases.count)
    start, reach = unit_start(spread, standing(cases, spread), items, sample.n_populations)
    if anchors.held.any():
        start, reach = _anchored_start(start, reach, items, anchors.discrimination[kept])
    maximum = search.maximise(*search.with_items_fitted(start, reach))
    if ability == "free":
        maximum = maximise_free(search, maximum)
    check_agreement(search, maximum, np.flatnonzero(kept))
    n_respondents = float(cases.count[cases.items_seen > 0].sum())
    shape = maximum.at.point.parameters.populations[0]
    unit = unit_covariance(shape, n_respondents) if ability == "free" else np.zeros((2, 2))
    found = estimates(maximum, search, unit)
    extreme = extreme_difficulties(correct[:, ~kept], cases, maximum.at.point, *found.extreme_prior, found.typical)
    return two_parameter_model(found, extreme, kept, maximum, search)


def two_parameter_design(n_populations: int, anchored: bool, log_discrimination_sd: float | None) -> Design:
    """What is free: with anchors the first population has a mean and a standard deviation too."""
    others: tuple[PopulationPart, ...] = ("mean", "log_sd")
    populations = (others if anchored else (), *(others,) * (n_populations - 1))
    return Design(slopes=True, populations=populations, log_slope_sd=log_discrimination_sd)


@dataclass(frozen=True, slots=True)
class Estimates:
    """Items that are estimated or held, with standard errors: [groups] each."""

    difficulty: FloatArray
    standard_error: FloatArray
    discrimination: FloatArray
    discrimination_error: FloatArray

    @property
    def typical(self) -> float:
        """Geometric mean of the discriminations."""
        return float(np.exp(np.log(np.maximum(np.abs(self.discrimination), 1e-3)).mean()))

    @property
    def extreme_prior(self) -> tuple[float, float]:
        """Mean and sd of the prior of items that all or none got right."""
        easiest, middle, hardest = np.quantile(self.difficulty, [0.16, 0.5, 0.84])  # swayed by no outlier
        return float(middle), float(max((hardest - easiest) / 2, 0.5 / self.typical))


def estimates(maximum: Maximum, search: Search, unit: FloatArray) -> Estimates:
    """Items at ``maximum``; ``unit`` is the covariance of the scale's own, see ``unit_covariance``."""
    found = maximum.at.point.parameters
    errors = _standard_errors(maximum.derivatives, found, search.design.log_slope_sd is not None, unit)
    free = np.isnan(search.items.anchor)
    difficulty = np.where(free, -found.intercept / found.slope, search.items.anchor)
    return Estimates(difficulty, free * errors[0], found.slope, free * errors[1])


def two_parameter_model(
    found: Estimates, extreme: ExtremeDifficulties, kept: Mask, maximum: Maximum, search: Search
) -> ItemModel:
    """The fitted model: ``found`` where ``kept`` [items], ``extreme`` elsewhere."""
    difficulty, standard_error = np.empty((2, len(kept)))
    difficulty[kept], standard_error[kept] = found.difficulty, found.standard_error
    difficulty[~kept], standard_error[~kept] = extreme.difficulty, extreme.sd
    discrimination, discrimination_error = np.empty((2, len(kept)))
    discrimination[kept], discrimination_error[kept] = found.discrimination, found.discrimination_error
    discrimination[~kept], discrimination_error[~kept] = found.typical, found.discrimination.std()
    ended = outcome(maximum)
    n_free_items = int(np.isnan(search.items.anchor).sum())
    return ItemModel(
        name="2pl",
        difficulty=difficulty,
        standard_error=standard_error,
        discrimination=discrimination,
        discrimination_error=discrimination_error,
        populations=maximum.at.point.parameters.populations,
        log_likelihood=maximum.at.log_likelihood,
        n_parameters=2 * n_free_items + n_population_parameters(maximum, search),
        iterations=maximum.iterations,
        converged=ended.converged,
        convergence=ended.text,
    )


def unit_start(
    spread: Spread, stood: FloatArray, items: ItemTotals, n_populations: int
) -> tuple[Parameters, tuple[float, float]]:
    """Where to begin on the scale on which abilities have standard deviation 1; see ``standing``."""
    rasch, reach = start_from(spread, items, n_populations)
    sd = rasch.populations[0].sd
    populations = (normal_population(0.0, 1.0),) * n_populations
    return Parameters(*slopes_start(stood, items), populations), (reach[0] / sd, reach[1] / sd)


def _anchored_start(
    start: Parameters, reach: tuple[float, float], items: ItemTotals, discrimination: FloatArray
) -> tuple[Parameters, tuple[float, float]]:
    """``start`` on the scale of the anchors, which have ``discrimination`` [groups]; NaN where it is free."""
    held = np.isfinite(discrimination)
    ratio = np.abs(start.slope[held] / discrimination[held])
    unit = float(np.exp(np.median(np.log(ratio))))
    centre = float(np.median(items.anchor[held] + unit * start.intercept[held] / start.slope[held]))
    slope = np.where(held, discrimination, start.slope / unit)
    intercept = np.where(held, -discrimination * items.anchor, start.intercept - start.slope / unit * centre)
    populations = (normal_population(centre, unit),) * len(start.populations)
    return Parameters(slope, intercept, populations), (centre + reach[0] * unit, centre + reach[1] * unit)


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
