"""Uncertainty of an estimate over two crossed samples: items, and the seeds of the training runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from easyhard.schema import FloatArray


@dataclass(frozen=True, slots=True)
class Spread:
    """Sampling variance of an estimate by source, in its squared unit.

    ``items``: between items, of seed means. ``seeds``: between seeds, of item means; 0 with one seed.
    Both hold the interaction of item and seed, so ``error``, its variance, is taken off once in their sum.
    ``seeds_df``, ``items_df``: degrees of freedom of ``seeds`` and ``items``; items are many if nothing else is said.

    Source: mean squares of the crossed random-effects layout, Cornfield & Tukey (1956), Annals of
    Mathematical Statistics 27; degrees of freedom of their sum, Satterthwaite (1946), Biometrics Bulletin 2.
    """

    items: float
    seeds: float = 0.0
    error: float = 0.0
    seeds_df: float = 1.0
    items_df: float = math.inf

    def half_width(self, level: float) -> float:
        """Half the interval at coverage ``level``: over items and seeds, never narrower than over items."""
        tail = (1 + level) / 2
        items_alone = _quantile(self.items_df, tail) * math.sqrt(self.items)
        if self._both <= 0:
            return items_alone
        return max(items_alone, float(special.stdtrit(self._df, tail)) * math.sqrt(self._both))

    def p_value(self, estimate: float) -> float:
        """Two-sided p-value of ``estimate`` against zero; 1 when there is no variance to judge it by."""
        if self.items <= 0:
            return 1.0
        items_alone = 2 * _tail(self.items_df, -abs(estimate) / math.sqrt(self.items))
        if self._both <= 0:
            return items_alone
        return max(items_alone, 2 * float(special.stdtr(self._df, -abs(estimate) / math.sqrt(self._both))))

    @property
    def _both(self) -> float:
        """Variance over items and seeds together; 0 when one seed says nothing about seeds."""
        return self.items + self.seeds - self.error if self.seeds > 0 else 0.0

    @property
    def _df(self) -> float:
        """Satterthwaite's degrees of freedom."""
        # Below seeds_df only by the subtraction of the error: the sum is not less known than the seeds.
        ratio = max(1.0, self._both / self.seeds)
        of_seeds = self.seeds_df * ratio * ratio
        return 1 / (1 / of_seeds + (self.items / self._both) ** 2 / self.items_df)


def _quantile(freedom: float, share: float) -> float:
    """Student's; the normal one for degrees of freedom without end."""
    return float(special.ndtri(share) if math.isinf(freedom) else special.stdtrit(freedom, share))


def _tail(freedom: float, value: float) -> float:
    """Probability of less than ``value``, by Student's distribution or the normal one."""
    return float(special.ndtr(value) if math.isinf(freedom) else special.stdtr(freedom, value))


def seed_variance(seed_means: FloatArray) -> float:
    """Variance of the mean of ``seed_means`` [seeds]; 0 with one seed."""
    n_seeds = len(seed_means)
    return float(np.var(seed_means, ddof=1)) / n_seeds if n_seeds > 1 else 0.0


def error_variance(change: FloatArray) -> float:
    """Variance that the interaction of seed and item gives to the mean of ``change`` [seeds, items]."""
    n_seeds, n_items = change.shape
    freedom = (n_seeds - 1) * (n_items - 1)
    if freedom == 0:
        return 0.0
    centred = change - change.mean(axis=0) - change.mean(axis=1, keepdims=True) + change.mean()
    mean_square = float((centred**2).sum()) / freedom
    variance: float = mean_square / (n_seeds * n_items)
    return variance
