"""Ability of respondents on a calibrated scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyhard.irt.checks import check_codes
from easyhard.irt.posterior import posterior_given
from easyhard.schema import FloatArray, InputError, IntArray


@dataclass(frozen=True, slots=True)
class Ability:
    """Posterior mean and standard deviation of each respondent's ability: [respondents], logits."""

    mean: FloatArray
    sd: FloatArray


def estimate_ability(correct: IntArray, difficulty: FloatArray, ability_mean: float, ability_sd: float) -> Ability:
    """Expected a posteriori ability under the prior normal(``ability_mean``, ``ability_sd``).

    ``correct`` is int8 [respondents, items]: 1 correct, 0 wrong, -1 missing; ``difficulty`` [items] in
    logits, taken as known. A respondent without responses gets the prior. Raises InputError for other codes,
    or if the number of difficulties is not that of the columns.
    Source: Bock & Mislevy (1982), Applied Psychological Measurement 6, 431-444.
    """
    check_codes(correct)
    if difficulty.shape != (correct.shape[1],) or not np.isfinite(difficulty).all():
        raise InputError(
            f"difficulty has shape {difficulty.shape} for {correct.shape[1]} items. "
            "Give one finite difficulty for each column of correct."
        )
    known = posterior_given(correct, difficulty, ability_mean, ability_sd)
    grid, weight = known.posterior.grid.ability, known.posterior.weight
    mean = weight @ grid
    variance = (weight * (grid - mean[:, None]) ** 2).sum(axis=1)
    case_of = known.cases.case_of
    return Ability(mean=mean[case_of] + ability_mean, sd=np.sqrt(variance)[case_of])
