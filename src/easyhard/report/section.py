"""Parts that a page is made of: drawings with their words, and the table behind them."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
from markupsafe import Markup

from easyhard.report.table import TextTable
from easyhard.report.vega import compact, embedded_json


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart: its Vega-Lite ``spec``, with data as ``vega.compact`` has them, and ``alt`` in words.

    A ``fluid`` one narrows to fit. One of panels, ``panel`` pixels wide each, has as many in a row as fit. One of
    ``cells`` in so many columns has smaller ones where a panel does not fit. A ``choice`` is what the switch of its
    section calls it, and ``note`` how to read that one.
    """

    spec: dict[str, object]
    alt: str
    fluid: bool = False
    panel: int = 0
    cells: int = 0
    choice: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what its drawings show (``note``), how to read them (``legend``, lines), their table.

    With a ``switch``, the question that the choices answer, one drawing is seen at a time; paper gets the first.
    """

    name: str
    heading: str
    note: str
    legend: str
    drawings: tuple[Drawing, ...]
    table: TextTable
    table_title: str = "The same as a table"
    switch: str = ""


def drawing(
    chart: alt.TopLevelMixin,
    words: str,
    *,
    fluid: bool = False,
    panel: int = 0,
    cells: int = 0,
    choice: str = "",
    note: str = "",
) -> Drawing:
    """A chart ready for the page; ``words`` are for those who cannot see it."""
    return Drawing(compact(chart), words, fluid, panel, cells, choice, note)


class SpecWriter:
    """Writes the specifications of a page's drawings, one after another; data given before are null in later ones."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def __call__(self, spec: dict[str, object]) -> Markup:
        """``spec`` as JSON that may stand inside a script element."""
        tables: dict[str, object] = dict(spec["datasets"])  # type: ignore[call-overload]
        fresh = {name: None if name in self._given else table for name, table in tables.items()}
        self._given.update(tables)
        return Markup(embedded_json({**spec, "datasets": fresh}))
