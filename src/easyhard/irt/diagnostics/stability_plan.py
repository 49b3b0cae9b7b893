"""How stable difficulties will be, before there are any responses: by simulation from the Rasch model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from easyhard.chance import cell_rng
from easyhard.irt.diagnostics.agreement import Agreement, agreement, check_count
from easyhard.irt.diagnostics.stability_prediction import KnownDifficulty, StabilityPrediction
from easyhard.irt.rasch import fit_rasch
from easyhard.irt.simulate import simulate_rasch
from easyhard.schema import FloatArray, InputError


@dataclass(frozen=True, slots=True)
class PlannedStability:
    """Agreement of two calibrations with other respondents, and of one with the truth: [repeats] each."""

    n_respondents: int  # of each calibration
    n_items: int
    spearman: FloatArray
    same_bin: FloatArray
    rank_move: FloatArray
    right_bin: FloatArray  # share of items in the bin of their true difficulty
    prediction: StabilityPrediction  # for other numbers of respondents

    def frame(self) -> pl.DataFrame:
        """One row per simulated pair of calibrations."""
        names = ("spearman", "same_bin", "rank_move", "right_bin")
        return pl.DataFrame({name: getattr(self, name) for name in names})

    def reading(self, target: float = 0.8) -> str:
        """What to expect, in plain sentences."""
        low, high = np.quantile(self.same_bin, [0.05, 0.95])
        return (
            f"With {self.n_respondents:,} respondents, {self.same_bin.mean():.0%} of {self.n_items:,} items "
            f"({low:.0%} to {high:.0%} in 90% of simulations) will keep their bin in another calibration with as many "
            f"others, and {self.right_bin.mean():.0%} will be in the right one. {self.prediction.reading(target)}"
        )


def plan_stability(
    n_respondents: int,
    n_items: int,
    difficulty_sd: float = 1.0,
    ability_sd: float = 1.0,
    count: int = 10,
    ability_mean: float = 0.0,
    repeats: int = 20,
    seed: int = 0,
) -> PlannedStability:
    """Simulate pairs of calibrations of the same ``n_items`` by ``n_respondents`` each, ``repeats`` times.

    Difficulties are drawn from normal(0, ``difficulty_sd``), abilities from normal(``ability_mean``,
    ``ability_sd``), in logits, all anew each time; responses follow the Rasch model and none is missing. Real
    respondents are relatives of one another, so plan for more. Raises InputError for fewer than 2 respondents, a
    difficulty sd that is not above 0, a negative ability sd, or a ``count`` that does not fit the items.
    """
    check_count(count, n_items)
    if n_respondents < 2 or not difficulty_sd > 0 or not ability_sd >= 0:
        raise InputError(
            f"{n_respondents} respondents, difficulty_sd {difficulty_sd} and ability_sd {ability_sd} cannot be "
            "simulated. Give at least 2 respondents, a difficulty_sd above 0 and an ability_sd of 0 or more."
        )
    found: list[Agreement] = []
    right_bin, variance = [], []
    for repeat in range(repeats):
        rng = cell_rng(seed, "stability", "plan", str(repeat))
        difficulty = np.sort(rng.normal(0, difficulty_sd, n_items))
        one, other = (
            fit_rasch(simulate_rasch(n_respondents, difficulty, ability_mean, ability_sd, 0.0, rng)) for _ in range(2)
        )
        found.append(agreement(one.difficulty, other.difficulty, count, rng))
        right_bin.append(agreement(one.difficulty, difficulty, count, rng).same_bin)
        variance.append((one.standard_error**2 + other.standard_error**2) / 2)
    typical = difficulty_sd * stats.norm.ppf((np.arange(n_items) + 0.5) / n_items)
    return PlannedStability(
        n_respondents=n_respondents,
        n_items=n_items,
        spearman=np.array([one.spearman for one in found]),
        same_bin=np.array([one.same_bin for one in found]),
        rank_move=np.array([one.rank_move for one in found]),
        right_bin=np.array(right_bin),
        prediction=StabilityPrediction(
            KnownDifficulty(typical, np.zeros(n_items)), np.sqrt(np.mean(variance, axis=0)), n_respondents, count, seed
        ),
    )
