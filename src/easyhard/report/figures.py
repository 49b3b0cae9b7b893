"""Every figure of a report as a picture, and the data it draws as a table: read from the page itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import polars as pl
import vl_convert

from easyhard.atomic import write_bytes, write_parquet
from easyhard.report.text import plain
from easyhard.report.theme import PALETTES, Scheme, config
from easyhard.schema import InputError

FigureFormat = Literal["png", "svg", "parquet", "csv"]
FORMATS: tuple[FigureFormat, ...] = ("png", "svg", "parquet", "csv")
_SCALE = 2.0  # pixels per point of a PNG: sharp on paper and on dense screens


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report: its Vega-Lite specification with its data, and the same in words."""

    name: str  # as its files are called: the part of the report, numbered where that has several
    spec: dict[str, Any]
    words: str

    def data(self) -> dict[str, pl.DataFrame]:
        """The tables that the figure draws by the names of their files, the longest first."""
        tables = sorted((rows for rows in self.spec["datasets"].values() if rows and rows[0]), key=len, reverse=True)
        names = [self.name if not place else f"{self.name}-data-{place + 1}" for place in range(len(tables))]
        return {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in zip(names, tables, strict=True)}


def figures_of(page: str) -> list[Figure]:
    """All figures of a report's HTML, in their order. Raises InputError if the page holds none."""
    reader = _Reader()
    reader.feed(page)
    if not reader.drawings:
        raise InputError("this page holds no figure. Give a study whose report easyhard report has written.")
    tables: dict[str, Any] = {}  # of all figures: one whose data are null draws those of a figure before
    found = []
    for place, drawing in enumerate(reader.drawings):
        spec = json.loads(drawing.spec)
        tables |= {name: _rows(table) for name, table in spec.get("datasets", {}).items() if table is not None}
        datasets = {name: tables[name] for name in spec.get("datasets", {})}
        same = [other for other in reader.drawings if other.section == drawing.section]
        number = sum(other.section == drawing.section for other in reader.drawings[: place + 1])
        name = drawing.section if len(same) == 1 else f"{drawing.section}-{number}"
        found.append(Figure(name, {**spec, "datasets": datasets}, drawing.words))
    return found


def write_figures(
    folder: Path, found: Sequence[Figure], formats: Sequence[FigureFormat] = FORMATS, scheme: Scheme = "light"
) -> list[Path]:
    """Write each figure in each of ``formats``, and ``README.md``, which says in words what each shows."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for figure in found:
        for form in dict.fromkeys(formats):
            if form in ("parquet", "csv"):
                written += [_table(table, folder / f"{name}.{form}") for name, table in figure.data().items()]
            else:
                written.append(_picture(figure, folder / f"{figure.name}.{form}", scheme))
    listed = "\n".join(f"- **{figure.name}**: {plain(figure.words, 2000)}" for figure in found)
    write_bytes(f"# Figures\n\n{listed}\n".encode(), folder / "README.md")
    return [*written, folder / "README.md"]


@dataclass(slots=True)
class _Drawing:
    section: str
    words: str
    spec: str = ""


@dataclass
class _Reader(HTMLParser):
    """Finds the specifications of a page's figures."""

    drawings: list[_Drawing] = field(default_factory=list)
    section: str = "figure"
    inside: _Drawing | None = None
    reading: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.section = "".join(c for c in given.get("id") or "" if c.isalnum() or c in "-_") or "figure"
        elif tag == "figure" and "drawing" in (given.get("class") or "").split():
            self.inside = _Drawing(self.section, given.get("aria-label") or "")
        elif tag == "script" and self.inside:
            self.reading = True

    def handle_data(self, data: str) -> None:
        if self.reading and self.inside:
            self.inside.spec += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self.reading and self.inside:
            self.drawings.append(self.inside)
            self.reading = False
        elif tag == "figure":
            self.inside = None


def _rows(table: Any) -> list[dict[str, Any]]:
    """A table of the page, columns and rows with words that rows give by their places, as Vega-Lite has it."""
    columns, words = table["columns"], table.get("words", {})
    return [
        {column: words[column][value] if column in words else value for column, value in zip(columns, row, strict=True)}
        for row in table["rows"]
    ]


def _table(table: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        write_parquet(table, path)
    else:
        write_bytes(table.write_csv().encode(), path)
    return path


def _picture(figure: Figure, path: Path, scheme: Scheme) -> Path:
    look = {**config(scheme), "background": PALETTES[scheme].paper, "padding": 24}
    nowhere: list[str] = []  # a page is not trusted: its figures may fetch nothing
    try:
        if path.suffix == ".svg":
            data = vl_convert.vegalite_to_svg(figure.spec, config=look, allowed_base_urls=nowhere).encode()
        else:
            data = vl_convert.vegalite_to_png(figure.spec, config=look, scale=_SCALE, allowed_base_urls=nowhere)
    except ValueError as error:
        said = plain(str(error))
        raise InputError(f"{figure.name} cannot be drawn: {said}. Write the report anew, and try again.") from error
    write_bytes(data, path)
    return path
