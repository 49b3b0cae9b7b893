"""How often advice and mixtures cry wolf, and what their intervals and the supervision gap's cover, as a table.

Simulated studies: paired items, one or three seeds. Run: python tools/coverage_advice.py
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

from easyhard.generalization.advice import advise
from easyhard.generalization.changes import Changes
from easyhard.generalization.mixtures import compare_mixtures
from easyhard.generalization.recovered import gap_recovered
from easyhard.schema import FloatArray

BINS = 6
ROWS = [*(f"bin {k}" for k in range(BINS)), "the mixture 'uniform'"]


def main() -> None:
    """Print one row per design: no effect anywhere, then a true lead of 0.1 and a true ratio of 0.4."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2_000, help="Studies a row.")
    studies = parser.parse_args().studies
    print(
        "| items per bin | seeds | helps, none does | ahead of all, none is | mixture leads, it does not "
        "| lead of 0.1 covered | ratio of 0.4 covered | ratio defined |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for n_items, seeds in itertools.product((20, 50, 200), (1, 3)):
        print(row(n_items, seeds, studies), flush=True)


def row(n_items: int, seeds: int, repeats: int) -> str:
    """Simulate one line of the table."""
    rng = np.random.default_rng([n_items, seeds])
    counts = np.zeros(6)
    for _ in range(repeats):
        nothing = simulate(np.zeros((BINS + 1, BINS)), n_items, seeds, rng)
        advice = advise(nothing, ROWS)
        counts[0] += any(found["shown"] for found in advice)
        counts[1] += any(not found["also"] for found in advice)
        counts[2] += lead(nothing)["direction"] != 0
        gains = np.zeros((BINS + 1, BINS))
        gains[-1], gains[:2, -2:], gains[-3:-1, -2:] = 0.1, 0.1, 0.25
        some = simulate(gains, n_items, seeds, rng)
        difference = lead(some)
        true = 0.1 - gains[:-1].mean()
        counts[3] += difference["low"] <= true <= difference["high"]
        ratio = gap_recovered(Changes(tuple(change[:-1] for change in some.by_eval_bin)))
        if ratio.value is not None:
            counts[5] += 1
            counts[4] += ratio.interval is None or ratio.interval.low <= 0.4 <= ratio.interval.high
    shares = [*(counts[:4] / repeats), counts[4] / max(counts[5], 1), counts[5] / repeats]
    return f"| {n_items} | {seeds} | " + " | ".join(f"{100 * share:.1f}%" for share in shares) + " |"


def lead(changes: Changes) -> dict[str, float]:
    """The mixture's test."""
    single = Changes(tuple(change[:-1] for change in changes.by_eval_bin))
    mixed = Changes(tuple(change[-1:] for change in changes.by_eval_bin))
    found: dict[str, float] = compare_mixtures(single, mixed, ["uniform"])["mixture uniform"]
    return found


def simulate(gains: FloatArray, n_items: int, seeds: int, rng: np.random.Generator) -> Changes:
    """Changes of items that half of all runs get right; seeds differ as a whole by 3 points (sd)."""
    by_eval_bin = []
    shift = rng.normal(0, 0.03, (len(gains), seeds, 1)) if seeds > 1 else 0.0
    for column in range(gains.shape[1]):
        chance = rng.uniform(0.25, 0.7, n_items)
        before = rng.random(n_items) < chance
        after = rng.random((len(gains), seeds, n_items)) < chance + gains[:, column, None, None] + shift
        by_eval_bin.append(after.astype(np.float64) - before)
    return Changes(tuple(by_eval_bin))


if __name__ == "__main__":
    main()
