"""Posterior distribution of every respondent's ability under a fitted model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.irt.cases import Cases, single_cases
from easyhard.irt.counts import count_responses
from easyhard.irt.expectation import posteriors, support
from easyhard.irt.item_model import ItemModel
from easyhard.irt.point import Design, Parameters, Point, make_point
from easyhard.irt.sample import make_sample
from easyhard.schema import FloatArray, InputError, IntArray

_FIRST_REACH = 7.0  # population sds to either side; widened where posteriors reach further


@dataclass(frozen=True, slots=True)
class Posterior:
    """Ability posteriors on one uniform grid, fine enough for sums over it to be integrals."""

    ability: FloatArray  # [points]
    weight: FloatArray  # [respondents, points]; rows sum to 1
    log_likelihood: FloatArray  # [respondents], marginal, of the responses of each

    @property
    def mean(self) -> FloatArray:
        """Posterior mean of each respondent: [respondents]."""
        return np.asarray(self.weight @ self.ability)

    @property
    def sd(self) -> FloatArray:
        """Posterior standard deviation of each respondent: [respondents]."""
        return np.sqrt(np.maximum(self.weight @ self.ability**2 - self.mean**2, 0))


def posterior_of(correct: IntArray, model: ItemModel, population: npt.NDArray[np.integer] | None = None) -> Posterior:
    """Ability posteriors of the respondents of ``correct`` [respondents, items] to the items of ``model``.

    A respondent without responses has the population's distribution; ``population`` [respondents] numbers the
    populations of ``model``, all the first by default. Raises InputError unless there is one column an item.
    """
    counts = count_responses(correct)
    if correct.shape[1] != len(model.difficulty):
        raise InputError(
            f"correct has {correct.shape[1]} items, the model {len(model.difficulty)}. "
            "Give the model one column for each of its items, in its order."
        )
    sample = make_sample(len(correct), None, population if len(model.populations) > 1 else None)
    cases, items = single_cases(correct, counts, sample, np.ones(correct.shape[1], dtype=bool))
    slope, intercept = model.discrimination, -model.discrimination * model.difficulty
    design = Design(slopes=False, populations=((),) * len(model.populations), probes=False)
    parameters = Parameters(slope, intercept, model.populations)
    low = min(one.mean - _FIRST_REACH * one.sd for one in model.populations)
    high = max(one.mean + _FIRST_REACH * one.sd for one in model.populations)
    while True:
        point = make_point(parameters, items, (low, high), design)
        found = _gathered(cases, point)
        lowest, highest = support(found.weight, found.ability)
        width = high - low
        if low < lowest and highest < high:
            break
        low, high = low - 0.3 * width * (lowest <= low), high + 0.3 * width * (highest >= high)
    return Posterior(found.ability, found.weight, found.log_likelihood + _linear(correct, intercept))


def _gathered(cases: Cases, point: Point) -> Posterior:
    """All posteriors at ``point``, in the order of the respondents."""
    parts = list(posteriors(cases, point))
    weight = np.concatenate([part.weight for part in parts])
    log_likelihood = np.concatenate([part.log_likelihood for part in parts])
    return Posterior(point.grid.ability, weight[cases.case_of], log_likelihood[cases.case_of])


def _linear(correct: IntArray, intercept: FloatArray) -> FloatArray:
    """Sum of the intercepts of the items that each respondent got right: [respondents]."""
    return np.array([np.maximum(row, 0) @ intercept for row in correct])
