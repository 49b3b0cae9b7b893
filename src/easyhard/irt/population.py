"""Ability distributions: a normal, or a mixture of narrow normals that can take any shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyhard.schema import FloatArray

_NEGLIGIBLE = 1e-15  # weight of a component that is as good as none
_COUNTED = 1e-9  # weight from which a component is a parameter: no sample of respondents shows less
_LOG_ROOT_TAU = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Population:
    """Ability distribution of one population of respondents: a mixture of normals, often of just one.

    ``centre``, ``width`` (a standard deviation) and ``weight`` (summing to 1) are [components], in the unit
    of ability.
    """

    centre: FloatArray
    width: FloatArray
    weight: FloatArray

    @property
    def mean(self) -> float:
        """Mean ability."""
        return float(self.weight @ self.centre)

    @property
    def sd(self) -> float:
        """Standard deviation of ability."""
        second = self.weight @ (self.width**2 + self.centre**2)
        return float(np.sqrt(second - self.mean**2))

    @property
    def n_components(self) -> int:
        """Components with any weight to speak of."""
        return int((self.weight > _COUNTED).sum())

    def log_density(self, ability: FloatArray) -> FloatArray:
        """Log-density at ``ability`` [points]."""
        used = self.weight > _NEGLIGIBLE
        log_weight = np.log(self.weight[used])[:, None]
        return np.asarray(np.logaddexp.reduce(self.component_log_density(ability)[used] + log_weight))

    def component_log_density(self, ability: FloatArray) -> FloatArray:
        """Log-density of every component: [components, points]."""
        z = (ability - self.centre[:, None]) / self.width[:, None]
        return np.asarray(-0.5 * z**2 - np.log(self.width[:, None]) - _LOG_ROOT_TAU)

    def moved(self, shift: float) -> Population:
        """The same shape, ``shift`` further up."""
        return Population(self.centre + shift, self.width, self.weight)


def normal_population(mean: float, sd: float) -> Population:
    """Abilities normal with ``mean`` and standard deviation ``sd``."""
    return Population(np.array([mean]), np.array([sd]), np.ones(1))
