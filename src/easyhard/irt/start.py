"""Where the search for a Rasch model begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from easyhard.irt.cases import Cases, ItemTotals
from easyhard.irt.point import Parameters
from easyhard.irt.population import normal_population
from easyhard.schema import FloatArray

_MARGIN = 3.0  # logits beyond the respondents' log-odds; the search widens it where that is too little


@dataclass(frozen=True, slots=True)
class Spread:
    """Sums over respondents with a response, of their log-odds; adding two gives those of both together."""

    count: float
    log_odds: float
    square: float
    chance: float  # of the variances that the log-odds have by chance alone
    furthest: float  # of the log-odds from 0

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            self.count + other.count,
            self.log_odds + other.log_odds,
            self.square + other.square,
            self.chance + other.chance,
            max(self.furthest, other.furthest),
        )

    @property
    def sd(self) -> float:
        """Standard deviation of the log-odds beyond chance, kept within reason."""
        variance = (self.square - self.log_odds**2 / self.count - self.chance) / self.count
        return math.sqrt(min(max(variance, 0.1), 9.0))


def spread_of(right: FloatArray, n_items: FloatArray, count: FloatArray) -> Spread:
    """Spread of respondents, ``count`` [cases] of them with ``right`` [cases] of ``n_items`` [cases] right."""
    some = n_items > 0
    right, n_items, count = right[some], n_items[some], count[some]
    of_total = log_odds(right, n_items)
    chance = (n_items + 1) / ((right + 0.5) * (n_items - right + 0.5))
    return Spread(
        count=float(count.sum()),
        log_odds=float(count @ of_total),
        square=float(count @ of_total**2),
        chance=float(count @ chance),
        furthest=float(np.abs(of_total).max(initial=0.0)),
    )


def rasch_start(cases: Cases, items: ItemTotals, n_populations: int) -> tuple[Parameters, tuple[float, float]]:
    """``start_from`` the respondents in ``cases``."""
    return start_from(spread_of(cases.n_correct, cases.items_seen, cases.count), items, n_populations)


def start_from(spread: Spread, items: ItemTotals, n_populations: int) -> tuple[Parameters, tuple[float, float]]:
    """Log-odds of the items, the spread of the respondents' log-odds, and the abilities they reach."""
    free = np.isnan(items.anchor)
    intercept = np.where(free, log_odds(items.total, items.asked * items.size), -items.anchor)
    populations = (normal_population(0.0, spread.sd),) * n_populations
    reach = spread.furthest + _MARGIN
    return Parameters(np.ones_like(intercept), intercept, populations), (-reach, reach)


def log_odds(right: FloatArray, n: FloatArray) -> FloatArray:
    """Log-odds of ``right`` answers of ``n``, finite also if all or none are."""
    return np.log((right + 0.5) / (n - right + 0.5))
