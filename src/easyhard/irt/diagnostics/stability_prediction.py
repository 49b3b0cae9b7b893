"""How stable difficulties would be with any number of respondents, from their standard errors.

Two calibrations of n respondents each are the true difficulties plus errors of their own, normal with variances in
proportion to 1 / n. The true difficulties are less spread than the estimated ones, by the mean error variance; they
are drawn from their posteriors given the estimates, with a normal prior of the variance that is left. All figures are
means over such pairs, drawn with the same random numbers for every n.

The share of the variance that is not error is then n / (n + n0), the formula of Spearman (1910) and Brown (1910),
British Journal of Psychology 3, 271-322; n0 is the number of respondents at which half of it is error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import polars as pl

from easyhard.chance import cell_rng
from easyhard.irt.diagnostics.agreement import (
    Agreement,
    agreement,
    bins_of_ranks,
    check_count,
    mean_agreement,
    ranks,
)
from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray, InputError

Measure = Literal["same_bin", "right_bin", "spearman"]

_DRAWN_ITEMS = 20_000  # in all pairs: the share in the same bin then has an error of about half a point
_FEWEST_PAIRS = 10
_LEAST_RELIABILITY = 0.01  # below, items differ no more than chance
_MOST_RESPONDENTS = 10_000_000
_PRECISION = 1.01  # factor within which the respondents needed are found
_MEANING: dict[Measure, str] = {
    "same_bin": "{:.0%} of the items to keep their bin in another calibration with as many others",
    "right_bin": "{:.0%} of the items to be in the bin that unlimited respondents would put them in",
    "spearman": "a rank correlation of {:.2f} with another calibration with as many others",
}


@dataclass(frozen=True, slots=True)
class KnownDifficulty:
    """True difficulties as far as they are known: normal, with mean and standard deviation [items]."""

    mean: FloatArray
    sd: FloatArray

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """True difficulties as they may be: [items]."""
        return np.asarray(self.mean + self.sd * rng.standard_normal(len(self.mean)))


@dataclass(frozen=True, slots=True)
class StabilityPrediction:
    """What is known of the items, from which to predict for any number of respondents of the same kind."""

    known: KnownDifficulty
    standard_error: FloatArray  # [items], of difficulties estimated from ``n_respondents``
    n_respondents: int
    count: int  # bins
    seed: int

    @property
    def half_error(self) -> float:
        """Respondents with whom half of the variance of the estimated difficulties is error."""
        true_variance = self.known.mean.var() + (self.known.sd**2).mean()
        return self.n_respondents * float((self.standard_error**2).mean() / true_variance)

    def reliability(self, n_respondents: float) -> float:
        """Share of the variance of estimated difficulties that is not error: n / (n + half_error)."""
        return n_respondents / (n_respondents + self.half_error)

    def at(self, n_respondents: float) -> Agreement:
        """Agreement expected of two calibrations with ``n_respondents`` each."""
        rng = cell_rng(self.seed, "stability", "ties")
        pairs = zip(self._draws(n_respondents, "one"), self._draws(n_respondents, "other"), strict=True)
        return mean_agreement([agreement(one, other, self.count, rng) for (one, _), (other, _) in pairs])

    def right_bin(self, n_respondents: float) -> float:
        """Share of items expected in the bin that unlimited respondents would put them in."""
        bins = ([bins_of_ranks(ranks(each), self.count) for each in draw] for draw in self._draws(n_respondents, "one"))
        return float(np.mean([(estimated == true).mean() for estimated, true in bins]))

    def respondents_needed(self, target: float, measure: Measure = "same_bin") -> int | None:
        """Respondents from which on ``measure`` is at least ``target``, to one percent; None beyond ten million.

        ``same_bin`` and ``spearman`` compare two calibrations with so many respondents each, ``right_bin`` one
        with the truth. Raises InputError for a target outside 0 to 1 or another measure.
        """
        if measure not in _MEANING or not 0 < target < 1:
            raise InputError(
                f"target {target} of {measure!r} cannot be looked for. "
                f"Give a share between 0 and 1 of one of {', '.join(_MEANING)}."
            )
        low, high = 1.0, float(_MOST_RESPONDENTS)
        if self._measured(high, measure) < target:
            return None
        while high / low > _PRECISION:
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self._measured(middle, measure) >= target else (middle, high)
        return math.ceil(high)

    def frame(self, n_respondents: Sequence[int]) -> pl.DataFrame:
        """One row per number of respondents: ``reliability, spearman, same_bin, rank_move, right_bin``."""
        rows = [
            {
                "n_respondents": n,
                "reliability": self.reliability(n),
                **asdict(self.at(n)),
                "right_bin": self.right_bin(n),
            }
            for n in n_respondents
        ]
        return pl.DataFrame(rows)

    def reading(self, target: float = 0.8, measure: Measure = "same_bin") -> str:
        """How many respondents it takes, in a sentence."""
        needed = self.respondents_needed(target, measure)
        how_many = "More than ten million" if needed is None else f"About {_rounded(needed):,}"
        return f"{how_many} respondents are needed for {_MEANING[measure].format(target)} ({self.count} bins)."

    def _measured(self, n_respondents: float, measure: Measure) -> float:
        if measure == "right_bin":
            return self.right_bin(n_respondents)
        return float(getattr(self.at(n_respondents), measure))

    def _draws(self, n_respondents: float, name: str) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Difficulties estimated from ``n_respondents``, and the true ones behind them: [items] each.

        The true ones are the same for every ``name``, and errors differ in size alone for every ``n_respondents``.
        """
        error = self.standard_error * math.sqrt(self.n_respondents / n_respondents)
        of_truth, of_errors = (cell_rng(self.seed, "stability", "prediction", each) for each in ("true", name))
        for _ in range(max(_FEWEST_PAIRS, _DRAWN_ITEMS // len(error))):
            true = self.known.draw(of_truth)
            yield true + error * of_errors.standard_normal(len(error)), true


def predict_stability(
    model: ItemModel, n_respondents: int, count: int = 10, error_ratio: float = 1.0, seed: int = 0
) -> StabilityPrediction:
    """Predict stability from ``model``, which was fitted to ``n_respondents``.

    ``error_ratio`` multiplies the error variances: what the halves of ``split_half`` found, for respondents that
    are relatives of one another. Raises InputError for fewer than 2 bins, or more than items.
    """
    check_count(count, len(model.difficulty))
    error = model.standard_error * math.sqrt(error_ratio)
    return StabilityPrediction(known_difficulty(model.difficulty, error), error, n_respondents, count, seed)


def known_difficulty(difficulty: FloatArray, standard_error: FloatArray) -> KnownDifficulty:
    """Posteriors of true difficulties given their estimates [items], with a normal prior estimated from these."""
    mean, variance, error = difficulty.mean(), difficulty.var(), standard_error**2
    true_variance = max(variance - float(error.mean()), _LEAST_RELIABILITY * variance)
    reliability = true_variance / (true_variance + error)
    return KnownDifficulty(mean + reliability * (difficulty - mean), np.sqrt(reliability * error))


def bin_probabilities(
    difficulty: FloatArray, standard_error: FloatArray, count: int = 10, draws: int = 1000, seed: int = 0
) -> FloatArray:
    """Probability of each bin for each item: [items, bins], rows sum to 1; bin 0 is the easiest.

    All difficulties [items] are drawn ``draws`` times from normals about their estimates with their standard errors
    [items], and cut into ``count`` equal-sized bins anew each time: edges move along with the items. Raises
    InputError for fewer than 2 bins, or more than items, and for values that are not finite.
    """
    check_count(count, len(difficulty))
    if not np.isfinite(difficulty).all() or not np.isfinite(standard_error).all():
        raise InputError("Some items have no finite difficulty or standard error. Leave them out.")
    rng = cell_rng(seed, "stability", "bin probabilities")
    drawn = np.zeros((len(difficulty), count))
    places = np.arange(len(difficulty))
    for _ in range(draws):
        draw = difficulty + standard_error * rng.standard_normal(len(difficulty))
        drawn[places, bins_of_ranks(ranks(draw, rng), count)] += 1
    return drawn / draws


def _rounded(number: int) -> int:
    """``number`` to two figures: more would be false precision."""
    step: int = 10 ** max(len(str(number)) - 2, 0)
    return round(number / step) * step
