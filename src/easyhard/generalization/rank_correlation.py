"""Rank correlation of a number, or of a word, with difficulty, with an interval that needs no distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ncfdtr, ndtri
from scipy.stats import rankdata

from easyhard.schema import FloatArray, Interval

IntegerArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """A rank correlation, -1 to 1, and the interval for it over the draw of items."""

    value: float
    interval: Interval


def rank_correlation(x: FloatArray, y: FloatArray, level: float = 0.95) -> RankCorrelation:
    """Spearman's rank correlation of ``x`` and ``y``, [items] each and neither constant; ties share their mean rank.

    The interval is symmetric on Fisher's scale, artanh, with the wider of two standard errors:
    ``sqrt((1 + r^2 / 2) / (n - 3))`` of Bonett & Wright (2000), Psychometrika 65(1), 23-28, too narrow where the
    scatter of one depends on the other; and the one that the ranks themselves give, from the influence of each item
    (Borkowf 2002, Computational Statistics & Data Analysis 39(3), 271-286), too narrow with few items.
    """
    n = len(x)
    f, g = mid_ranks(x), mid_ranks(y)
    variances = float(np.mean(f**2)), float(np.mean(g**2))
    value = float(np.mean(f * g) / np.sqrt(variances[0] * variances[1]))
    value = min(max(value, -1.0), 1.0)
    product = f * g + above(x, g) + above(y, f)
    influence = product / np.sqrt(variances[0] * variances[1])
    for ranks, own, variance in ((f, x, variances[0]), (g, y, variances[1])):
        influence -= 0.5 * value * (ranks**2 + 2 * above(own, ranks)) / variance
    # In perfect order no error shows: the interval is then that of one swap of neighbours less.
    inside = min(abs(value), 1 - 12 / (n * (n**2 - 1)))
    own_error = float(np.std(influence, ddof=1)) / np.sqrt(n) / (1 - inside**2)
    error = max(np.sqrt((1 + value**2 / 2) / (n - 3)), own_error)
    centre, reach = np.copysign(np.arctanh(inside), value), float(ndtri((1 + level) / 2)) * error
    low, high = np.tanh(centre - reach), np.tanh(centre + reach)
    return RankCorrelation(value, Interval(min(float(low), value), max(float(high), value), level))


def group_correlation(codes: FloatArray, y: FloatArray, level: float = 0.95) -> RankCorrelation:
    """Rank correlation of ``y`` with the mean rank of its group: never negative, comparable in size with Spearman's.

    ``codes`` [items] are the numbers of their groups, from 0 without a gap: at least two groups, each of at least two
    items. The square is the share of the variance of ranks that lies between groups, estimated from pairs of different
    items of one group, so that it is right on average whether groups scatter alike or not, and about 0 where they do
    not differ.

    The interval reaches from the lower of two lower ends to the higher of two higher ends: that of the noncentral F
    distribution (Steiger 2004, Psychological Methods 9(2), 164-182), which takes all groups to scatter alike, and
    that of a jackknife over items, which breaks down where groups hardly differ.
    """
    group = codes.astype(np.int64)
    share, error = _share_between(group, y)
    reach = float(ndtri((1 + level) / 2)) * error / (1 - share**2)
    jackknife = np.tanh(np.arctanh(share) + np.array([-reach, reach]))
    ends = np.array([jackknife, _noncentral(group, y, level)])
    low, high = np.sqrt(np.clip([ends[:, 0].min(), ends[:, 1].max()], 0, 1))
    value = float(np.sqrt(max(share, 0.0)))
    return RankCorrelation(value, Interval(min(float(low), value), max(float(high), value), level))


def mid_ranks(values: FloatArray) -> FloatArray:
    """Ranks as shares of all, ties sharing their mean, less a half: [items], between -0.5 and 0.5, mean 0."""
    ranks: FloatArray = (rankdata(values) - 0.5) / len(values) - 0.5
    return ranks


def above(values: FloatArray, weights: FloatArray) -> FloatArray:
    """For each item the mean over all items of ``weights`` where ``values`` is larger, half where it is equal.

    This is what an item adds to a mean by standing in the ranks of the others.
    """
    order = np.argsort(values, kind="stable")
    ordered, sums = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    first, last = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    total: FloatArray = (sums[-1] - sums[last] + 0.5 * (sums[last] - sums[first])) / len(values)
    return total


def _share_between(group: IntegerArray, y: FloatArray) -> tuple[float, float]:
    """Share of the variance of ranks between groups, from pairs of items, and its jackknife standard error."""
    n, ranks = len(y), mid_ranks(y)
    count = np.bincount(group).astype(np.float64)
    total, square = np.bincount(group, ranks), np.bincount(group, ranks**2)
    parts = (total**2 - square) / (count - 1)
    between, variance = parts.sum() / n, float(np.mean(ranks**2))
    share = float(between / variance)
    less = (total[group] - ranks) ** 2 - (square[group] - ranks**2)
    without = (parts.sum() - parts[group] + less / np.maximum(count[group] - 2, 1)) / (n - 1)
    # Leaving an item out changes its group's sum, and, by what ``above`` counts, the ranks of the others.
    influence = n * between - (n - 1) * without + 2 * above(y, (total / count)[group])
    influence -= share * (ranks**2 + 2 * above(y, ranks))
    return min(share, 1 - 1 / n), float(np.std(influence, ddof=1)) / np.sqrt(n) / variance


def _noncentral(group: IntegerArray, y: FloatArray, level: float) -> tuple[float, float]:
    """Interval for the share of variance between groups that all scatter alike, by the noncentral F."""
    n, ranks = len(y), mid_ranks(y)
    count = np.bincount(group)
    between = float((np.bincount(group, ranks) ** 2 / count).sum() / (ranks**2).sum())
    free, rest = len(count) - 1, n - len(count)
    if between > 1 - 1e-12:
        return 1.0, 1.0
    ratio = between / free / ((1 - between) / rest)

    def noncentrality(probability: float) -> float:
        def excess(at: float) -> float:
            below = float(ncfdtr(free, rest, at, ratio))
            return (0.0 if np.isnan(below) else below) - probability  # SciPy's NaN stands for a vanishing probability

        if excess(1e-9) <= 0:
            return 0.0
        upper = 10.0 + 4 * ratio * free
        while excess(upper) > 0:
            upper *= 2
        return float(brentq(excess, 1e-9, upper))

    low, high = (noncentrality(p) for p in ((1 + level) / 2, (1 - level) / 2))
    return low / (low + n), high / (high + n)
