"""The generalization heat map: what training on each bin did to each bin."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import polars as pl

from easyhard.report.text import interval, percent, signed_points
from easyhard.report.vega import inline
from easyhard.schema import GeneralizationMatrix

ZERO_SHOT = "zero-shot"  # label of the first row
CELL_WIDTH, CELL_HEIGHT = 64, 46  # pixels; ten bins fit the column of a page
STRONG = 0.6  # share of the colour limit beyond which a label needs the opposite ink to stay readable


def heat_map_table(matrix: GeneralizationMatrix) -> pl.DataFrame:
    """The cells of the heat map, one row each: of every model the zero-shot row, then gains by bin, then by mixture.

    Columns: ``model``; ``trained_on`` (``"zero-shot"``, a bin as text, or the name of a mixture);
    ``evaluated_on`` (a bin as text);
    ``look`` (``zero_shot``, ``clear``, ``unclear`` when the interval includes zero, ``failed``, ``missing``);
    ``label`` as printed in the cell; ``gain_points`` in percentage points, null unless measured; ``gain`` and
    ``interval`` in words; ``accuracy`` and ``zero_shot_accuracy`` in words; ``items``; ``seeds``; ``status``;
    ``trained_on_these_items``.
    """
    cells = matrix.cells.sort("model", "train_bin", "eval_bin")
    rows = [_gain_row(cell, str(cell["train_bin"])) for cell in cells.iter_rows(named=True)]
    rows += [_gain_row(cell, mixture_label(cell["mixture"])) for cell in matrix.mixture_cells.iter_rows(named=True)]
    table = pl.DataFrame([*_zero_shot_rows(matrix.cells), *rows], schema=_COLUMNS, orient="row")
    return table.sort("model", maintain_order=True)


def heat_map(matrix: GeneralizationMatrix, columns: int = 2) -> alt.TopLevelMixin:
    """Heat map of the gains in percentage points: rows trained on, columns evaluated on, bin 0 the easiest.

    Colour is the gain on a scale symmetric about zero. A cell whose interval includes zero is pale, a failed
    one hatched, a missing one says so. The first row is zero-shot accuracy. Several models, on one scale,
    stand in ``columns`` columns.
    """
    table = heat_map_table(matrix)
    limit = colour_limit(table)
    models = table.partition_by("model", maintain_order=True)
    if len(models) == 1:
        return _grid(table, limit)
    titled = [_grid(one, limit).properties(title=one["model"][0]) for one in models]
    return alt.concat(*titled, columns=columns)


_COLUMNS = {
    "model": pl.String,
    "trained_on": pl.String,
    "evaluated_on": pl.String,
    "look": pl.String,
    "label": pl.String,
    "gain_points": pl.Float64,
    "gain": pl.String,
    "interval": pl.String,
    "accuracy": pl.String,
    "zero_shot_accuracy": pl.String,
    "items": pl.Int64,
    "seeds": pl.Int64,
    "status": pl.String,
    "trained_on_these_items": pl.Boolean,
}


def _zero_shot_rows(cells: pl.DataFrame) -> list[dict[str, object]]:
    known = cells.filter(pl.col("zero_shot_accuracy").is_not_null())
    # A bin may be evaluated on different items when trained ones are among them; take the untrained first.
    known = known.sort("model", "eval_bin", "trained_on_these_items", maintain_order=True)
    rows = known.unique(["model", "eval_bin"], keep="first", maintain_order=True).iter_rows(named=True)
    return [
        {
            "model": row["model"],
            "trained_on": ZERO_SHOT,
            "evaluated_on": str(row["eval_bin"]),
            "look": "zero_shot",
            "label": percent(row["zero_shot_accuracy"]),
            "zero_shot_accuracy": percent(row["zero_shot_accuracy"], 1),
            "items": row["n"],
            "status": "done",
            "trained_on_these_items": False,
        }
        for row in rows
    ]


def mixture_label(mixture: str) -> str:
    """A mixture's name as the label of a row; never that of a bin or of zero-shot."""
    return f"mix: {mixture}"


def _gain_row(cell: dict[str, Any], trained_on: str) -> dict[str, object]:
    gain, low, high = (cell[name] for name in ("gain", "low", "high"))
    own = bool(cell["trained_on_these_items"])
    done = cell["status"] == "done"
    return {
        "model": cell["model"],
        "trained_on": trained_on,
        "evaluated_on": str(cell["eval_bin"]),
        "look": look(cell),
        "label": signed_points(gain) + ("†" if own else "") if done else "",
        "gain_points": 100 * gain if done else None,
        "gain": signed_points(gain, 1),
        "interval": interval(low, high),
        "accuracy": percent(cell["accuracy"], 1),
        "zero_shot_accuracy": percent(cell["zero_shot_accuracy"], 1),
        "items": cell["n"],
        "seeds": cell["n_seeds"],
        "status": cell["status"],
        "trained_on_these_items": own,
    }


def look(cell: dict[str, Any]) -> str:
    """How a cell is drawn: its status; a ``done`` one ``clear``, or ``unclear`` with zero in its interval."""
    if cell["status"] != "done":
        return str(cell["status"])
    low, high = cell["low"], cell["high"]
    return "clear" if low is not None and high is not None and (low > 0 or high < 0) else "unclear"


