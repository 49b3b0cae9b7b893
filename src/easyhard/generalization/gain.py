"""Gain of one cell of the matrix, paired on items, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyhard.generalization.crossed import Spread, error_variance, seed_variance
from easyhard.schema import MISSING, FloatArray, IntArray, Interval


@dataclass(frozen=True, slots=True)
class PairedGain:
    """Gain over zero-shot on ``n`` items that zero-shot and each of ``n_seeds`` trained runs answered.

    Accuracies and ``gain`` in proportion correct; ``gain = accuracy - zero_shot_accuracy``.
    """

    accuracy: float
    zero_shot_accuracy: float
    gain: float
    interval: Interval
    p_value: float  # two-sided, of no gain
    n: int
    n_seeds: int


def paired_gain(trained: IntArray, zero_shot: IntArray, level: float = 0.95) -> PairedGain | None:
    """Gain of trained over zero-shot accuracy, paired on items; None if no item was answered by all.

    ``trained`` [seeds, items] and ``zero_shot`` [items] hold 1, 0 or -1 (missing). An item with a missing
    response is left out.

    With ``d_i = mean over seeds(trained correct) - zero-shot correct``, two pseudo-items with d = +1 and
    d = -1 are added, and the interval is ``mean(d) +- z sqrt(var(d) / (n + 2))`` over all n + 2, clipped to
    [-1, 1]. With one seed this is the adjusted Wald interval of Bonett & Price (2012), Journal of
    Educational and Behavioral Statistics 37(4). ``gain`` itself is the plain difference: it lies inside,
    a little off the middle.

    What the interval covers. One seed: the gain of this very checkpoint over all items like these; how
    another seed would have trained is not in it. Several seeds: the gain that training gives on average over
    items and seeds, by the crossed variance of ``crossed.Spread``, never narrower than over items alone.
    Either way the training examples are taken as given.

    ``p_value`` uses the variance under no gain, ``mean(d^2)``: the interval's own variance shrinks as the
    gain grows and would make small p-values far too small, which matters after a Holm correction. Close to
    the level the two can therefore disagree.
    """
    kept = (zero_shot != MISSING) & (trained != MISSING).all(axis=0)
    if not len(trained) or not kept.any():
        return None
    change = (trained[:, kept] - zero_shot[kept]).astype(np.float64)
    accuracy, before = float(trained[:, kept].mean()), float(zero_shot[kept].mean())
    padded = np.append(change.mean(axis=0), [1.0, -1.0])
    centre = float(padded.mean())
    half = _spread(change, float(padded.var())).half_width(level)
    p_value = _spread(change, float((padded**2).mean())).p_value(centre)
    interval = Interval(max(centre - half, -1.0), min(centre + half, 1.0), level)
    n_seeds, n = change.shape
    return PairedGain(accuracy, before, accuracy - before, interval, p_value, n, n_seeds)


def holm(p_values: FloatArray) -> FloatArray:
    """p-values [tests] adjusted for all of them together; at most 1. Source: Holm (1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _spread(change: FloatArray, item_variance: float) -> Spread:
    """Spread of the gain from ``change`` [seeds, items] and the variance of one item's seed mean."""
    n_seeds, n = change.shape
    return Spread(
        items=item_variance / (n + 2),
        seeds=seed_variance(change.mean(axis=1)),
        error=error_variance(change),
        seeds_df=max(n_seeds - 1, 1),
    )
