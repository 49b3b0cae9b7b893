"""What the intervals of a link between two calibrations cover, as a table.

Simulated: an old calibration with abilities N(0, 1) and a new one with other respondents, N(0.6, 1.3) under 2PL and
N(0.6, 1) under Rasch, of 40 items each, of which they share some. A bank's unit and 0 are those of the respondents who
calibrated it (Rasch: of its items), so the truth is the line between the two samples as drawn.
Run: python tools/coverage_links.py
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from scipy.special import expit

from easyhard.irt import ModelName, calibrate, link_banks
from easyhard.schema import FloatArray, Responses

REPEATS = 300
N_ITEMS = 40
HEADING = ("model", "respondents", "shared items", "slope covered", "off by (sd)", "shift covered", "off by (sd)")


def main() -> None:
    """Print one row per design."""
    print("| " + " | ".join(HEADING) + " |")
    print("|---" * len(HEADING) + "|")
    for model in get_args(ModelName):
        for respondents, shared in ((200, 20), (500, 8), (500, 20), (1500, 20)):
            print(row(model, respondents, shared), flush=True)


def row(model: ModelName, respondents: int, shared: int) -> str:
    """Simulate one line of the table."""
    rng = np.random.default_rng([respondents, shared, model == "2pl"])
    covered, off = [], []
    for _ in range(REPEATS):
        difficulty = rng.normal(0, 1.2, 2 * N_ITEMS - shared)
        slope = rng.lognormal(0, 0.3, len(difficulty)) if model == "2pl" else np.ones(len(difficulty))
        sd = 1.3 if model == "2pl" else 1.0
        first, last = slice(0, N_ITEMS), slice(N_ITEMS - shared, None)
        ability = rng.normal(0, 1, respondents), rng.normal(0.6, sd, respondents)
        old, new = (
            calibrate(drawn(of, slope, difficulty, items, rng), model)
            for of, items in zip(ability, (first, last), strict=True)
        )
        link = link_banks(new, old)
        if model == "2pl":
            true_slope = ability[1].std() / ability[0].std()
            true_shift = (ability[1].mean() - ability[0].mean()) / ability[0].std()
        else:
            true_slope, true_shift = 1.0, difficulty[last].mean() - difficulty[first].mean()
        pairs = ((link.slope, true_slope, link.slope_interval), (link.shift, true_shift, link.shift_interval))
        covered.append([low <= true <= high for _, true, (low, high) in pairs])
        off.append([found - true for found, true, _ in pairs])
    shares, mean, sds = np.mean(covered, axis=0), np.mean(off, axis=0), np.std(off, axis=0)
    cells = [f"{share:.1%} | {by:+.3f} ({sd:.3f})" for share, by, sd in zip(shares, mean, sds, strict=True)]
    if model == "rasch":
        cells[0] = "1 by definition |"
    return f"| {model} | {respondents} | {shared} | {' | '.join(cells)} |"


def drawn(
    ability: FloatArray, slope: FloatArray, difficulty: FloatArray, items: slice, rng: np.random.Generator
) -> Responses:
    """Responses of respondents of ``ability`` to ``items``."""
    p = expit(slope[items] * (ability[:, None] - difficulty[items]))
    names = tuple(f"item {k}" for k in range(len(difficulty))[items])
    respondents = tuple(f"respondent {k}" for k in range(len(ability)))
    return Responses((rng.random(p.shape) < p).astype(np.int8), respondents, names)


if __name__ == "__main__":
    main()
