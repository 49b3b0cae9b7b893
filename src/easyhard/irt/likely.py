"""The ability that makes a total the expected one: the maximum likelihood estimate of ability."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from easyhard.irt.cases import Cases
from easyhard.irt.counts import row_blocks
from easyhard.schema import FloatArray

_EXACT = 1e-11  # logits
_MOST_STEPS = 200  # bisection alone would take 60; Newton's method takes 4 to 8


def likely_ability(cases: Cases, difficulty: FloatArray, tolerance: float = _EXACT) -> FloatArray:
    """Ability at which each case [cases] is expected to get as many items right as it did.

    ``difficulty`` is [groups]; no case may have all or none right. The last step is at most ``tolerance``.
    Newton's method, with bisection where it would leave the bracket.
    """
    ability = np.empty(len(cases.count))
    for rows in row_blocks((len(ability), len(difficulty))):
        size = cases.observed[cases.pattern[rows]] * cases.size
        ability[rows] = _solve(size, difficulty, cases.n_correct[rows], tolerance)
    return ability


def _solve(size: FloatArray, difficulty: FloatArray, n_correct: FloatArray, tolerance: float) -> FloatArray:
    n_seen = size.sum(axis=1)
    log_odds = np.log(n_correct / (n_seen - n_correct))
    # Were all items as easy as the easiest, or as hard as the hardest, the answer would be plain.
    low, high = log_odds + difficulty.min(), log_odds + difficulty.max()
    ability: FloatArray = log_odds + size @ difficulty / n_seen
    for _ in range(_MOST_STEPS):
        p = expit(ability[:, None] - difficulty)
        excess = (size * p).sum(axis=1) - n_correct
        low, high = np.where(excess <= 0, ability, low), np.where(excess >= 0, ability, high)
        moved = ability - excess / (size * p * (1 - p)).sum(axis=1)
        moved = np.where((low < moved) & (moved < high), moved, (low + high) / 2)
        step = float(np.abs(moved - ability).max())
        ability = moved
        if step < tolerance:
            break
    return ability
