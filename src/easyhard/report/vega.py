"""Small steps between a Polars table, an Altair chart and a page."""

from __future__ import annotations

import json
from functools import cache

import altair as alt
import polars as pl
import polars.selectors as cs
import vl_convert


def inline(table: pl.DataFrame) -> alt.InlineData:
    """The rows of ``table`` as chart data, whatever their number.

    Fractions keep 3 decimals, more than a screen shows; NaN and infinities, which JSON lacks, become null.
    The rows are one JSON text: as lists and dicts, Altair would check and copy every number several times.
    """
    numbers = cs.float()
    short = table.with_columns(pl.when(numbers.is_finite()).then(numbers.round(3)))
    rows = json.dumps(short.to_dicts(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return alt.InlineData(values=rows, format=alt.DataFormat(type="json"))


def compact(chart: alt.TopLevelMixin) -> dict[str, object]:
    """The specification of ``chart`` with its data as columns and rows, so that no row repeats their names.

    A text column of many rows and few values holds places in ``words[column]``. The page's script makes Vega's form of
    it again; a third of the bytes of a table of items.
    """
    spec: dict[str, object] = chart.to_dict()
    tables = {}
    for name, text in dict(spec.get("datasets", {})).items():  # type: ignore[call-overload]
        rows = json.loads(text) if isinstance(text, str) else text
        columns = list(rows[0]) if rows else []
        words = {column: found for column in columns if (found := _few_words([row.get(column) for row in rows]))}
        code = {column: {word: place for place, word in enumerate(found)} for column, found in words.items()}
        shown = [
            [code[column][row.get(column)] if column in code else row.get(column) for column in columns] for row in rows
        ]
        tables[name] = {"columns": columns, "rows": shown, "words": words}
    return {**spec, "datasets": tables}


def _few_words(values: list[object]) -> list[str | None]:
    """The distinct values of a text column, null among them, if each is there twenty times on average; else none."""
    distinct = list(dict.fromkeys(values))
    if 20 * len(distinct) > len(values) or not any(isinstance(value, str) for value in distinct):
        return []
    return [value for value in distinct if value is None or isinstance(value, str)]


def spread(group: str) -> pl.Expr:
    """Where in (-0.5, 0.5) to put each row of a group aside, so that rows of one value can be told apart.

    Steps of the golden ratio: even at any number of rows, and the same on every call.
    """
    return ((pl.int_range(pl.len()) * 0.6180339887) % 1 - 0.5).over(group)


def embedded_json(value: object) -> str:
    """``value`` as JSON that may stand inside a script element: no ``<``, ``>`` or ``&`` is left in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@cache
def vega_script() -> str:
    """The script that draws Vega-Lite charts, as one text; it defines the function ``vegaEmbed``."""
    script = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    # A parser turns either into another character, and the page's hash of the script would no longer fit.
    return script.replace("\r\n", "\n").replace("\x00", "\\0")
