"""Difficulty as models show it against human-made notions of it, one figure per covariate."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from easyhard.chance import cell_rng
from easyhard.generalization.covariates import covariate_correlation
from easyhard.report.item_map import item_map_table
from easyhard.report.text import plain
from easyhard.report.vega import inline, spread
from easyhard.schema import InputError, ItemBank, Items

MOST_GROUPS = 30  # rows of a strip figure; the rest is left to the table
MOST_POINTS = 3000  # drawn of each covariate, so that a page of many items stays small; medians are of all
FEW_VALUES = 15  # a numeric covariate with at most this many values is drawn as strips with their medians


def covariate_table(bank: ItemBank, items: Items, covariate: str) -> pl.DataFrame:
    """Calibrated items with a value of ``covariate``, sorted by that value.

    Columns: ``item``, ``question`` (shortened), ``value``, ``difficulty`` and ``standard_error`` in logits,
    and ``spread``: where in (-0.5, 0.5) a point is put aside so that equal values do not hide one another.
    Raises InputError for a name that is not among ``items.covariates``.
    """
    if covariate not in items.covariates:
        known = ", ".join(items.covariates) or "none"
        raise InputError(f"{covariate!r} is no covariate of these items; they have: {known}.")
    value = items.table.select("item", value=_shown(items.table[covariate])).drop_nulls("value")
    table = item_map_table(bank, items=items).join(value, on="item").sort("value", "rank")
    shown = table.select("item", "question", "value", "difficulty", "standard_error")
    return shown.with_columns(spread=spread("value"))


def difficulty_by_covariate(bank: ItemBank, items: Items, covariate: str) -> alt.LayerChart:
    """Item difficulties against ``covariate``: points over a number, or one sorted strip per word.

    A bar marks the median difficulty of items with the same value, where there are few values. The title is the
    rank correlation with its interval, or why there is none.
    """
    table = covariate_table(bank, items, covariate)
    chart = _scatter(table, covariate) if table["value"].dtype.is_numeric() else _strips(table, covariate)
    said = covariate_correlation(bank, items, covariate).words()
    return chart.properties(title=alt.TitleParams(plain(said), fontSize=12.5, fontWeight="normal"))


def _scatter(table: pl.DataFrame, covariate: str) -> alt.LayerChart:
    values = table["value"].unique().sort().cast(pl.Float64)
    few = 1 < len(values) <= FEW_VALUES
    step = float(values.diff().min() or 1) if few else 0.0  # type: ignore[arg-type]
    at = (pl.col("value").cast(pl.Float64) + 0.5 * step * pl.col("spread")).alias("at")
    ticks = {"values": values.to_list(), "format": "~g"} if few else {}
    scale = alt.Scale(zero=False, nice=False, padding=12)
    x = alt.X("at:Q", title=covariate, scale=scale, axis=alt.Axis(grid=False, **ticks))
    y = alt.Y("difficulty:Q", title="difficulty, logits")
    layers = [alt.Chart().mark_point(style="one-item", size=22).encode(x, y, tooltip=_tooltip(covariate))]
    if few:
        ends = {"left": pl.col("value") - 0.32 * step, "right": pl.col("value") + 0.32 * step}
        medians = table.group_by("value").agg(pl.col("difficulty").median()).with_columns(**ends)
        bars = alt.Chart(inline(medians)).mark_rule(style="median", strokeWidth=2.5)
        layers.append(bars.encode(x=alt.X("left:Q", title=covariate), x2="right:Q", y=y))
    return alt.layer(*layers, data=inline(_drawn(table.with_columns(at)))).properties(width=420, height=300)


def _strips(table: pl.DataFrame, covariate: str) -> alt.LayerChart:
    medians = table.group_by("value").agg(pl.col("difficulty").median(), items=pl.len())
    largest = medians.sort("items", "value", descending=[True, False]).head(MOST_GROUPS)
    shown = largest.sort("difficulty", "value")
    table = table.join(shown.select("value"), on="value")
    x = alt.X("difficulty:Q", title="difficulty, logits", scale=alt.Scale(padding=10))
    axis = alt.Axis(labelLimit=170, grid=False)
    y = alt.Y("value:N", title=None, sort=shown["value"].to_list(), scale=alt.Scale(padding=0.3), axis=axis)
    aside = alt.YOffset("spread:Q", scale=alt.Scale(domain=[-0.5, 0.5]))
    points = alt.Chart(inline(_drawn(table))).mark_point(style="one-item", size=16)
    bars = alt.Chart(inline(shown)).mark_tick(style="median", thickness=2.5, size=18)
    return alt.layer(
        points.encode(x, y, yOffset=aside, tooltip=_tooltip(covariate)),
        bars.encode(x, y, tooltip=[alt.Tooltip("value:N", title=covariate), "items:Q"]),
    ).properties(width=420, height=22 * len(shown))


def _drawn(table: pl.DataFrame) -> pl.DataFrame:
    """At most ``MOST_POINTS`` rows, drawn by chance but the same on every call, in their order."""
    if len(table) <= MOST_POINTS:
        return table
    kept = np.sort(cell_rng(0, "report", "covariate").choice(len(table), MOST_POINTS, replace=False))
    return table[kept].with_columns(pl.lit("").alias("question"))


def _shown(values: pl.Series) -> pl.Series:
    """Numbers as they are; anything else as a short text, each distinct one still told apart by its start."""
    if values.dtype.is_numeric():
        return values.fill_nan(None) if values.dtype.is_float() else values
    texts = [None if value is None else plain(str(value), 40) for value in values]
    return pl.Series(texts, dtype=pl.String)


def _tooltip(covariate: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("item:N"),
        alt.Tooltip("question:N"),
        alt.Tooltip("value:N", title=covariate),
        alt.Tooltip("difficulty:Q", format="+.2f"),
        alt.Tooltip("standard_error:Q", title="standard error", format=".2f"),
    ]
