"""How much the items tell: the test information curve, and how much of it each bin has for the models studied."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from easyhard.generalization.scale_coverage import Intended, bin_information, information_curve
from easyhard.report.text import plain
from easyhard.report.vega import inline
from easyhard.schema import Bins, FloatArray, ItemBank

_POINTS = 81  # of a curve
_REACH = 3.0  # standard deviations of ability that curves show at least


def grid(bank: ItemBank) -> FloatArray:
    """Abilities at which curves are drawn: all items and nearly all respondents lie between its ends."""
    difficulty = bank.table["difficulty"].to_numpy()
    mean, sd = bank.calibration.ability_mean, bank.calibration.ability_sd
    low, high = min(difficulty.min(), mean - _REACH * sd), max(difficulty.max(), mean + _REACH * sd)
    return np.linspace(low, high, _POINTS)


def information_by_ability(bank: ItemBank, bins: Bins | None, abilities: pl.DataFrame | None) -> alt.LayerChart:
    """Information of all items by ability, bin upon bin; a triangle for each checkpoint.

    ``abilities`` has ``model, trained_on, ability``, one row for each checkpoint.
    """
    table = information_curve(bank, bins, grid(bank)).with_columns(
        name=pl.when(pl.col("bin").is_null()).then(pl.lit("in none")).otherwise(pl.col("bin").cast(pl.String)),
        order=pl.col("bin").fill_null(-1),
    )
    unit = bank.calibration.unit
    axis = alt.Axis(grid=False, format="+d", labelExpr=_SIGNED, tickMinStep=1)
    scale = alt.Scale(nice=False, domain=[table["ability"].min(), table["ability"].max()])
    x = alt.X("ability:Q", title=f"ability, {unit}", scale=scale, axis=axis)
    y = alt.Y("information:Q", title="information", stack="zero")
    base = alt.Chart(inline(table)).encode(x, y)
    if bins is None:
        areas = base.mark_area(style="one-run").encode(tooltip=_CURVE)
    else:
        areas = base.mark_area(opacity=0.9).encode(color=_colour(bins, table), order="order:Q", tooltip=_CURVE)
    if abilities is None or abilities.is_empty():
        return alt.layer(areas).properties(width=800, height=220)
    marks = alt.Chart(inline(abilities)).mark_point(style="mean", shape="triangle-down", size=45)
    at = alt.X("ability:Q", title=f"ability, {unit}", scale=scale)
    return alt.layer(areas, marks.encode(at, y=alt.value(-8), tooltip=_CHECKPOINT)).properties(width=800, height=220)


def information_of_bins(bank: ItemBank, bins: Bins, abilities: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Share of what the items of each bin could tell that they do tell about each model, before and after training."""
    table = bin_information(bank, bins, abilities).with_columns(percent=100 * pl.col("efficiency"))
    table = table.with_columns(model=pl.Series([plain(name, 40) for name in table["model"]], dtype=pl.String))
    names = ["zero-shot", "trained"]
    legend = alt.Legend(title=None, orient="bottom")
    shape = alt.Shape("stage:N", legend=legend, scale=alt.Scale(domain=names, range=["triangle-up", "circle"]))
    x = alt.X("eval_bin:O", title="evaluated on bin", axis=alt.Axis(labelAngle=0))
    ends = alt.Scale(domain=[0, 100])
    axis = alt.Axis(labelExpr="datum.label + '%'", values=[0, 25, 50, 75, 100])
    y = alt.Y("percent:Q", title="of the most they could tell", scale=ends, axis=axis)
    base = alt.Chart().encode(x, y)
    lines = base.mark_line(style="mean-line").encode(detail="stage:N")
    points = base.mark_point(style="mean", size=50).encode(shape=shape, tooltip=_BIN)
    layered = alt.layer(lines, points, data=inline(table)).properties(width=bin_panel(bins), height=160)
    if table["model"].n_unique() < 2:
        return layered
    return layered.facet(alt.Facet("model:N", header=alt.Header(title=None, labelFontSize=12)), columns=3)


def bin_panel(bins: Bins) -> int:
    """Pixels of one panel of the figure of bins."""
    return max(240, 26 * bins.count)


def cumulative_table(bank: ItemBank, intended: Intended) -> pl.DataFrame:
    """Shares of items up to each difficulty, of the bank and of the intended one: ``which, difficulty, share``."""
    parts = (("these items", bank.table["difficulty"].to_numpy()), (plain(intended.name, 40), intended.difficulty))
    frames = []
    for which, values in parts:
        ordered = np.sort(values)
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        # Of many, every so-manieth: steps too small to be seen.
        kept = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), 200)).round().astype(int))
        frames.append(
            pl.DataFrame({"difficulty": ordered[kept], "share": share[kept]}).with_columns(which=pl.lit(which))
        )
    return pl.concat(frames).select("which", "difficulty", "share")


def against_intended(bank: ItemBank, intended: Intended) -> alt.Chart:
    """Cumulative distributions of the difficulties that there are, and of those intended."""
    names = ["these items", plain(intended.name, 40)]
    legend = alt.Legend(title=None, orient="bottom", labelLimit=260, symbolType="stroke")
    dash = alt.StrokeDash("which:N", legend=legend, scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]))
    axis = alt.Axis(grid=False, labelExpr=_SIGNED, format="+d", tickMinStep=1)
    return (
        alt.Chart(inline(cumulative_table(bank, intended)))
        .mark_line(style="interval", interpolate="step-after")
        .encode(
            alt.X("difficulty:Q", title=f"difficulty, {bank.calibration.unit}", axis=axis, scale=alt.Scale(nice=False)),
            alt.Y("share:Q", title="items up to there", axis=alt.Axis(format="%")),
            strokeDash=dash,
        )
        .properties(width=380, height=200)
    )


def _colour(bins: Bins, table: pl.DataFrame) -> alt.Color:
    names = [str(bin_) for bin_ in range(bins.count)]
    legend = alt.Legend(title="bin", orient="top", symbolType="square", symbolOpacity=1, columns=6)
    if table["bin"].null_count():
        legend.title = "bin (items in none: the palest)"
        names = ["in none", *names]
    return alt.Color("name:N", sort=names, scale=alt.Scale(domain=names, range="ordinal"), legend=legend)


_SIGNED = "datum.value === 0 ? '0' : datum.label"
_CURVE = [
    alt.Tooltip("name:N", title="bin"),
    alt.Tooltip("items:Q"),
    alt.Tooltip("ability:Q", format="+.2f"),
    alt.Tooltip("information:Q", format=".2f"),
]
_CHECKPOINT = [
    alt.Tooltip("model:N"),
    alt.Tooltip("trained_on:N", title="trained on"),
    alt.Tooltip("ability:Q", format="+.2f"),
]
_BIN = [
    alt.Tooltip("model:N"),
    alt.Tooltip("stage:N"),
    alt.Tooltip("checkpoints:Q"),
    alt.Tooltip("ability:Q", title="mean ability", format="+.2f"),
    alt.Tooltip("eval_bin:O", title="evaluated on bin"),
    alt.Tooltip("items:Q"),
    alt.Tooltip("information:Q", format=".2f"),
    alt.Tooltip("percent:Q", title="% of the most they could tell", format=".0f"),
]
