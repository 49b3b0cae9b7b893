"""Rasch model fitted by marginal maximum likelihood.

    P(correct) = 1 / (1 + exp(-(ability - difficulty))),   ability ~ normal(ability_mean, ability_sd)

Sources: Rasch (1960), Probabilistic Models for Some Intelligence and Attainment Tests; Bock & Aitkin (1981),
Psychometrika 46, 443-459; Thissen (1982), Psychometrika 47, 175-186.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.irt.anchors import check_agreement, check_anchor
from easyhard.irt.cases import ItemTotals, rasch_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.counts import Counts
from easyhard.irt.extremes import extreme_difficulties
from easyhard.irt.free_search import maximise_free
from easyhard.irt.information import invert
from easyhard.irt.item_model import AbilityShape, ItemModel
from easyhard.irt.outcome import outcome
from easyhard.irt.point import Design, PopulationPart
from easyhard.irt.sample import Sample, make_sample
from easyhard.irt.search import Maximum, Search
from easyhard.irt.start import rasch_start
from easyhard.irt.threads import own_threads
from easyhard.schema import FloatArray, IntArray

_LOWEST_PRIOR_SD = 0.5  # logits: a few items that happen to be alike must not pass for a sharp prior


def fit_rasch(
    correct: IntArray,
    weight: FloatArray | None = None,
    population: npt.NDArray[np.integer] | None = None,
    anchor: FloatArray | None = None,
    ability: AbilityShape = "normal",
) -> ItemModel:
    """Fit the Rasch model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    ``weight`` [respondents], above 0, says how often each counts: less than 1 for near-copies of one model.
    ``population`` [respondents] numbers the populations that respondents come from, from 0; each has a normal
    ability distribution of its own. With ``ability="free"`` there is one population, of any shape.

    ``anchor`` [items] holds difficulties in logits of items that are known, NaN for the others. They stay where
    they are, and put the others and the respondents on their scale (fixed-item calibration, Kim 2006, Journal
    of Educational Measurement 43, 355-381); their standard error is 0.

    Missing responses are taken as missing at random and left out of the likelihood; a respondent without any
    response counts for nothing. Standard errors come from the observed information of all difficulties and
    the ability distributions together; they refer to the distance from the mean difficulty or, with anchors, to
    the place on the anchors' scale. A free distribution is taken as known in them.

    An item that all, or none, of its respondents answered correctly has no finite maximum likelihood
    estimate. The others are estimated without it; its own difficulty and standard error are then the mean
    and sd of its posterior, under a normal prior with the mean and sd (at least half a logit) of the others'
    difficulties: besides its responses, all that is known of it is that it comes from the same benchmark.
    It is never placed among items that the same respondents answered less uniformly (see ``extremes``).

    Raises InputError for fewer than 2 respondents or 2 items that vary, an item without responses, codes
    other than 1, 0 and -1, or a weight, population number or anchor that cannot be, or anchors
    that contradict each other.
    """
    counts = check_fittable(correct)
    sample = make_sample(len(correct), weight, population)
    anchors = check_anchor(anchor, len(counts.varies))
    with own_threads() as threads:
        return _fit(correct, counts, sample, anchors, ability, threads)


def _fit(
    correct: IntArray, counts: Counts, sample: Sample, anchors: FloatArray, ability: AbilityShape, threads: int
) -> ItemModel:
    cases, items = rasch_cases(correct, counts, sample, anchors)
    anchored = bool(np.isfinite(anchors).any())
    uneven = bool(((cases.share > 0) & (cases.share < 1)).any())
    search = Search(rasch_design(sample.n_populations, anchored, uneven), items, [cases], threads=threads)
    start, reach = rasch_start(cases, items, sample.n_populations)
    maximum = search.maximise(start, reach)
    if ability == "free":
        maximum = maximise_free(search, maximum)
    kept = counts.varies | np.isfinite(anchors)
    check_agreement(search, maximum, np.flatnonzero(kept)[np.unique(cases.group_of, return_index=True)[1]])
    by_group = placed(maximum, items, anchored)
    difficulty, standard_error = np.empty(len(kept)), np.empty(len(kept))
    difficulty[kept] = by_group.difficulty[cases.group_of]
    standard_error[kept] = by_group.standard_error[cases.group_of]
    if not kept.all():
        prior_mean, prior_sd = extreme_prior(difficulty[kept])
        at_point = prior_mean - by_group.shift
        extreme = extreme_difficulties(correct[:, ~kept], cases, maximum.at.point, at_point, prior_sd)
        difficulty[~kept], standard_error[~kept] = extreme.difficulty + by_group.shift, extreme.sd
    return rasch_model(difficulty, standard_error, maximum, by_group.shift, search)


def rasch_model(
    difficulty: FloatArray, standard_error: FloatArray, maximum: Maximum, shift: float, search: Search
) -> ItemModel:
    """The fitted model, ``shift`` being what was added to the scale of ``maximum``."""
    ended = outcome(maximum)
    n_free_items = int(search.items.size[np.isnan(search.items.anchor)].sum())
    return ItemModel(
        name="rasch",
        difficulty=difficulty,
        standard_error=standard_error,
        discrimination=np.ones(len(difficulty)),
        discrimination_error=np.zeros(len(difficulty)),
        populations=tuple(one.moved(shift) for one in maximum.at.point.parameters.populations),
        log_likelihood=maximum.at.log_likelihood,
        n_parameters=n_free_items + n_population_parameters(maximum, search),
        iterations=maximum.iterations,
        converged=ended.converged,
        convergence=ended.text,
    )


def n_population_parameters(maximum: Maximum, search: Search) -> int:
    """Free parameters of the ability distributions.

    Of a shape of many components the weights above 0, less one for their sum and one for each of its mean and, under
    2PL, its sd, which set the scale.
    """
    populations = maximum.at.point.parameters.populations
    if len(populations) == 1 and len(populations[0].weight) > 1:
        return max(populations[0].n_components - 2 - search.design.slopes, 0)
    return sum(len(parts) for parts in search.design.populations)


def rasch_design(n_populations: int, anchored: bool, uneven: bool) -> Design:
    """What is free: with anchors the first population has a mean of its own too.

    ``uneven`` says that somebody saw a part of a block of items, so that the loss of information is approximate.
    """
    first: tuple[PopulationPart, ...] = ("mean", "log_sd") if anchored else ("log_sd",)
    others: tuple[PopulationPart, ...] = ("mean", "log_sd")
    return Design(slopes=False, populations=(first, *(others,) * (n_populations - 1)), probes=uneven)


def extreme_prior(difficulty: FloatArray) -> tuple[float, float]:
    """Mean and sd of the prior of items that all or none got right, from the ``difficulty`` of the others."""
    return float(difficulty.mean()), max(float(difficulty.std()), _LOWEST_PRIOR_SD)


@dataclass(frozen=True, slots=True)
class Placed:
    """Difficulties on the scale reported, and what was added to get there: [groups], logits."""

    difficulty: FloatArray
    standard_error: FloatArray
    shift: float


def placed(maximum: Maximum, items: ItemTotals, anchored: bool) -> Placed:
    """Anchors keep their scale; else the mean item is at 0, and standard errors are of the distance from it.

    With C the covariance of the items' difficulties, the variance of one less their mean is
    ``C[i, i] - 2 mean(C[i, :]) + mean(C)``. Items of one group share all of C but its diagonal.
    """
    size, at, difficulty = items.size, maximum.derivatives, -maximum.at.point.parameters.intercept
    n_items, n_groups = size.sum(), len(size)
    covariance = invert(at)
    own = covariance.item_blocks()[:, 0, 0] + (size - 1) / at.items[:, 0, 0]
    if anchored:
        return Placed(difficulty, np.where(np.isfinite(items.anchor), 0.0, np.sqrt(own)), 0.0)
    with_sum = covariance.product(np.append(size, np.zeros(len(at.gradient) - n_groups)))[:n_groups]
    variance = own - 2 * with_sum / n_items + size @ with_sum / n_items**2
    shift = -float(size @ difficulty / n_items)
    return Placed(difficulty + shift, np.sqrt(variance), shift)
