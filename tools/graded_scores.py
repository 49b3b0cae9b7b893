"""How often 95% intervals of difficulty hold the truth, where scores are graded and made right or wrong in two ways.

    python tools/graded_scores.py --repeats 100

Simulated: 400 respondents, 30 items, abilities N(0, 1), difficulties even from -2 to 2; a score is drawn from a Beta
distribution whose mean is the Rasch model's probability, and whose concentration says how graded it is (large: most
scores lie near that probability; small: near 0 and 1). Intervals are of differences from the items' mean.
"""

from __future__ import annotations

import argparse

import numpy as np

from easyhard.irt import fit_rasch
from easyhard.responses.graded import draw
from easyhard.responses.log import codes_of

ITEMS = [f"i{k}" for k in range(30)]
DIFFICULTY = np.linspace(-2, 2, len(ITEMS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", default=100, type=int)
    repeats = parser.parse_args().repeats
    print("| concentration | way | intervals that hold the truth | root mean square error | slope on the truth |")
    print("|---|---|---|---|---|")
    for concentration in (0.5, 2.0, 8.0):
        for way in ("graded", "threshold 0.5"):
            held, error, slope = np.array([once(concentration, way, seed) for seed in range(repeats)]).mean(axis=0)
            print(f"| {concentration} | {way} | {held:.1%} | {error**0.5:.3f} | {slope:.2f} |", flush=True)


def once(concentration: float, way: str, seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng([seed, int(10 * concentration)])
    probability = 1 / (1 + np.exp(DIFFICULTY - rng.normal(size=(400, 1))))
    scores = rng.beta(concentration * probability, concentration * (1 - probability))
    fitted = fit_rasch(np.array([responses(row, way, f"{seed}/{r}") for r, row in enumerate(scores)], dtype=np.int8))
    found = fitted.difficulty - fitted.difficulty.mean()
    error = found - DIFFICULTY
    held = np.abs(error) < 1.96 * fitted.standard_error
    return float(held.mean()), float((error**2).mean()), float(found @ DIFFICULTY / (DIFFICULTY @ DIFFICULTY))


def responses(scores: np.ndarray[tuple[int], np.dtype[np.float64]], way: str, name: str) -> object:
    if way != "graded":
        return codes_of(scores.tolist(), 0.5)
    return draw(name, ITEMS, [0] * len(ITEMS), codes_of(scores.tolist(), "graded"))[0]


if __name__ == "__main__":
    main()
