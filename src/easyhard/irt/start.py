"""Where the search for a Rasch model begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from easyhard.irt.cases import Cases, ItemTotals
from easyhard.irt.point import Parameters
from easyhard.irt.population import normal_population
from easyhard.schema import FloatArray

_CORRELATIONS = (0.1, 0.95)  # of an item with the ranks; beyond, slopes are 0.2 and 5
_LOGISTIC = 1.702  # logits of a unit of the normal ogive
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


def slopes_start(cases: Cases, items: ItemTotals) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of every item [groups] by its correlation with the respondents' ranks, for a unit ability sd.

    Under 2PL cases are respondents. The biserial correlation gives the normal ogive, which the logistic curve follows
    with slopes 1.702 times as large (Lord & Novick 1968, Statistical Theories of Mental Test Scores, ch. 16).
    """
    share = cases.n_correct / np.maximum(cases.items_seen, 1)
    scored = cases.count * ndtri((rankdata(share) - 0.5) / len(share))
    of_right, of_seen = np.zeros((2, len(items.total)))
    for rows in cases.slices(1):
        of_right += cases.sum_over_right(rows, scored[rows, None])[:, 0]
        of_seen += cases.block(rows).sum_over_cases(scored[rows, None])[:, 0]
    chance = (items.total + 0.5) / (items.asked + 1)
    threshold = ndtri(chance)
    height = np.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    correlation = np.clip((of_right - chance * of_seen) / items.asked / height, *_CORRELATIONS)
    steeper = _LOGISTIC / np.sqrt(1 - correlation**2)
    return correlation * steeper, threshold * steeper


def log_odds(right: FloatArray, n: FloatArray) -> FloatArray:
    """Log-odds of ``right`` answers of ``n``, finite also if all or none are."""
    return np.log((right + 0.5) / (n - right + 0.5))
