"""Supervision Gap Recovered: how much of what hard training gives on hard items easy training gives too."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import special
from scipy.optimize import brentq

from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, Contrast, contrast
from easyhard.generalization.summary import Summary
from easyhard.generalization.words import figure, span
from easyhard.schema import FloatArray, Interval

# Where zero-shot gets few items right, a lucky gap comes with a small standard error: at 95% it was clear of nothing in
# 3.8% of simulated studies on that side, and not in the 2.5% stated.
_CLEAR = 0.99
_LEVEL = 0.95
_FARTHEST = 10.0  # ratio at which the search for an end of the interval gives up


def gap_recovered(changes: Changes) -> Summary:
    """Gain of the easiest third of the bins over that of the hardest third, both on the hardest third.

    Source: Hase et al. (2024), The unreasonable effectiveness of easy training data for hard tasks. ``value`` is a
    ratio: 1 where easy training does as well as hard training, 0 where it does nothing. The interval is Fieller's
    (1954): all ratios r for which easy gain minus r times hard gain does not differ from zero, paired on items, by
    Student's t, since the variance of that difference is estimated from the items of the hardest third alone, and with
    Johnson's (1978, JASA 73) allowance for their skewness. Not defined unless the hard gain is clear of zero at 99%,
    since a ratio to nothing means nothing.
    """
    third = max(1, changes.count // 3)
    present = weigh.rectangle(changes.gains())
    bins = np.arange(changes.count)
    hard = bins >= changes.count - third
    above = weigh.mean_of(present & hard[None, :] & (bins < third)[:, None])
    below = weigh.mean_of(present & hard[None, :] & hard[:, None])
    if above is None or below is None:
        return Summary("The supervision gap recovered is unknown: too few cells have a result.")
    gap = contrast(changes, below)
    interval, clear = gap.interval(), gap.interval(_CLEAR)
    if clear is None or clear.low <= 0:
        return Summary(
            "The supervision gap recovered is not defined: training on the hardest third of the bins does not "
            f"measurably raise accuracy there ({figure(gap.value)}, {span(interval)})."
        )
    ratio = contrast(changes, above).value / gap.value
    limits = _fieller(changes, above, below, ratio)
    within = f"95% interval {100 * limits.low:.0f}% to {100 * limits.high:.0f}%" if limits else "no bounded interval"
    sentence = (
        f"Training on the easiest third of the bins recovers {100 * ratio:.0f}% of the gain that training on the "
        f"hardest third gives on the hardest third ({within})."
    )
    return Summary(sentence.replace("-", "−"), ratio, limits)


def _fieller(changes: Changes, above: FloatArray, below: FloatArray, ratio: float) -> Interval | None:
    """Ends of the ratios that the data do not speak against; None if there is none on one side."""

    def excess(r: float) -> float:
        found = contrast(changes, above - r * below)
        freedom = _items_freedom(changes, found)
        half = replace(found.spread, items_df=freedom).half_width(_LEVEL)
        return abs(found.value + _skewness_shift(found, freedom)) - half

    low, high = _root(excess, ratio, -_FARTHEST), _root(excess, ratio, _FARTHEST)
    return None if low is None or high is None else Interval(low, high)


def _items_freedom(changes: Changes, found: Contrast) -> float:
    """Satterthwaite's degrees of freedom of the variance over items, which is the sum of that of every bin."""
    sizes = np.array([change.shape[2] for change in changes.by_eval_bin])
    squares = np.array([float((part**2).sum()) for part in np.split(found.influence, np.cumsum(sizes)[:-1])])
    parts = (squares**2)[squares > 0] / (sizes - 1)[squares > 0]
    return float(squares.sum() ** 2 / parts.sum()) if len(parts) else math.inf


def _skewness_shift(found: Contrast, freedom: float) -> float:
    """What Johnson's modified t adds to the estimate at the ends of its interval, for the skewness of the items.

    Differences lean to one side where few items are right or most. t is then beyond one of its quantiles too often, and
    beyond the other too rarely.
    """
    if found.spread.items <= 0:
        return 0.0
    quantile = float(special.stdtrit(freedom, (1 + _LEVEL) / 2))
    return (1 + 2 * quantile**2) * float((found.influence**3).sum()) / (6 * found.spread.items)


def _root(excess: Callable[[float], float], inside: float, outside: float) -> float | None:
    if excess(inside) >= 0 or excess(outside) <= 0:
        return None
    return float(brentq(excess, inside, outside, xtol=1e-6))
