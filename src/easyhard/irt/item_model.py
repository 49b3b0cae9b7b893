"""A fitted model of items and respondents: what ``fit_rasch`` and ``fit_2pl`` return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import expit

from easyhard.irt.counts import Mask
from easyhard.irt.population import Population
from easyhard.schema import FloatArray, IndexArray

ModelName = Literal["rasch", "2pl"]
AbilityShape = Literal["normal", "free"]


@dataclass(frozen=True, slots=True)
class ItemModel:
    """Items and ability distribution, as estimated from responses.

        P(correct) = 1 / (1 + exp(-discrimination (ability - difficulty)))

    A larger difficulty is a harder item. Under Rasch discrimination is 1, the unit is the logit, and the
    origin the mean difficulty of the items that some respondents got right and others wrong. Under 2PL the
    first population's abilities have mean 0 and standard deviation 1. With anchors the scale is theirs.
    Standard errors come from the observed information of all parameters together. ``log_likelihood`` is the marginal
    one of the responses to the items that vary, without any prior.
    """

    name: ModelName
    difficulty: FloatArray  # [items]
    standard_error: FloatArray  # [items], of the difficulty
    discrimination: FloatArray  # [items]
    discrimination_error: FloatArray  # [items], standard error; 0 under Rasch
    populations: tuple[Population, ...]  # in the order of the population numbers; usually one
    log_likelihood: float
    n_parameters: int
    iterations: int
    converged: bool
    convergence: str  # a sentence

    @property
    def ability_mean(self) -> float:
        """Mean ability of the first population."""
        return self.populations[0].mean

    @property
    def ability_sd(self) -> float:
        """Standard deviation of ability in the first population."""
        return self.populations[0].sd

    def select(self, items: IndexArray | Mask) -> ItemModel:
        """The model of some of its items: those at these places, in that order, or those marked."""
        return replace(
            self,
            difficulty=self.difficulty[items],
            standard_error=self.standard_error[items],
            discrimination=self.discrimination[items],
            discrimination_error=self.discrimination_error[items],
        )

    def probability(self, ability: FloatArray) -> FloatArray:
        """Probability of a correct response at ``ability`` [points]: [points, items]."""
        return np.asarray(expit(self.discrimination * (ability[:, None] - self.difficulty)))
