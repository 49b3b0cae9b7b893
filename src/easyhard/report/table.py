"""Tables as text: every value worded once, ready for a page."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from easyhard.report.text import plain


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column. A ``numeric`` one (numbers and dashes) is set flush right, ``words`` may wrap."""

    heading: str
    numeric: bool = False
    words: bool = False


@dataclass(frozen=True, slots=True)
class TextTable:
    """Worded cells, ``rows[row][column]``; ``omitted`` counts the rows left out at the end."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    omitted: int = 0


def text_table(table: pl.DataFrame, headings: dict[str, str], most: int = 1000) -> TextTable:
    """The columns named in ``headings``, in that order, worded: at most ``most`` rows of them.

    Fractions get two decimals and a real minus sign, null a dash, foreign text no control characters.
    """
    rows = tuple(tuple(map(_worded, row)) for row in table.select(*headings).head(most).iter_rows())
    columns = tuple(
        Column(heading, all(_NUMBER.fullmatch(row[place]) for row in rows), words=name == "question")
        for place, (name, heading) in enumerate(headings.items())
    )
    return TextTable(columns, rows, max(len(table) - most, 0))


_NUMBER = re.compile(r"–|[+−]?\d[\d.,]*%?")


def _worded(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}".replace("-", "−").replace("nan", "–")
    return plain(str(value))
