"""What a cell of the matrix may show: its gain, its accuracy, or how many standard errors the gain is from zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import altair as alt
import polars as pl

from easyhard.report.text import percent, signed_points

Measure = Literal["gain", "accuracy", "z"]
NORMAL = 1.959964  # half of the 95% interval of a normal, in standard deviations
_Z_LEAST = 4  # the scale of z reaches so far at least, so that chance alone looks pale


@dataclass(frozen=True, slots=True)
class Look:
    """How a measure is drawn: its ``column`` and ``label`` in the heat map's table, and its colours.

    ``strong`` are the shares of the scale, from its lower to its upper end, beyond which a label needs the ink of the
    paper; ``pale`` says that colour is what an interval with zero in it takes away.
    """

    column: str
    label: str
    title: str
    axis: str  # Vega expression of a number on the legend
    colours: str
    strong: tuple[float, float]
    pale: bool


LOOKS: dict[Measure, Look] = {
    "gain": Look("gain_points", "label", "gain over zero-shot, points",
                 "datum.value === 0 ? '0' : format(datum.value, '+.0f')", "diverging", (0.2, 0.8), True),
    "accuracy": Look("accuracy_percent", "accuracy_label", "accuracy",
                     "format(datum.value, '.0f') + '%'", "heatmap", (0.0, 0.58), False),
    "z": Look("z", "z_label", "z: gain in standard errors",
              "datum.value === 0 ? '0' : format(datum.value, '+.0f')", "diverging", (0.2, 0.8), True),
}  # fmt: skip


def z_of(low: float | None, high: float | None) -> float | None:
    """A gain in standard errors, both as its 95% interval has them: the middle over half the width by 1.96.

    Beyond 1.96 either way exactly where the interval excludes zero, with few seeds too, whose interval is wider than a
    normal's. Null without an interval.
    """
    if low is None or high is None or high <= low:
        return None
    return NORMAL * (low + high) / (high - low)


def labels_of(gain: float | None, accuracy: float | None, z: float | None, mark: str) -> dict[str, str]:
    """What stands in a cell, by measure; ``mark`` goes behind each."""
    known = "" if z is None else f"{z:+.{int(abs(z) < 9.95)}f}".replace("-", "−")  # four characters at most
    return {
        "label": signed_points(gain) + mark,
        "accuracy_label": percent(accuracy) + mark,
        "z_label": (known or "–") + mark,
    }


def domain(table: pl.DataFrame, measure: Measure) -> tuple[float, float]:
    """Ends of the colour scale of all models: even about zero, or the tens around all accuracies."""
    values = table[LOOKS[measure].column].drop_nulls().to_list()
    if measure == "accuracy":
        low, high = (
            10 * f(v / 10) for f, v in ((math.floor, min(values, default=0)), (math.ceil, max(values, default=1)))
        )
        return float(low), float(max(high, low + 10))
    step, least = (5, 5) if measure == "gain" else (1, _Z_LEAST)
    limit = float(max(least, step * math.ceil(max(map(abs, values), default=0) / step)))
    return -limit, limit


def colour(measure: Measure, ends: tuple[float, float]) -> alt.Color:
    """Colour of a cell, with its legend below the map."""
    look = LOOKS[measure]
    low, high = ends
    legend = alt.Legend(
        title=look.title,
        orient="bottom",
        direction="horizontal",
        gradientLength=180,
        values=[low, (low + high) / 2, high],
        labelExpr=look.axis,
        offset=18,
    )
    middle = {"domainMid": 0} if look.pale else {}
    scale = alt.Scale(domain=[low, high], range=look.colours, interpolate="rgb", **middle)
    return alt.Color(f"{look.column}:Q", scale=scale, legend=legend)


def strong_label(measure: Measure, ends: tuple[float, float]) -> str:
    """Vega expression: whether a cell's colour is so far along the scale that its label needs the other ink."""
    look, (low, high) = LOOKS[measure], ends
    under, over = (low + share * (high - low) for share in look.strong)
    value = f"datum.{look.column}"
    return f"({value} < {under} || {value} > {over})"
