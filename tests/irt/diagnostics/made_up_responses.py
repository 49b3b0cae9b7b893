"""Responses for the tests of the diagnostics, drawn from a model or with something planted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.schema import FloatArray, IntArray


def draw(
    name: str,
    n_respondents: int,
    n_items: int,
    missing: float = 0.0,
    ability_sd: float = 1.0,
    spread: float = 0.0,
    second: float = 0.0,
) -> IntArray:
    """Responses to items whose log-discriminations have sd ``spread``.

    Every third item also asks for a second ability, of standard deviation ``second``.
    """
    rng = cell_rng(0, "test diagnostics", name)
    difficulty, slope = rng.normal(0, 1.2, n_items), np.exp(rng.normal(0, spread, n_items))
    ability = rng.normal(0.3, ability_sd, n_respondents)[:, None]
    other = second * rng.normal(0, 1, n_respondents)[:, None] * (np.arange(n_items) % 3 == 0)
    p = expit(slope * (ability + other - difficulty))
    correct: IntArray = (rng.random(p.shape) < p).astype(np.int8)
    correct[rng.random(p.shape) < missing] = -1
    return correct


def with_wrong_keys(correct: IntArray, bad: npt.NDArray[np.intp], name: str) -> IntArray:
    """Those who know the answer miss the wrong key of a ``bad`` item; one in four of the others hits it."""
    rng = cell_rng(0, "test diagnostics keys", name)
    changed = correct.copy()
    hit = (rng.random((len(correct), len(bad))) < 0.25).astype(np.int8)
    flipped = np.where(correct[:, bad] == 1, 0, hit)
    changed[:, bad] = np.where(correct[:, bad] < 0, -1, flipped)
    return changed


def rates(p: FloatArray) -> tuple[float, float]:
    """Shares of the p-values below 0.05 and 0.5, of those that are numbers."""
    tested = p[~np.isnan(p)]
    return float(np.mean(tested < 0.05)), float(np.mean(tested < 0.5))
