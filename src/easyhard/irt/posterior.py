"""Posterior distribution of ability in every case, and the marginal likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from easyhard.irt.cases import Cases, reduce_responses
from easyhard.irt.quadrature import Quadrature, quadrature
from easyhard.schema import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Posterior:
    """Ability posteriors of all cases on one grid.

    Abilities are centred: normal with mean 0 in the population, so difficulties are relative to it.
    """

    grid: Quadrature
    weight: FloatArray  # [cases, points]; every row sums to 1
    log_likelihood: float  # marginal, of all responses

    @property
    def node_weight(self) -> FloatArray:
        """Weights [cases, nodes] that give the posterior expectation of a curve from its node values."""
        return self.weight @ self.grid.interpolation


def ability_posterior(cases: Cases, difficulty: FloatArray, ability_sd: float) -> Posterior:
    """Posterior of ability in each case: ``difficulty`` [groups], abilities normal(0, ``ability_sd``)."""
    grid = quadrature(cases, difficulty, ability_sd)
    softplus = np.logaddexp(0, grid.nodes - difficulty[:, None])
    log_density = cases.sum_over_items(softplus) @ -grid.interpolation.T
    log_density += np.outer(cases.n_correct, grid.ability)
    log_density -= grid.ability**2 / (2 * ability_sd**2)
    peak = log_density.max(axis=1, keepdims=True)
    density = np.exp(log_density - peak)
    mass = density.sum(axis=1, keepdims=True)
    integral = peak[:, 0] + np.log(mass[:, 0]) + math.log(grid.spacing / (ability_sd * math.sqrt(2 * math.pi)))
    log_likelihood = float(cases.count @ integral - cases.total @ difficulty)
    return Posterior(grid, density / mass, log_likelihood)


@dataclass(frozen=True, slots=True)
class Respondents:
    """The ability posteriors of respondents to items of known difficulty."""

    cases: Cases
    posterior: Posterior


def posterior_given(correct: IntArray, difficulty: FloatArray, ability_mean: float, ability_sd: float) -> Respondents:
    """Posteriors for ``correct`` [respondents, items] if ``difficulty`` [items] and the prior are known."""
    _, kind = np.unique(difficulty, return_inverse=True)
    cases = reduce_responses(correct, kind)
    centred = np.empty(len(cases.size))
    centred[cases.group_of] = difficulty - ability_mean
    return Respondents(cases, ability_posterior(cases, centred, ability_sd))
