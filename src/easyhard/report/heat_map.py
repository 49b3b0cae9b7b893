"""The generalization heat map: what training on each bin did to each bin."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from easyhard.report.measure import LOOKS, Measure, colour, domain, labels_of, strong_label, z_of
from easyhard.report.text import interval, percent, plain, signed_points
from easyhard.report.vega import inline
from easyhard.schema import GeneralizationMatrix

ZERO_SHOT = "zero-shot"  # label of the first row
CELL_WIDTH, CELL_HEIGHT = 64, 46  # pixels; ten bins fit the column of a page


def heat_map_table(matrix: GeneralizationMatrix) -> pl.DataFrame:
    """The cells of the heat map, one row each: of every model the zero-shot row, then gains by bin, then by mixture.

    Columns: ``model``; ``trained_on`` (``"zero-shot"``, a bin as text, or the name of a mixture);
    ``evaluated_on`` (a bin as text);
    ``look`` (``zero_shot``, ``clear``, ``unclear`` when the interval includes zero, ``failed``, ``missing``);
    ``label``, ``accuracy_label``, ``z_label`` as printed in the cell; ``gain_points`` in percentage points,
    ``accuracy_percent`` and ``z`` (see ``measure.z_of``), null unless measured; ``gain`` and ``interval`` in words;
    ``accuracy`` and ``zero_shot_accuracy`` in words; ``items``; ``seeds``; ``status``; ``trained_on_these_items``.
    """
    cells = matrix.cells.sort("model", "train_bin", "eval_bin")
    rows = [_gain_row(cell, str(cell["train_bin"])) for cell in cells.iter_rows(named=True)]
    rows += [_gain_row(cell, mixture_label(cell["mixture"])) for cell in matrix.mixture_cells.iter_rows(named=True)]
    table = pl.DataFrame([*_zero_shot_rows(matrix.cells), *rows], schema=_COLUMNS, orient="row")
    return table.sort("model", maintain_order=True)


def heat_map(matrix: GeneralizationMatrix, columns: int = 2, measure: Measure = "gain") -> alt.TopLevelMixin:
    """Heat map of the matrix: rows trained on, columns evaluated on, bin 0 the easiest.

    Colour is the gain in percentage points, or z, on a scale symmetric about zero; or the accuracy. A cell whose
    interval includes zero is pale, a failed one hatched, a missing one says so. The first row is zero-shot accuracy.
    Several models, on one scale, stand in ``columns`` columns.
    """
    table = heat_map_table(matrix)
    ends = domain(table, measure)
    models = table.partition_by("model", maintain_order=True)
    if len(models) == 1:
        return _grid(table, measure, ends)
    titled = [_grid(one, measure, ends).properties(title=plain(one["model"][0], 60)) for one in models]
    return alt.concat(*titled, columns=columns)


_COLUMNS = {
    "model": pl.String,
    "trained_on": pl.String,
    "evaluated_on": pl.String,
    "look": pl.String,
    "label": pl.String,
    "accuracy_label": pl.String,
    "z_label": pl.String,
    "gain_points": pl.Float64,
    "accuracy_percent": pl.Float64,
    "z": pl.Float64,
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
            **dict.fromkeys((look.label for look in LOOKS.values()), percent(row["zero_shot_accuracy"])),
            "accuracy_percent": 100 * row["zero_shot_accuracy"],
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
    z = z_of(low, high) if done else None
    labels = (
        labels_of(gain, cell["accuracy"], z, "†" if own else "")
        if done
        else dict.fromkeys((look.label for look in LOOKS.values()), "")
    )
    return {
        "model": cell["model"],
        "trained_on": trained_on,
        "evaluated_on": str(cell["eval_bin"]),
        "look": look(cell),
        **labels,
        "gain_points": 100 * gain if done else None,
        "accuracy_percent": 100 * cell["accuracy"] if done else None,
        "z": z,
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


def _grid(table: pl.DataFrame, measure: Measure, ends: tuple[float, float]) -> alt.LayerChart:
    trained_on = table["trained_on"].unique(maintain_order=True).to_list()
    bins = sorted(set(table["evaluated_on"]) | {name for name in trained_on if name.isdecimal()}, key=int)
    mixtures = [name for name in trained_on if name != ZERO_SHOT and not name.isdecimal()]
    cell = _Cell(bins, mixtures)
    return alt.layer(
        *cell.colours(measure, ends),
        cell.mark("datum.trained_on_these_items").mark_rect(style="own-items", cornerRadius=3),
        cell.hatch("datum.look === 'failed'"),
        cell.mark("datum.look === 'missing'").mark_text(style="no-value", text="not run"),
        *cell.labels(measure, ends),
        data=inline(table),
    ).properties(width={"step": CELL_WIDTH}, height={"step": CELL_HEIGHT})


_ZERO_SHOT, _CLEAR, _UNCLEAR = (f"datum.look === '{look}'" for look in ("zero_shot", "clear", "unclear"))


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

    def colours(self, measure: Measure, ends: tuple[float, float]) -> list[alt.Chart]:
        """Filled cells: pale where colour speaks of a gain that may be none."""
        filled = colour(measure, ends)
        if not LOOKS[measure].pale:
            return [self._rect(f"{_ZERO_SHOT} || {_CLEAR} || {_UNCLEAR}").encode(color=filled)]
        return [
            self._rect(_ZERO_SHOT, style="zero-shot-cell"),
            self._rect(_CLEAR).encode(color=filled),
            self._rect(_UNCLEAR, fillOpacity=0.3).encode(color=filled),
        ]

    def labels(self, measure: Measure, ends: tuple[float, float]) -> list[alt.Chart]:
        """The text of cells, in an ink that stands out from their colour."""
        strong, column = strong_label(measure, ends), LOOKS[measure].label
        marks = [
            (_ZERO_SHOT, "zero-shot-label"),
            (f"{_CLEAR} && !{strong}", "cell-label"),
            (f"{_CLEAR} && {strong}", "cell-label-strong"),
            (_UNCLEAR, "cell-label-muted"),
        ]
        if not LOOKS[measure].pale:
            marks = [*marks[1:3], (f"!({_CLEAR}) && !{strong}", "cell-label-light")]
            marks.append((f"!({_CLEAR}) && {strong}", "cell-label-light-strong"))
        return [self.mark(which).mark_text(style=style).encode(text=f"{column}:N") for which, style in marks]

    def _rect(self, which: str, **look: object) -> alt.Chart:
        return self.mark(which).mark_rect(cornerRadius=3, **look)

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


_TOOLTIP = [
    alt.Tooltip("model:N"),
    alt.Tooltip("trained_on:N", title="trained on"),
    alt.Tooltip("evaluated_on:N", title="evaluated on bin"),
    alt.Tooltip("gain:N", title="gain, points"),
    alt.Tooltip("interval:N", title="95% interval"),
    alt.Tooltip("z:Q", format="+.1f"),
    alt.Tooltip("accuracy:N"),
    alt.Tooltip("zero_shot_accuracy:N", title="zero-shot accuracy"),
    alt.Tooltip("items:Q"),
    alt.Tooltip("seeds:Q"),
    alt.Tooltip("status:N"),
]
