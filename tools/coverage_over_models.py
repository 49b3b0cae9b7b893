"""What the mean over several models of one study covers, and what it would, were models independent, as a table.

Simulated: one cell per model, the same items for all. Run: python tools/coverage_over_models.py
"""

from __future__ import annotations

import itertools

import numpy as np

from easyhard.generalization.changes import Changes, Contrast, contrast
from easyhard.generalization.over_models import mean_over_models
from easyhard.generalization.pooled import pooled

REPEATS = 2_000
GAIN = 0.05
HEADING = (
    "models", "items", "models differ by (sd)", "items share (sd)", "coverage", "as if independent", "width ratio",
    "next model within prediction", "sd between covered",
)  # fmt: skip


def main() -> None:
    """Print one row per design."""
    print("| " + " | ".join(HEADING) + " |")
    print("|---" * len(HEADING) + "|")
    for count, n_items, between, shared in itertools.product((2, 3, 6, 12), (50, 300), (0.0, 0.05), (0.0, 0.35)):
        print(row(count, n_items, between, shared), flush=True)


def row(count: int, n_items: int, between: float, shared: float) -> str:
    """Simulate one line of the table."""
    rng = np.random.default_rng([count, n_items, round(100 * between), round(100 * shared)])
    hits, widths, predicted = np.zeros(4), np.zeros(2), 0
    for _ in range(REPEATS):
        gains = GAIN + rng.normal(0, between, count + 1)
        contrasts = simulate(gains[:-1], n_items, shared, rng)
        found = mean_over_models(contrasts)
        errors = [max(one.spread.half_width(0.95) / 1.96, 1e-6) for one in contrasts]
        apart = pooled([one.value for one in contrasts], errors)
        if found.interval is None:
            continue
        hits[0] += found.interval.low <= GAIN <= found.interval.high
        hits[1] += apart.interval.low <= GAIN <= apart.interval.high
        hits[3] += found.between_interval.low <= between <= found.between_interval.high
        widths += (found.interval.high - found.interval.low, apart.interval.high - apart.interval.low)
        if found.prediction:
            predicted += 1
            hits[2] += found.prediction.low <= gains[-1] <= found.prediction.high
    share = [f"{100 * value:.1f}%" for value in hits / REPEATS]
    share[2] = share[2] if predicted else "–"
    cells = [str(count), str(n_items), str(between), str(shared), share[0], share[1]]
    return "| " + " | ".join([*cells, f"{widths[0] / widths[1]:.2f}", share[2], share[3]]) + " |"


def simulate(gains: np.ndarray, n_items: int, shared: float, rng: np.random.Generator) -> list[Contrast]:
    """Gains of models on items of which half move up for all models and half down, by ``shared`` on average 0."""
    chance = rng.uniform(0.4, 0.5, n_items)
    moved = np.where(rng.random(n_items) < 0.5, shared, -shared)
    found = []
    for gain in gains:
        before = rng.random(n_items) < chance
        after = rng.random((1, 1, n_items)) < chance + moved + gain
        found.append(contrast(Changes((after.astype(np.float64) - before,)), np.ones((1, 1))))
    return found


if __name__ == "__main__":
    main()
