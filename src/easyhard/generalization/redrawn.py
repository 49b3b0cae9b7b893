"""How much of the picture survives that difficulty is estimated: the slope over redrawn difficulties."""

from __future__ import annotations

import numpy as np

from easyhard.chance import cell_rng
from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes
from easyhard.generalization.posterior import difficulty_posterior
from easyhard.generalization.summary import Summary
from easyhard.generalization.words import figure, points
from easyhard.schema import Bins, FloatArray, IndexArray

DRAWS = 200  # the share of draws that keep the sign is then known to 3.5 points or better
STABLE = 0.95  # share of draws from which on the sign is said to be kept


def slope_redrawn(changes: Changes, bins: Bins, items: tuple[tuple[str, ...], ...], name: str) -> Summary:
    """The slope on distance, were the items cut into bins by other difficulties that the responses allow.

    ``items[j]`` are those of ``changes.by_eval_bin[j]``. Each draw gives every item a difficulty from its posterior
    (normal; the estimates' own distribution is the prior, so that drawing adds no spread that is not there), cuts
    all items anew into as many bins, sorts the evaluated items into them, and places each training at the mean new
    bin of its items: what was trained stays what it was. ``value`` is the mean slope over the draws, without an
    interval: the draws say what the uncertainty of the difficulties does, and nothing of items and seeds.
    """
    places = {item: row for row, item in enumerate(bins.table["item"])}
    evaluated = np.concatenate([[places[item] for item in names] for names in items])
    change = _seed_means(np.concatenate(changes.by_eval_bin, axis=2))
    train, bin_ = (bins.table["split"] == "train").to_numpy(), bins.table["bin"].to_numpy()
    if not all((train & (bin_ == row)).any() for row in range(bins.count)):
        return Summary("How the slope depends on the errors of the difficulties is unknown: a bin trains on nothing.")
    rng = cell_rng(0, "generalization", "redrawn", name)
    difficulty, spread = difficulty_posterior(
        *(bins.table[name].to_numpy() for name in ("difficulty", "standard_error"))
    )
    slopes = []
    for _ in range(DRAWS):
        new = _cut(rng.normal(difficulty, spread), rng.random(len(train)), bins.count)
        rows = np.array([new[train & (bin_ == row)].mean() for row in range(bins.count)])
        slope = _slope(change, new[evaluated], rows, bins.count)
        if slope is not None:
            slopes.append(slope)
    if not slopes:
        return Summary("How the slope depends on the errors of the difficulties is unknown: too few results.")
    return _reading(np.array(slopes))


def _seed_means(change: FloatArray) -> FloatArray:
    """From [rows, seeds, items] the mean over the seeds with a result, NaN where one of these lacks the item."""
    means = np.full((change.shape[0], change.shape[2]), np.nan)
    for row, answers in enumerate(change):
        seeds = ~np.isnan(answers).all(axis=1)
        if seeds.any():
            means[row] = answers[seeds].mean(axis=0)
    return means


def _cut(difficulty: FloatArray, ties: FloatArray, count: int) -> IndexArray:
    """Bin of each item, equal-sized, as ``make_bins`` cuts; equal difficulties in the order of ``ties``."""
    bin_ = np.empty(len(difficulty), dtype=np.intp)
    bin_[np.lexsort((ties, difficulty))] = np.arange(len(difficulty)) * count // len(difficulty)
    return bin_


def _slope(change: FloatArray, bin_: IndexArray, rows: FloatArray, count: int) -> float | None:
    """Least-squares slope on the distance between where a row was trained and the evaluation bin.

    ``change`` [rows, items], ``bin_`` [items], ``rows`` [rows].
    """
    belongs = (bin_[:, None] == np.arange(count)).astype(np.float64)
    known = ~np.isnan(change)
    with np.errstate(invalid="ignore"):
        gains = (np.where(known, change, 0.0) @ belongs) / (known @ belongs)
    present = weigh.rectangle(gains)
    weights = weigh.slope(present, np.abs(rows[:, None] - np.arange(count)))
    return None if weights is None else float((weights[present] * gains[present]).sum())


def _reading(slopes: FloatArray) -> Summary:
    mean = float(slopes.mean())
    low, high = (float(np.quantile(slopes, share)) for share in (0.025, 0.975))
    kept = float((np.sign(slopes) == np.sign(mean)).mean())
    words = "keeps its sign" if kept >= STABLE else "does not keep its sign"
    sentence = (
        f"With difficulties redrawn within their standard errors, and bins cut anew, the slope on distance {words} "
        f"(the same in {100 * kept:.0f}% of {len(slopes)} draws; on average {figure(mean)} per bin, in 95% of the "
        f"draws {points(low)} to {points(high)})."
    )
    return Summary(sentence, mean, direction=int(np.sign(mean)) if kept >= STABLE else 0)
