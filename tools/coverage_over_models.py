"""What the mean over several models of one study covers, and what it would, were models independent, as a table.

Then another of what the mean over several studies covers. Simulated: one cell per model, the same items for all models
of a dataset. Run: python tools/coverage_over_models.py
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from easyhard.generalization.changes import Changes, Contrast, contrast
from easyhard.generalization.over_models import mean_over_models
from easyhard.generalization.over_studies import Estimate, mean_over_studies
from easyhard.schema import FloatArray, Interval

REPEATS = 2_000
GAIN = 0.05
HEADING = (
    "models", "items", "models differ by (sd)", "items share (sd)", "coverage", "as if independent", "width ratio",
    "next model within prediction", "sd between covered",
)  # fmt: skip
OF_STUDIES = (
    "datasets", "models each", "on each dataset", "datasets differ by (sd)", "models differ by (sd)", "coverage",
    "width", "for these alone", "next dataset within prediction",
)  # fmt: skip


def main() -> None:
    """Print one row per design."""
    print("| " + " | ".join(HEADING) + " |")
    print("|---" * len(HEADING) + "|")
    for count, n_items, between, shared in itertools.product((2, 3, 6, 12), (50, 300), (0.0, 0.05), (0.0, 0.35)):
        print(row(count, n_items, between, shared), flush=True)
    print("\n| " + " | ".join(OF_STUDIES) + " |")
    print("|---" * len(OF_STUDIES) + "|")
    designs = ((2, 1), (2, 3), (4, 1), (4, 3), (8, 3))
    for (datasets, models), recur, differ in itertools.product(
        designs, (False, True), ((0, 0), (0.05, 0), (0.05, 0.05))
    ):
        print(row_of_studies(datasets, models, recur, *differ), flush=True)


def row(count: int, n_items: int, between: float, shared: float) -> str:
    """Simulate one line of the table."""
    rng = np.random.default_rng([count, n_items, round(100 * between), round(100 * shared)])
    hits, widths, predicted = np.zeros(4), np.zeros(2), 0
    for _ in range(REPEATS):
        gains = GAIN + rng.normal(0, between, count + 1)
        contrasts = simulate(gains[:-1], n_items, shared, rng)
        found = mean_over_models(contrasts)
        apart = as_if_independent(contrasts)
        if found.interval is None:
            continue
        hits[0] += found.interval.low <= GAIN <= found.interval.high
        hits[1] += apart.low <= GAIN <= apart.high
        hits[3] += found.between_interval.low <= between <= found.between_interval.high
        widths += (found.interval.high - found.interval.low, apart.high - apart.low)
        if found.prediction:
            predicted += 1
            hits[2] += found.prediction.low <= gains[-1] <= found.prediction.high
    share = [f"{100 * value:.1f}%" for value in hits / REPEATS]
    share[2] = share[2] if predicted else "–"
    cells = [str(count), str(n_items), str(between), str(shared), share[0], share[1]]
    return "| " + " | ".join([*cells, f"{widths[0] / widths[1]:.2f}", share[2], share[3]]) + " |"


def row_of_studies(n_datasets: int, n_models: int, recur: bool, by_dataset: float, by_model: float) -> str:
    """Simulate studies of ``n_models`` each, on datasets of their own; the same models in each study, or others."""
    rng = np.random.default_rng([n_datasets, n_models, recur, round(100 * by_dataset), round(100 * by_model)])
    hits, predicted, widths = np.zeros(2), 0, []
    for _ in range(REPEATS):
        of_dataset = rng.normal(0, by_dataset, n_datasets)
        of_model = np.tile(rng.normal(0, by_model, n_models), (n_datasets, 1))
        if not recur:
            of_model = rng.normal(0, by_model, (n_datasets, n_models))
        gains = GAIN + of_dataset[:, None] + of_model
        true = GAIN + (of_model[0, 0] if recur and n_models == 1 else 0)  # one model: it speaks of that one
        estimates = []
        for number, own in enumerate(gains):
            items = tuple(f"{number}/{item}" for item in range(100))
            for model, one in enumerate(simulate(own, 100, 0.35, rng)):
                estimates.append(Estimate(number, f"{model}" if recur else f"{number}/{model}", items, one))
        found = mean_over_studies(estimates)
        if found.interval is None or found.of_these is None:
            continue
        hits += (
            found.interval.low <= true <= found.interval.high,
            found.of_these.low <= gains.mean() <= found.of_these.high,
        )
        widths.append(found.interval.high - found.interval.low)
        if found.prediction:
            one_more = (
                GAIN + rng.normal(0, by_dataset) + (of_model[0] if recur else rng.normal(0, by_model, n_models)).mean()
            )
            predicted += found.prediction.low <= one_more <= found.prediction.high
    share = [f"{100 * value:.1f}%" for value in (*hits / REPEATS, predicted / REPEATS)]
    share[2] = share[2] if n_datasets > 2 else "–"
    cells = [str(n_datasets), str(n_models), "the same" if recur else "others", str(by_dataset), str(by_model)]
    return "| " + " | ".join([*cells, share[0], f"{100 * np.mean(widths):.0f} points", *share[1:]]) + " |"


def as_if_independent(contrasts: Sequence[Contrast]) -> Interval:
    """Random-effects mean of estimates taken as independent: Paule & Mandel (1982), Hartung & Knapp (2001)."""
    value = np.array([one.value for one in contrasts])
    squares = np.array([max(one.spread.half_width(0.95) / 1.96, 1e-6) for one in contrasts]) ** 2
    count = len(value)

    def excess(variance: float) -> float:
        weight = 1 / (squares + variance)
        return float((weight * (value - weight @ value / weight.sum()) ** 2).sum()) - (count - 1)

    between = 0.0 if excess(0.0) <= 0 else optimize.brentq(excess, 0.0, count * (value.var(ddof=1) + squares.max()))
    weight = 1 / (squares + between)
    mean = float(weight @ value / weight.sum())
    scale = max(1.0, (excess(between) + count - 1) / (count - 1))
    half = float(stats.t.ppf(0.975, count - 1)) * float(np.sqrt(scale / weight.sum()))
    return Interval(mean - half, mean + half)


def simulate(gains: FloatArray, n_items: int, shared: float, rng: np.random.Generator) -> list[Contrast]:
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
