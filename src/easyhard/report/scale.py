"""Items, respondents and checkpoints on one scale (a Wright map), and how well a test of these items measures."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl
from scipy.special import expit, ndtr

from easyhard.report.vega import inline
from easyhard.schema import FloatArray, ItemBank

_STEPS = 28  # bars over the range that is shown
_REACH = 3.0  # standard deviations of ability that the scale shows at least


def scale_table(bank: ItemBank) -> pl.DataFrame:
    """One row per interval of the scale, from low to high.

    ``low, high, middle`` in the bank's unit; ``items`` with a difficulty there; ``respondents``, the share of the
    calibration's ability distribution (a normal of its mean and standard deviation); ``standard_error``, that of an
    ability in the middle by a test of all items; ``is_gap``: within the widest stretch without an item between the
    easiest and the hardest, where a difference of ability shows least.
    """
    difficulty, slope = (bank.table[name].to_numpy() for name in ("difficulty", "discrimination"))
    edges = _edges(bank, difficulty)
    middle = (edges[:-1] + edges[1:]) / 2
    counts, _ = np.histogram(difficulty, edges)
    mean, sd = bank.calibration.ability_mean, bank.calibration.ability_sd
    start, end = widest_gap(difficulty)
    p = expit(slope * (middle[:, None] - difficulty))
    return pl.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "middle": middle,
            "items": counts,
            "respondents": np.diff(ndtr((edges - mean) / sd)),
            "standard_error": 1 / np.sqrt((slope**2 * p * (1 - p)).sum(axis=1)),
            "is_gap": (edges[:-1] >= start) & (edges[1:] <= end),
        }
    )


def widest_gap(difficulty: FloatArray) -> tuple[float, float]:
    """Ends of the widest stretch without an item, between the easiest and the hardest."""
    ordered = np.sort(difficulty)
    if len(ordered) < 2:
        return float(ordered[0]), float(ordered[0])
    place = int(np.argmax(np.diff(ordered)))
    return float(ordered[place]), float(ordered[place + 1])


def wright_map(bank: ItemBank, abilities: pl.DataFrame | None = None) -> alt.VConcatChart:
    """Above: bars of items, and as a line the respondents that calibrated them; a tick for each checkpoint.

    Below: the standard error of an ability by all items. ``abilities`` has ``model, trained_on, ability``, one row
    for each checkpoint.
    """
    table = scale_table(bank)
    most = max(float(table["respondents"].to_numpy().max()), 1e-9)
    drawn = table.with_columns(line=pl.col("respondents") / most * pl.col("items").max())
    unit = bank.calibration.unit
    scale = alt.Scale(domain=[float(table["low"][0]), float(table["high"][-1])], nice=False)
    x = alt.X("low:Q", title=None, scale=scale, axis=alt.Axis(grid=False, labels=False))
    middle = alt.X("middle:Q", title=None, scale=scale)
    base = alt.Chart(inline(drawn))
    bars = base.mark_bar(style="one-run", cornerRadius=1).encode(
        x, alt.X2("high:Q"), alt.Y("items:Q", title="items"), alt.Y2Datum(0), tooltip=_TOOLTIP
    )
    respondents = base.mark_line(style="interval", interpolate="monotone").encode(
        middle, alt.Y("line:Q", title="items")
    )
    layers: list[alt.Chart] = [bars, respondents]
    if abilities is not None and len(abilities):
        at = alt.X("ability:Q", title=None, scale=scale)
        ticks = alt.Chart(inline(abilities)).mark_point(style="mean", shape="triangle-down", size=45)
        layers.append(ticks.encode(at, y=alt.value(-8), tooltip=_CHECKPOINT))
    errors = alt.Chart(inline(table)).mark_line(style="interval")
    below = alt.X("middle:Q", title=f"difficulty of items, ability of models, {unit}", scale=scale)
    error = errors.encode(below, alt.Y("standard_error:Q", title=["standard error", "of an ability"]), tooltip=_TOOLTIP)
    upper = alt.layer(*layers).properties(width=800, height=220)
    return alt.vconcat(upper, error.properties(width=800, height=110), spacing=14)


def _edges(bank: ItemBank, difficulty: FloatArray) -> FloatArray:
    """Ends of the intervals: all items, and three standard deviations of ability to either side."""
    mean, sd = bank.calibration.ability_mean, bank.calibration.ability_sd
    low = min(float(difficulty.min()), mean - _REACH * sd)
    high = max(float(difficulty.max()), mean + _REACH * sd)
    margin = max(1e-6, 1e-9 * (high - low))  # so that the outermost items fall inside
    return np.linspace(low - margin, high + margin, _STEPS + 1)


_TOOLTIP = [
    alt.Tooltip("low:Q", title="from", format="+.2f"),
    alt.Tooltip("high:Q", title="to", format="+.2f"),
    alt.Tooltip("items:Q"),
    alt.Tooltip("respondents:Q", format=".1%"),
    alt.Tooltip("standard_error:Q", title="standard error of an ability", format=".2f"),
]
_CHECKPOINT = [
    alt.Tooltip("model:N"),
    alt.Tooltip("trained_on:N", title="trained on"),
    alt.Tooltip("ability:Q", format="+.2f"),
]
