"""Responses drawn from the Rasch model."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from easyhard.schema import MISSING, FloatArray, IntArray


def simulate_rasch(
    n_respondents: int,
    difficulty: FloatArray,
    ability_mean: float,
    ability_sd: float,
    missing: float,
    rng: np.random.Generator,
) -> IntArray:
    """Responses of ``n_respondents`` with normal abilities to items of ``difficulty`` [items], in logits.

    Returns int8 [respondents, items]: 1 correct, 0 wrong, -1 missing; each response is missing with
    probability ``missing``, independently of everything else.
    """
    ability = rng.normal(ability_mean, ability_sd, n_respondents)
    shape = (n_respondents, len(difficulty))
    correct = rng.random(shape) < expit(ability[:, None] - difficulty)
    return np.where(rng.random(shape) < missing, np.int8(MISSING), correct.astype(np.int8))
