"""How often the tests of distance cry wolf, and what their intervals cover, as a Markdown table.

Run: python tools/coverage_distance.py
"""

from __future__ import annotations

import itertools

import numpy as np

from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.distance import distance_slope
from easyhard.generalization.weights import diagonal

REPEATS = 1_000
N_ITEMS = 40


def main() -> None:
    """Print the table: one row per design, seed spread, training-set spread and true slope."""
    print(
        "| bins | seeds | seeds (sd) | training sets (sd) | slope | permutation p < 0.05 "
        "| interval without 0 | both | slope covered | own-bin interval without 0 |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for count, n_seeds, seed_sd, set_sd, slope in [
        *itertools.product((5,), (1, 3), (0.0, 0.05), (0.0, 0.05), (0.0,)),
        (10, 1, 0.0, 0.0, 0.0),
        (10, 3, 0.05, 0.0, 0.0),
        (4, 3, 0.05, 0.0, 0.0),
        (5, 1, 0.0, 0.0, -0.03),
        (5, 3, 0.05, 0.0, -0.03),
    ]:
        print(row(count, n_seeds, seed_sd, set_sd, slope), flush=True)


def row(count: int, n_seeds: int, seed_sd: float, set_sd: float, slope: float) -> str:
    """Simulate one line of the table."""
    rng = np.random.default_rng([count, n_seeds, round(1000 * seed_sd), round(1000 * set_sd)])
    hits = np.zeros(5)
    for _ in range(REPEATS):
        changes = simulate(rng, count, n_seeds, seed_sd, set_sd, slope)
        found = distance_slope(changes, "simulation")
        weights = diagonal(np.ones((count, count), dtype=bool))
        assert found is not None and found.interval is not None and weights is not None
        own = contrast(changes, weights).interval()
        assert own is not None
        excludes = not found.interval.low <= 0 <= found.interval.high
        hits += [
            found.permutation.p_value < 0.05,
            excludes,
            found.direction != 0,
            found.interval.low <= slope <= found.interval.high,
            not own.low <= 0 <= own.high,
        ]
    cells = " | ".join(f"{100 * hit / REPEATS:.1f}%" for hit in hits)
    return f"| {count} | {n_seeds} | {seed_sd} | {set_sd} | {slope} | {cells} |"


def simulate(
    rng: np.random.Generator, count: int, n_seeds: int, seed_sd: float, set_sd: float, slope: float
) -> Changes:
    """Changes with a training-bin effect, an evaluation-bin effect and ``slope`` per bin of distance.

    ``seed_sd``: of a seed's effect on one evaluation bin; ``set_sd``: of a training set's. All in proportion
    correct.
    """
    bins = np.arange(count)
    gains = 0.05 + rng.normal(0, 0.04, (count, 1)) + np.linspace(0.05, -0.05, count)
    gains = gains + rng.normal(0, set_sd, gains.shape) + slope * np.abs(bins[:, None] - bins)
    per_seed = gains[:, None, :] + rng.normal(0, seed_sd, (count, n_seeds, count))
    by_eval_bin = []
    for eval_bin in bins:
        # Chance of each item: what zero-shot and all runs have in common, so that changes are paired.
        chance = rng.uniform(0.25, 0.75, N_ITEMS)
        before = rng.random(N_ITEMS) < chance
        after = rng.random((count, n_seeds, N_ITEMS)) < chance + per_seed[:, :, eval_bin, None]
        by_eval_bin.append(after.astype(np.float64) - before)
    return Changes(tuple(by_eval_bin))


if __name__ == "__main__":
    main()
