"""Where the search for a Rasch model begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit, ndtri

from easyhard.irt.cases import Cases, ItemTotals
from easyhard.irt.point import Parameters
from easyhard.irt.population import normal_population
from easyhard.schema import FloatArray

_CORRELATIONS = (0.1, 0.95)  # of an item with the log-odds; at the ends, slopes are 0.2 and 5
_LOGISTIC = 1.702  # logits of a unit of the normal ogive
_PROX = 2.89  # 1.7 squared: normal ogive and logistic curve agree with slopes so far apart
_LEAST_SHARED = 0.5  # stretches no further
_NODES, _ROUNDS = 31, 4  # of the start by moments
_WIDEST = 6.0  # logits, of the ability sd at the start
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
    def mean(self) -> float:
        """Mean of the log-odds."""
        return self.log_odds / self.count

    @property
    def total_sd(self) -> float:
        """Standard deviation of the log-odds, chance included."""
        return math.sqrt(max(self.square / self.count - self.mean**2, 1e-12))

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
    """Items and respondents near where the search will end, and the abilities that respondents may reach.

    Log-odds of items are flattened by the spread of respondents, and the other way round: both are stretched to make up
    for it (PROX; Wright & Stone 1979, Best Test Design, ch. 2).
    """
    easiness = log_odds(items.total, items.asked * items.size)
    middle = np.average(easiness, weights=items.size)
    of_items, of_respondents = float(np.average((easiness - middle) ** 2, weights=items.size)), spread.sd**2
    shared = max(1 - of_items * of_respondents / _PROX**2, _LEAST_SHARED)
    stretched = easiness * math.sqrt((1 + of_respondents / _PROX) / shared)
    intercept = np.where(np.isnan(items.anchor), stretched, -items.anchor)
    sd = spread.sd * math.sqrt((1 + of_items / _PROX) / shared)
    start = Parameters(np.ones_like(intercept), intercept, (normal_population(0.0, sd),) * n_populations)
    reach = spread.furthest + _MARGIN
    return _by_moments(start, spread, items), (-reach, reach)


def _by_moments(start: Parameters, spread: Spread, items: ItemTotals) -> Parameters:
    """``start`` moved to where it predicts each item's share of right answers and the spread of the log-odds.

    What a respondent's log-odds would be without chance is a curve over ability; its sd is held against the sd of the
    log-odds beyond chance, as PROX does without the curve. That is within some hundredths of a logit of the maximum of
    the likelihood, for less than one evaluation of it.
    """
    share = items.total / (items.asked * items.size)
    z, weight = hermegauss(_NODES)
    weight /= weight.sum()
    intercept, sd = start.intercept, start.populations[0].sd
    for _ in range(_ROUNDS):
        p = expit(intercept[:, None] + sd * z)
        average = np.clip(items.size @ p / items.size.sum(), 1e-9, 1 - 1e-9)
        curve = np.log(average / (1 - average))
        sd = min(sd * spread.sd / math.sqrt(weight @ curve**2 - (weight @ curve) ** 2), _WIDEST)
        step = (share - p @ weight) / (p * (1 - p) @ weight)
        intercept = np.where(np.isnan(items.anchor), intercept + np.clip(step, -1, 1), intercept)
    return Parameters(start.slope, intercept, (normal_population(0.0, sd),) * len(start.populations))


def standing(cases: Cases, spread: Spread) -> FloatArray:
    """Sums, of log-odds standardised by ``spread``, over those who got an item right and those who saw it: [2, groups].

    Under 2PL, where cases are respondents.
    """
    share_odds = (log_odds(cases.n_correct, cases.items_seen) - spread.mean) / spread.total_sd
    sums = np.zeros((2, len(cases.size)))
    for rows in cases.slices(1):
        weighted = (cases.count[rows] * share_odds[rows])[:, None]
        sums[0] += cases.sum_over_right(rows, weighted)[:, 0]
        sums[1] += cases.block(rows).sum_over_cases(weighted)[:, 0]
    return sums


def slopes_start(stood: FloatArray, items: ItemTotals) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of every item [groups] by its correlation with the respondents' log-odds; see ``standing``.

    For an ability sd of 1. The biserial correlation gives the normal ogive, which the logistic curve follows with
    slopes 1.702 times as large (Lord & Novick 1968, Statistical Theories of Mental Test Scores, ch. 16).
    """
    chance = (items.total + 0.5) / (items.asked + 1)
    threshold = ndtri(chance)
    height = np.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    correlation = np.clip((stood[0] - chance * stood[1]) / items.asked / height, *_CORRELATIONS)
    steeper = _LOGISTIC / np.sqrt(1 - correlation**2)
    return correlation * steeper, threshold * steeper


def log_odds(right: FloatArray, n: FloatArray) -> FloatArray:
    """Log-odds of ``right`` answers of ``n``, finite also if all or none are."""
    return np.log((right + 0.5) / (n - right + 0.5))