def colour_limit(table: pl.DataFrame) -> float:
    """Symmetric limit of the colour scale in points: the largest gain or loss, rounded up to the next 5."""
    largest = max(table["gain_points"].abs().drop_nulls().to_list(), default=0.0)
    return 5.0 * max(1, math.ceil(largest / 5))


def _grid(table: pl.DataFrame, limit: float) -> alt.LayerChart:
    trained_on = table["trained_on"].unique(maintain_order=True).to_list()
    bins = sorted(set(table["evaluated_on"]) | {name for name in trained_on if name.isdecimal()}, key=int)
    mixtures = [name for name in trained_on if name != ZERO_SHOT and not name.isdecimal()]
    strong = STRONG * limit
    is_clear, is_unclear = "datum.look === 'clear'", "datum.look === 'unclear'"
    cell = _Cell(bins, mixtures)
    return alt.layer(
        cell.rect("datum.look === 'zero_shot'", style="zero-shot-cell"),
        cell.rect(is_clear).encode(color=_gain_colour(limit)),
        cell.rect(is_unclear, fillOpacity=0.3).encode(color=_gain_colour(limit)),
        cell.mark("datum.trained_on_these_items").mark_rect(style="own-items", cornerRadius=3),
        cell.hatch("datum.look === 'failed'"),
        cell.mark("datum.look === 'missing'").mark_text(style="no-value", text="not run"),
        cell.label("datum.look === 'zero_shot'", "zero-shot-label"),
        cell.label(f"{is_clear} && abs(datum.gain_points) <= {strong}", "cell-label"),
        cell.label(f"{is_clear} && abs(datum.gain_points) > {strong}", "cell-label-strong"),
        cell.label(is_unclear, "cell-label-muted"),
        data=inline(table),
    ).properties(width={"step": CELL_WIDTH}, height={"step": CELL_HEIGHT})


class _Cell:
    """Marks placed in the cells of one grid."""

    def __init__(self, bins: list[str], mixtures: list[str]) -> None:
        ends = f"datum.value === '{bins[0]}' ? ['{bins[0]}', 'easiest'] : "
        ends += f"datum.value === '{bins[-1]}' ? ['{bins[-1]}', 'hardest'] : datum.value"
        scale = alt.Scale(paddingInner=0.06, paddingOuter=0)
        x_axis = alt.Axis(labelAngle=0, labelExpr=ends, labelLineHeight=14)
        self.x = alt.X("evaluated_on:O", title="evaluated on bin", sort=bins, scale=scale, axis=x_axis)
        y_axis = alt.Axis(labelExpr=ends.replace("['", "'").replace("', '", " ").replace("']", "'"))
        rows = [ZERO_SHOT, *bins, *mixtures]
        self.y = alt.Y("trained_on:O", title="trained on bin", sort=rows, scale=scale, axis=y_axis)

    def mark(self, which: str) -> alt.Chart:
        """A chart of the cells that fulfil the Vega expression ``which``, without a mark yet."""
        return alt.Chart().transform_filter(which).encode(x=self.x, y=self.y, tooltip=_TOOLTIP)

    def rect(self, which: str, **look: object) -> alt.Chart:
        """Filled cells."""
        return self.mark(which).mark_rect(cornerRadius=3, **look)

    def label(self, which: str, style: str) -> alt.Chart:
        """The text of cells."""
        return self.mark(which).mark_text(style=style).encode(text="label:N")

    def hatch(self, which: str) -> alt.Chart:
        """Hatched cells."""
        return self.mark(which).mark_point(style="hatch", shape=hatch_path(), size=CELL_WIDTH**2)


def hatch_path(spacing: float = 0.22) -> str:
    """SVG path of diagonal lines that fill a cell, in Vega's symbol units (the cell's width is 2)."""
    half = CELL_HEIGHT / CELL_WIDTH * 0.92
    lines = []
    for step in range(-20, 21):
        offset = step * spacing  # the line x + y = offset, clipped to |x| <= 0.92 and |y| <= half
        left, right = max(-0.92, offset - half), min(0.92, offset + half)
        if left < right:
            lines.append(f"M{left:.3f},{offset - left:.3f}L{right:.3f},{offset - right:.3f}")
    return "".join(lines)


def _gain_colour(limit: float) -> alt.Color:
    legend = alt.Legend(
        title="gain over zero-shot, points",
        orient="bottom",
        direction="horizontal",
        gradientLength=180,
        values=[-limit, 0, limit],
        labelExpr="datum.value === 0 ? '0' : format(datum.value, '+.0f')",
        offset=18,
    )
    scale = alt.Scale(domain=[-limit, limit], domainMid=0, range="diverging", interpolate="rgb")
    return alt.Color("gain_points:Q", scale=scale, legend=legend)


_TOOLTIP = [
    alt.Tooltip("model:N"),
    alt.Tooltip("trained_on:N", title="trained on"),
    alt.Tooltip("evaluated_on:N", title="evaluated on bin"),
    alt.Tooltip("gain:N", title="gain, points"),
    alt.Tooltip("interval:N", title="95% interval"),
    alt.Tooltip("accuracy:N"),
    alt.Tooltip("zero_shot_accuracy:N", title="zero-shot accuracy"),
    alt.Tooltip("items:Q"),
    alt.Tooltip("seeds:Q"),
    alt.Tooltip("status:N"),
]
