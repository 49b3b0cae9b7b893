"""Rows and columns of the matrix as profiles: one training on every bin, and every training on one bin."""

from __future__ import annotations

from typing import Literal

import altair as alt
import polars as pl

from easyhard.report.distance import GAIN_TOOLTIP, SIGNED
from easyhard.report.heat_map import mixture_label
from easyhard.report.text import plain
from easyhard.report.vega import inline
from easyhard.schema import GeneralizationMatrix

Way = Literal["rows", "columns"]
MARGIN = 40  # pixels between panels, and what each adds for the axis at the left of all
MOST_MODELS = 6  # that colours tell apart; more models stand in the table alone
_ASIDE = 0.5  # of a bin, that the points of several models or seeds are spread over


def profile_table(matrix: GeneralizationMatrix) -> pl.DataFrame:
    """Cells, then single runs where there are several seeds: one row each, by model, training and evaluation bin.

    Columns: ``kind`` (``cell`` or ``run``), ``model``, ``trained_on`` (a bin as text, or a mixture as the heat map
    names it), ``evaluated_on`` (a bin), ``seed`` (null for a cell), ``gain_points, low_points, high_points`` in
    percentage points (no interval for a run: that of the cell is over its seeds), ``n`` items. What failed has no row.
    """
    frames = []
    for cells, runs, row in (
        (matrix.cells, matrix.runs, pl.col("train_bin").cast(pl.String)),
        (matrix.mixture_cells, matrix.mixture_runs, pl.col("mixture").map_elements(mixture_label, pl.String)),
    ):
        if cells.is_empty():
            continue
        frames.append(_points(cells, "cell", row))
        if runs["seed"].n_unique() > 1:
            frames.append(_points(runs, "run", row))
    table = pl.concat(frames)
    order = {name: place for place, name in enumerate(rows_of(matrix))}
    keys = pl.col("trained_on").replace_strict(order, return_dtype=pl.Int64, default=len(order))
    return table.sort("kind", "model", keys, "evaluated_on", "seed", maintain_order=True)


def rows_of(matrix: GeneralizationMatrix) -> list[str]:
    """What was trained on, as the profiles name it: bins, then mixtures."""
    bins = [str(bin_) for bin_ in sorted(set(matrix.cells["eval_bin"]) | set(matrix.cells["train_bin"]))]
    mixed = matrix.mixture_cells
    return bins + ([mixture_label(name) for name in mixed["mixture"].unique(maintain_order=True)] if len(mixed) else [])


def profiles(matrix: GeneralizationMatrix, way: Way) -> alt.FacetChart:
    """One panel for each bin trained on (``rows``) or evaluated on (``columns``), all on one scale.

    Large points are cells with their intervals, small ones single seeds; a ring marks the panel's own bin, and a colour
    the model where there are several.
    """
    rows, table = rows_of(matrix), profile_table(matrix)
    models = table["model"].unique().sort().to_list()[:MOST_MODELS]
    drawn = _placed(table.filter(pl.col("model").is_in(models)), rows, models, way)
    last = max(drawn["place"].to_list(), default=0)
    names = rows if way == "columns" else [name for name in rows if name.isdecimal()]
    ticks = list(range(last + 1))
    axis = alt.Axis(values=ticks, grid=False, labelExpr=f"{_short(names)}[datum.value]", labelOverlap=True)
    title = "evaluated on bin" if way == "rows" else "trained on bin"
    x = alt.X("at:Q", title=title, axis=axis, scale=alt.Scale(domain=[-0.5, last + 0.5], nice=False))
    layered = alt.layer(*_layers(drawn, models, x), data=inline(drawn)).properties(
        width=panel_width(matrix), height=110
    )
    panels = list(dict.fromkeys(drawn["panel"]))
    facet = alt.Facet("panel:N", sort=panels, header=alt.Header(title=None, labelFontSize=12))
    return layered.facet(facet, columns=5).properties(spacing=24)


