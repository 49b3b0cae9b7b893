"""Gain against distance: how far from the bin trained on a gain still reaches."""

from __future__ import annotations

import altair as alt
import polars as pl
import polars.selectors as cs

from easyhard.report.vega import inline, spread
from easyhard.schema import GeneralizationMatrix


def gain_by_distance_table(matrix: GeneralizationMatrix) -> pl.DataFrame:
    """One row per measured run, sorted by model and distance.

    Columns: ``model``, ``distance`` (eval_bin - train_bin: positive is harder than trained on),
    ``train_bin``, ``eval_bin``, ``seed``, ``gain_points``, ``low_points``, ``high_points`` in percentage
    points, ``n`` items.
    """
    points = {f"{name}_points": 100 * pl.col(name) for name in ("gain", "low", "high")}
    return (
        matrix.runs.filter(pl.col("status") == "done")
        .with_columns(distance=pl.col("eval_bin") - pl.col("train_bin"), **points)
        .select("model", "distance", "train_bin", "eval_bin", "seed", *points, "n")
        .sort("model", "distance", "train_bin", "seed")
    )


def mean_by_distance(matrix: GeneralizationMatrix) -> pl.DataFrame:
    """One row per model and distance, in points: ``gain_points``, the mean over ``cells`` many cells.

    ``low_points`` and ``high_points`` are the interval that ``matrix.tests[model]["gain_at_distance"]``
    states: cells share items and seeds, so it can't be had from the cells. Null where none is stated.
    """
    done = matrix.cells.filter(pl.col("status") == "done")
    means = done.group_by("model", distance=pl.col("eval_bin") - pl.col("train_bin")).agg(
        gain_points=100 * pl.col("gain").mean(), cells=pl.len()
    )
    stated = [
        (model, entry["distance"], entry["low"], entry["high"])
        for model, tests in matrix.tests.items()
        for entry in tests.get("gain_at_distance", [])
    ]
    bounds = pl.DataFrame(stated, schema=_BOUNDS, orient="row").with_columns(cs.ends_with("_points") * 100)
    return means.join(bounds, on=["model", "distance"], how="left").sort("model", "distance")


_BOUNDS = {"model": pl.String, "distance": pl.Int64, "low_points": pl.Float64, "high_points": pl.Float64}


def gain_by_distance(matrix: GeneralizationMatrix) -> alt.TopLevelMixin:
    """Gain in points against signed distance, one faint point per run and the mean over cells on top.

    Right of zero the items evaluated on are harder than those trained on. Several models stand below one
    another, on one scale.
    """
    runs, means = gain_by_distance_table(matrix), mean_by_distance(matrix)
    models = matrix.cells["model"].unique().sort().to_list()
    furthest = max(matrix.cells["eval_bin"].to_list(), default=0)  # bins count from 0
    charts = []
    for model in models:
        own = pl.col("model") == model
        chart = _one_model(runs.filter(own), means.filter(own), furthest)
        charts.append(chart if len(models) == 1 else chart.properties(title=model))
    return charts[0] if len(charts) == 1 else alt.vconcat(*charts).resolve_scale(x="shared", y="shared")


def _one_model(runs: pl.DataFrame, means: pl.DataFrame, furthest: int) -> alt.LayerChart:
    step = 1 if furthest <= 4 else 2
    ticks = [sign * far for far in range(0, furthest + 1, step) for sign in (-1, 1)]
    axis = alt.Axis(values=ticks, format="+d", labelExpr=_NAMED_ZERO, labelLineHeight=14, grid=False)
    title = "← easier · distance in bins · harder →"
    x = alt.X("at:Q", title=title, axis=axis, scale=alt.Scale(domain=[-furthest - 0.4, furthest + 0.4]))
    y = alt.Y("gain_points:Q", title="gain, points", axis=alt.Axis(format="+d", labelExpr=SIGNED))
    points = alt.Chart(inline(runs.with_columns(at=pl.col("distance") + 0.5 * spread("distance"))))
    mean = alt.Chart(inline(means.with_columns(at="distance")))
    zero = alt.Chart(alt.InlineData(values=[{}])).mark_rule(style="zero-line").encode(y=alt.datum(0))
    layers = [
        zero,
        points.mark_point(style="one-run", size=26).encode(x, y, tooltip=_RUN_TOOLTIP),
        mean.mark_line(style="mean-line").encode(x, y),
        mean.mark_point(style="mean", size=70).encode(x, y, tooltip=_MEAN_TOOLTIP),
    ]
    if means["low_points"].count():
        ends = alt.Y("low_points:Q", title="gain, points"), alt.Y2("high_points:Q")
        layers.insert(3, mean.mark_rule(style="interval").encode(x, *ends))
    return alt.layer(*layers).properties(width=800, height=320)


SIGNED = "datum.value === 0 ? '0' : datum.label"
_NAMED_ZERO = "datum.value === 0 ? ['0', 'same bin'] : datum.label"
GAIN_TOOLTIP = [
    alt.Tooltip("gain_points:Q", title="gain, points", format="+.1f"),
    alt.Tooltip("low_points:Q", title="95% interval from", format="+.1f"),
    alt.Tooltip("high_points:Q", title="to", format="+.1f"),
    alt.Tooltip("n:Q", title="items"),
]
_RUN_TOOLTIP = [
    alt.Tooltip("model:N"),
    alt.Tooltip("train_bin:O", title="trained on bin"),
    alt.Tooltip("eval_bin:O", title="evaluated on bin"),
    alt.Tooltip("seed:O"),
    *GAIN_TOOLTIP,
]
_MEAN_TOOLTIP = [
    alt.Tooltip("distance:Q", format="+d"),
    alt.Tooltip("gain_points:Q", title="mean gain, points", format="+.1f"),
    alt.Tooltip("low_points:Q", title="95% interval from", format="+.1f"),
    alt.Tooltip("high_points:Q", title="to", format="+.1f"),
    alt.Tooltip("cells:Q"),
]
