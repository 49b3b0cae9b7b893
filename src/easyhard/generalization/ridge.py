"""How well covariates together predict difficulty: ridge regression, judged on items that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from easyhard.chance import cell_rng
from easyhard.generalization.rank_correlation import RankCorrelation, rank_correlation
from easyhard.schema import FloatArray, Interval

FOLDS = 10  # the usual number; nine tenths of the items are nearly as good as all
REPEATS = 5  # ours: what is left of the luck of the folds is small beside that of the items
MOST_WORDS = 50  # ours: columns of one covariate; thousands would take hours, and few items are left for each
# Penalties tried, in units of the number of items; from none to all but flat.
PENALTIES = np.logspace(-5, 2, 22)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Difficulty as predicted for items that were left out of the fit.

    ``r_squared`` is the share of the variance of difficulty that the prediction takes away: 1 less its mean squared
    error over that of the mean difficulty of the items fitted to; below 0 if the mean does better. ``correlation`` is
    the rank correlation of predicted and calibrated difficulty, None where the same is predicted for every item.
    ``predicted`` [items] is the predicted difficulty, the mean over the repeats.
    """

    n_items: int
    n_columns: int  # of the design
    r_squared: float
    interval: Interval
    correlation: RankCorrelation | None
    predicted: FloatArray


def predict(
    numbers: Sequence[FloatArray], words: Sequence[FloatArray], difficulty: FloatArray, seed: int = 0
) -> Prediction:
    """Predict ``difficulty`` [items] from ``numbers`` and from the codes of ``words``, [items] each.

    NaN is a missing value, or a word too rare to count. A number enters by its rank among the items fitted to, so
    that one endless text moves nothing, and by the square of that, so that difficulty may rise ever faster; a missing
    one is put in the middle and marked in a column of its own. Each word is a column, the 50 commonest of a
    covariate. Columns are standardised, and the penalty of the ridge is chosen within the items fitted to, by their
    leave-one-out error (PRESS; Allen 1974, Technometrics 16(1), 125-127).

    Ten folds, five times over, drawn by ``seed`` and the number of items alone. The interval of ``r_squared`` is that
    of a ratio of means over items, on its logarithm, with predictions taken as given.
    """
    n = len(difficulty)
    means, lifts = np.empty((REPEATS, n)), np.empty((REPEATS, n))
    for repeat in range(REPEATS):
        fold = cell_rng(seed, "covariates", "folds", str(repeat)).permutation(n) % FOLDS
        for number in range(FOLDS):
            out = fold == number
            design, asked = _design(numbers, words, ~out)
            means[repeat, out] = difficulty[~out].mean()
            lifts[repeat, out] = asked @ _fit(design, difficulty[~out])
    errors, nothing = difficulty - means - lifts, difficulty - means
    r_squared, interval = _share_removed((errors**2).mean(axis=0), (nothing**2).mean(axis=0))
    # The means are left out: among items left out, the higher their own difficulty, the lower the mean of the others.
    lift = lifts.mean(axis=0)
    correlation = rank_correlation(lift, difficulty) if np.ptp(lift) > 0 else None
    return Prediction(n, design.shape[1], r_squared, interval, correlation, means.mean(axis=0) + lift)


def _share_removed(error: FloatArray, nothing: FloatArray, level: float = 0.95) -> tuple[float, Interval]:
    left = float(error.mean() / nothing.mean())
    # On the scale of its logarithm what is left has the more symmetric errors, and the interval stays below 1.
    spread = np.std(error / error.mean() - nothing / nothing.mean(), ddof=1) / np.sqrt(len(error))
    factor = float(np.exp(ndtri((1 + level) / 2) * spread))
    return 1 - left, Interval(1 - left * factor, 1 - left / factor, level)


def _design(
    numbers: Sequence[FloatArray], words: Sequence[FloatArray], fitted: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Standardised columns, [items fitted to, columns] and [items left out, columns]."""
    columns = [column for values in numbers for column in _number_columns(values, fitted)]
    columns += [(codes == code).astype(np.float64) for codes in words for code in _commonest(codes)]
    table = np.column_stack(columns)
    centre, spread = table[fitted].mean(axis=0), table[fitted].std(axis=0)
    table = (table - centre) / np.where(spread > 1e-9, spread, np.inf)  # one that is constant here says nothing
    return table[fitted], table[~fitted]


def _commonest(codes: FloatArray) -> FloatArray:
    """The codes of at most MOST_WORDS words, those that most items have."""
    known, counts = np.unique(codes[~np.isnan(codes)], return_counts=True)
    chosen: FloatArray = known[np.argsort(-counts, kind="stable")[:MOST_WORDS]]
    return chosen


def _number_columns(values: FloatArray, fitted: npt.NDArray[np.bool_]) -> list[FloatArray]:
    missing = np.isnan(values)
    known = np.sort(values[fitted & ~missing])
    if not len(known):
        return [missing.astype(np.float64)]
    places = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    ranks = np.where(missing, 0.0, places / (2 * len(known)) - 0.5)
    columns = [ranks, ranks**2]
    return [*columns, missing.astype(np.float64)] if missing.any() else columns


def _fit(design: FloatArray, difficulty: FloatArray) -> FloatArray:
    """Ridge coefficients [columns], with the penalty whose leave-one-out error is smallest."""
    n = len(difficulty)
    rest = difficulty - difficulty.mean()
    size, axes = np.linalg.eigh(design.T @ design)
    turned = design @ axes  # [items, axes], at right angles to one another
    weights = 1 / (np.maximum(size, 0) + n * PENALTIES[:, None])  # [penalties, axes]
    along = turned.T @ rest
    residuals = rest - (weights * along) @ turned.T
    leverage = 1 / n + weights @ (turned**2).T  # the mean is fitted too
    best = int(np.argmin(((residuals / np.maximum(1 - leverage, 1e-6)) ** 2).mean(axis=1)))
    coefficients: FloatArray = axes @ (weights[best] * along)
    return coefficients