def _layers(drawn: pl.DataFrame, models: list[str], x: alt.X) -> list[alt.Chart]:
    """Marks of one panel. One without a row is left out, since its axis would have no ends."""
    single = len(models) == 1
    by_model = {} if single else _colour(models)
    y = alt.Y("gain_points:Q", title="gain, points", axis=alt.Axis(format="+d", labelExpr=SIGNED, tickCount=5))
    ends = alt.Y("low_points:Q", title="gain, points"), alt.Y2("high_points:Q")
    base = alt.Chart().encode(x=x)
    cells = base.transform_filter("datum.kind === 'cell'")
    line = {"style": "mean-line"} if single else {"strokeWidth": 1, "strokeOpacity": 0.6}
    bar = {"style": "interval"} if single else {"strokeWidth": 1.5}
    dot = {"style": "mean", "size": 30} if single else {"filled": True, "opacity": 1, "size": 18}
    layers = [alt.Chart().mark_rule(style="zero-line").encode(y=alt.datum(0))]
    if (drawn["kind"] == "run").any():
        seeds = base.transform_filter("datum.kind === 'run'").mark_point(style="one-run", size=14 if single else 7)
        layers.append(seeds.encode(y, tooltip=_TOOLTIP, **by_model))
    layers += [cells.mark_line(**line).encode(y, **by_model), cells.mark_rule(**bar).encode(*ends, **by_model)]
    if drawn["own"].any():
        ring = cells.transform_filter("datum.own").mark_point(style="own-bin", size=120 if single else 60)
        layers.append(ring.encode(y))
    return [*layers, cells.mark_point(**dot).encode(y, tooltip=_TOOLTIP, **by_model)]


def panel_width(matrix: GeneralizationMatrix) -> int:
    """Pixels of one panel: wide enough for the points of every model to stand side by side."""
    models = min(matrix.cells["model"].n_unique(), MOST_MODELS)
    return min(300, max(126, len(rows_of(matrix)) * (8 + 5 * models)))


def _points(table: pl.DataFrame, kind: str, row: pl.Expr) -> pl.DataFrame:
    bounds = ("gain", "low", "high")
    points = {f"{name}_points": 100 * pl.col(name) for name in bounds}
    if kind == "run":
        points |= {f"{name}_points": pl.lit(None, dtype=pl.Float64) for name in bounds[1:]}
    seed = pl.col("seed") if kind == "run" else pl.lit(None, dtype=pl.Int64)
    return table.filter(pl.col("status") == "done").select(
        pl.lit(kind).alias("kind"),
        "model",
        row.alias("trained_on"),
        pl.col("eval_bin").alias("evaluated_on"),
        seed.alias("seed"),
        **points,
        n="n",
    )


def _placed(table: pl.DataFrame, rows: list[str], models: list[str], way: Way) -> pl.DataFrame:
    """The rows with their panel, where along it they are drawn, and whether they are the panel's own bin."""
    order = {name: place for place, name in enumerate(rows)}
    row = pl.col("trained_on").replace_strict(order, return_dtype=pl.Int64)
    place, panel = (pl.col("evaluated_on"), row) if way == "rows" else (row, pl.col("evaluated_on"))
    said = "trained on " if way == "rows" else "evaluated on "
    names = [said + (f"bin {name}" if name.isdecimal() else plain(name.removeprefix("mix: "), 24)) for name in rows]
    several = len(models) > 1
    model = pl.col("model").replace_strict({name: k for k, name in enumerate(models)}, return_dtype=pl.Int64)
    aside = _ASIDE * ((model + 0.5) / len(models) - 0.5) if several else pl.lit(0.0)
    beside = pl.when(pl.col("kind") == "run").then(0.12).otherwise(0.0)
    return table.with_columns(
        place=place,
        at=place + aside + beside,
        panel=panel.replace_strict(dict(enumerate(names)), return_dtype=pl.String),
        order=panel,
        own=row == pl.col("evaluated_on"),
    ).sort("order", "place", maintain_order=True)


def _colour(models: list[str]) -> dict[str, alt.Color]:
    legend = alt.Legend(title=None, orient="top", symbolType="circle", symbolOpacity=1, labelLimit=240, columns=2)
    return {"color": alt.Color("model:N", scale=alt.Scale(domain=models, range="category"), legend=legend)}


def _short(names: list[str]) -> str:
    """Names of the ticks as a Vega list: bins by number, mixtures by letter."""
    shown = [name if name.isdecimal() else "mix" for name in names]
    return "[" + ", ".join(f"'{name}'" for name in shown) + "]"


_TOOLTIP = [
    alt.Tooltip("model:N"),
    alt.Tooltip("trained_on:N", title="trained on"),
    alt.Tooltip("evaluated_on:O", title="evaluated on bin"),
    alt.Tooltip("seed:O"),
    *GAIN_TOOLTIP,
]
