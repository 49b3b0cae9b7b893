"""Who the respondents are: weights and populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.irt.counts import Places
from easyhard.schema import FloatArray, InputError


@dataclass(frozen=True, slots=True)
class Sample:
    """Population number, from 0, and weight of every respondent: [respondents] each."""

    population: Places
    weight: FloatArray

    @property
    def n_populations(self) -> int:
        """Number of populations."""
        return int(self.population.max()) + 1


def make_sample(n_respondents: int, weight: FloatArray | None, population: npt.NDArray[np.integer] | None) -> Sample:
    """Sample from what the user gave; each respondent counts once and all are from one population by default."""
    weights = np.ones(n_respondents) if weight is None else np.asarray(weight, dtype=float)
    if weights.shape != (n_respondents,) or not (np.isfinite(weights) & (weights > 0)).all():
        raise InputError(
            f"weight has shape {weights.shape} and a minimum of {weights.min() if weights.size else None} for "
            f"{n_respondents} respondents. Give each a finite weight above 0; leave out those not to count."
        )
    numbers = np.zeros(n_respondents, dtype=np.intp) if population is None else np.asarray(population)
    used = np.unique(numbers)
    whole = np.issubdtype(numbers.dtype, np.integer) and numbers.shape == (n_respondents,)
    if not whole or not np.array_equal(used, np.arange(len(used))):
        raise InputError(
            f"population has shape {numbers.shape} and holds {used[:5]} for {n_respondents} respondents. "
            "Give each a whole number: 0, 1, 2 ... without a gap, 0 being the population that sets the scale."
        )
    return Sample(numbers.astype(np.intp), weights)
