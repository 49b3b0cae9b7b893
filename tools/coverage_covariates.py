"""What the intervals of covariates cover, and whether taking out the error of difficulties is right, as Markdown.

Everything is simulated. Run: python tools/coverage_covariates.py [intervals|study]
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import numpy as np
import polars as pl
from scipy.stats import rankdata

from easyhard.generalization.covariates import covariate_study
from easyhard.generalization.rank_correlation import RankCorrelation, group_correlation, rank_correlation
from easyhard.irt import calibrate, simulate_rasch
from easyhard.schema import FloatArray, Items, Responses

REPEATS = 1_000
STUDIES = 200
LARGE = 400_000  # items that give a correlation "of the population"

Draw = Callable[[np.random.Generator, int, float], tuple[FloatArray, FloatArray]]


def normal(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
    """The covariate and what it leaves of difficulty are normal."""
    x = rng.normal(size=n)
    return x, slope * x + np.sqrt(1 - slope**2) * rng.normal(size=n)


def levels(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
    """Five levels, as of MATH."""
    x, y = normal(rng, n, slope)
    return np.clip(np.round(1.2 * x + 3), 1, 5), y


def rare(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
    """Something that one item in six has."""
    x, y = normal(rng, n, slope)
    return (x > 1).astype(np.float64), y


def spreading(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
    """The longer, the wider the scatter of difficulty."""
    x = rng.normal(size=n)
    return x, slope * x + np.sqrt(1 - slope**2) * rng.normal(size=n) * np.exp(0.7 * x) / 1.3


def heavy(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
    """A t distribution of two degrees of freedom in the plane: outliers come in pairs."""
    x, y = normal(rng, n, slope)
    shared = np.sqrt(rng.chisquare(2, size=n) / 2)
    return x / shared, y / shared


def grouped(count: int, uneven: bool, scatter: float) -> Draw:
    """Words of ``count`` groups, of even or uneven size, of like scatter or not."""
    share = np.exp(-3 * uneven * np.arange(count) / count)
    middle = np.random.default_rng(5).permutation(np.linspace(-1, 1, count))
    spread = np.exp(scatter * np.linspace(-1, 1, count))

    def draw(rng: np.random.Generator, n: int, slope: float) -> tuple[FloatArray, FloatArray]:
        group = rng.choice(count, size=n, p=share / share.sum())
        _, group = np.unique(group, return_inverse=True)
        return group.astype(np.float64), slope * middle[group] + spread[group] * rng.normal(size=n)

    return draw


def intervals() -> None:
    """One row per kind of covariate, size of the relation, and number of items."""
    print("| covariate | correlation | items | covers | mean width |\n|---|---|---|---|---|")
    for draw, slope, n in itertools.product((normal, levels, rare, spreading, heavy), (0.0, 0.3, 0.7), (30, 250)):
        truth = 0.0 if slope == 0 else _spearman(*draw(np.random.default_rng(1), LARGE, slope))
        print(_row(draw.__name__, draw, rank_correlation, truth, slope, n), flush=True)
    for count, uneven, scatter in ((2, False, 0.0), (7, False, 0.0), (7, True, 0.7), (20, True, 0.7)):
        for slope, n in itertools.product((0.0, 0.3, 1.0), (60, 250)):
            words = grouped(count, uneven, scatter)
            name = f"{count} words{', uneven, unlike scatter' if uneven else ''}"
            truth = 0.0 if slope == 0 else _between(*words(np.random.default_rng(1), LARGE, slope))
            print(_row(name, words, group_correlation, truth, slope, n), flush=True)


def _row(
    name: str,
    draw: Draw,
    measure: Callable[[FloatArray, FloatArray], RankCorrelation],
    truth: float,
    slope: float,
    n: int,
) -> str:
    rng = np.random.default_rng([n, round(100 * slope), len(name)])
    inside, width, done = 0, 0.0, 0
    while done < REPEATS:
        x, y = draw(rng, n, slope)
        if np.ptp(x) == 0 or (measure is group_correlation and np.bincount(x.astype(int)).min() < 2):
            continue
        found = measure(x, y).interval
        inside += found.low <= truth <= found.high
        width += found.high - found.low
        done += 1
    return f"| {name} | {truth:.2f} | {n} | {100 * inside / REPEATS:.1f}% | {width / REPEATS:.2f} |"


def _spearman(x: FloatArray, y: FloatArray) -> float:
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _between(x: FloatArray, y: FloatArray) -> float:
    group, ranks = x.astype(np.int64), rankdata(y) - (len(y) + 1) / 2
    return float(np.sqrt((np.bincount(group, ranks) ** 2 / np.bincount(group)).sum() / (ranks**2).sum()))


def made_items(rng: np.random.Generator, n: int) -> tuple[Items, FloatArray]:
    """Items with steps, a length that goes with them, a topic and noise, and their true difficulties.

    Of the variance of difficulty, 4 parts come from steps, 2.2 from topics, and 6 from nothing that is counted.
    """
    steps, topic = rng.integers(1, 8, n), rng.integers(0, 4, n)
    difficulty = 0.5 * (steps - 4) + 0.9 * np.array([-1.0, 1.0, 0.5, -0.5])[topic] + rng.normal(0, 1.2, n)
    table = pl.DataFrame(
        {
            "item": [f"i{k:05d}" for k in range(n)],
            "steps": steps,
            "length": np.round(np.exp(4 + 0.2 * steps + rng.normal(0, 0.4, n))),
            "topic": [("algebra", "geometry", "number", "chance")[k] for k in topic],
            "noise": rng.normal(size=n),
        }
    )
    return Items(table, ("steps", "length", "topic", "noise")), difficulty


def study() -> None:
    """From responses to figures: one row per number of respondents and items."""
    items, difficulty = made_items(np.random.default_rng(1), LARGE)
    columns = {name: items.table[name].rank("dense").to_numpy().astype(float) - 1 for name in items.covariates}
    truth = {name: _spearman(values, difficulty) for name, values in columns.items()}
    truth["topic"] = _between(columns["topic"], difficulty)
    print("True rank correlations: " + ", ".join(f"{name} {value:.3f}" for name, value in truth.items()) + "\n")
    print(
        "| respondents | items | reliability | "
        + " | ".join(f"{name}: as it is, disattenuated" for name in ("steps", "length", "topic"))
        + " | noise: interval without 0 | R squared: as it is, disattenuated, true | interval covers |\n"
        + "|---" * 9
        + "|"
    )
    for n_respondents, n in itertools.product((29, 150), (150, 500)):
        print(_study_row(n_respondents, n), flush=True)


def _study_row(n_respondents: int, n: int) -> str:
    rng = np.random.default_rng([n_respondents, n])
    plain, true, noise, predicted, reliability = [], [], [], [], []
    for _ in range(STUDIES):
        items, difficulty = made_items(rng, n)
        correct = simulate_rasch(n_respondents, difficulty, 0.0, 2.0, 0.0, rng)
        names = tuple(f"r{k}" for k in range(n_respondents))
        found = covariate_study(calibrate(Responses(correct, names, tuple(items.table["item"]))), items)
        by_name = {one.covariate: one for one in found.correlations}
        plain.append([by_name[name].correlation or 0 for name in ("steps", "length", "topic")])
        true.append([by_name[name].disattenuated or np.nan for name in ("steps", "length", "topic")])
        around = by_name["noise"].interval
        assert around is not None and found.prediction is not None
        noise.append(not around.low <= 0 <= around.high)
        one = found.prediction
        predicted.append([one.r_squared, found.r_squared_disattenuated or np.nan, one.interval.low, one.interval.high])
        reliability.append(found.reliability or np.nan)
    table = np.array(predicted)
    mean = table[:, 0].mean()
    covered = np.mean((table[:, 2] <= mean) & (mean <= table[:, 3]))
    pairs = [f"{a:.3f}, {b:.3f}" for a, b in zip(np.mean(plain, axis=0), np.nanmean(true, axis=0), strict=True)]
    explained = 1 - 1.44 / (1.0 + 0.81 * 0.625 + 1.44)
    return (
        f"| {n_respondents} | {n} | {np.mean(reliability):.3f} | {' | '.join(pairs)} | {100 * np.mean(noise):.1f}% "
        f"| {mean:.3f}, {np.nanmean(table[:, 1]):.3f}, {explained:.3f} | {100 * covered:.1f}% |"
    )


if __name__ == "__main__":
    for part in sys.argv[1:] or ("intervals", "study"):
        {"intervals": intervals, "study": study}[part]()
