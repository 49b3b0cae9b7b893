"""Runs from tables of one response a row, which several formats are."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, correct_of, refuse_graded
from easyhard.schema import MISSING, InputError
from easyhard.tabular import BYTE_ORDER_MARK, SCAN, as_text, read_errors
from easyhard.wording import shown, shown_all

LINE = "line of the file"  # a column of ours: where a row stands


def header(head: bytes) -> list[str]:
    """The names in the first line of a CSV file."""
    line = head.removeprefix(BYTE_ORDER_MARK).split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def csv_columns(path: Path, columns: Mapping[str, str], found: FileRead) -> pl.DataFrame:
    """``csv_table`` with ``columns``, ours to theirs, under our names; the others as they are."""
    table = csv_table(path, found)
    absent = [theirs for theirs in columns.values() if theirs not in table.columns]
    if absent:
        raise InputError(f"{path} has no column {shown_all(absent)}; it has {shown_all(table.columns)}. Rename one.")
    return table.rename({theirs: ours for ours, theirs in columns.items()})


def csv_table(path: Path, found: FileRead) -> pl.DataFrame:
    """All cells as text, and where each row begins, in the column ``LINE``. Rows with too many cells are noted."""
    try:
        names, line = _header_of(path)
        with read_errors(path, "a table in CSV"):
            table = SCAN["csv"](path).collect()
            if len(names) == len(table.columns) and len(set(names)) == len(names):
                table.columns = names  # Polars leaves a quotation mark in a header doubled
            table = table.with_row_index(LINE, offset=line)
            return table.filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))  # a blank line is no row
    except InputError:  # one row is enough for that; the others are wanted
        return _row_by_row(path, found)


def _header_of(path: Path) -> tuple[list[str], int]:
    """The names in the header, and the line that follows it."""
    rows = _rows(path, FileRead(str(path)))
    _, names = next(rows, (0, []))
    line, _ = next(rows, (2, []))
    return names, line


def _row_by_row(path: Path, found: FileRead) -> pl.DataFrame:
    rows = _rows(path, found)
    _, names = next(rows, (0, []))
    if not names or len(set(names)) < len(names):
        raise InputError(f"{path} has no header with a name for each column: {shown_all(names)}. Write one.")
    kept: list[tuple[str | int | None, ...]] = []
    for line, cells in rows:
        if len(cells) == len(names):
            kept.append((*(cell or None for cell in cells), line))
        else:
            found.rows += 1
            found.broke(line, f"{len(cells)} cells where the header has {len(names)}")
    kinds: dict[str, Any] = dict.fromkeys(names, pl.String) | {LINE: pl.Int64}
    return pl.DataFrame(kept, schema=kinds, orient="row")


def _rows(path: Path, found: FileRead) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of every row that is text."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
                "".join(cells).encode()
            except StopIteration:
                return
            except (csv.Error, UnicodeEncodeError) as error:
                found.rows += 1
                found.broke(line, f"cannot be read: {shown(str(error), 120)}")
                continue
            if cells:
                yield line, cells


def add_rows(
    found: FileRead, path: Path, table: pl.DataFrame, asked: Asked, trial: Sequence[int] | None = None
) -> None:
    """Add one run for each respondent of ``table`` (``respondent, item, correct``), its item names as they are.

    Rows that name no respondent or item, or whose response is no score, are noted at their ``LINE``; a table
    without that column has its rows counted from 1. InputError for graded responses without a threshold.
    """
    found.rows += len(table)
    line = table[LINE] if LINE in table.columns else pl.int_range(1, len(table) + 1, eager=True)
    respondent, item = (as_text(table[name], path) for name in ("respondent", "item"))
    codes, findings = _codes(table["correct"], asked, path)
    named = ~((respondent.fill_null("").str.strip_chars() == "") | (item.fill_null("").str.strip_chars() == ""))
    good = named.to_numpy() & np.array([not finding for finding in findings[1]], dtype=bool)[findings[0]]
    for row in np.flatnonzero(~good):
        finding = findings[1][findings[0][row]]
        found.broke(int(line[int(row)]), finding or "no name for the respondent or the item")
    rows = np.flatnonzero(good)
    kept = respondent[rows], item[rows]
    _add_runs(found, path, kept, codes[rows], None if trial is None else np.asarray(trial)[rows])


def _codes(
    column: pl.Series, asked: Asked, path: Path
) -> tuple[npt.NDArray[np.int8], tuple[npt.NDArray[np.intp], list[str]]]:
    """Codes of the responses; and for each a place in the findings, "" where there is nothing to say."""
    with read_errors(path, "a table with a score in a cell"):
        text = (column.fill_nan(None) if column.dtype.is_float() else column).cast(pl.String).fill_null("")
    different = text.unique()
    codes, findings = np.full(len(different), MISSING, dtype=np.int8), [""] * len(different)
    for place, value in enumerate(different.to_list()):
        try:
            codes[place] = correct_of(value.strip(), asked.threshold)
        except NotDichotomous as problem:
            refuse_graded(value, asked, path)
            findings[place] = str(problem)
    where = text.cast(pl.Enum(different)).to_physical().to_numpy().astype(np.intp)
    return codes[where], (where, findings)


def _add_runs(
    found: FileRead,
    path: Path,
    names: tuple[pl.Series, pl.Series],
    codes: npt.NDArray[np.int8],
    trial: npt.NDArray[Any] | None,
) -> None:
    respondents = names[0].unique(maintain_order=True)
    of_row = names[0].cast(pl.Enum(respondents)).to_physical().to_numpy()
    order = np.argsort(of_row, kind="stable")
    items = np.array(names[1].to_list(), dtype=object)[order]
    starts = np.searchsorted(of_row[order], np.arange(len(respondents) + 1))
    last: list[str] = []
    for name, start, end in zip(respondents.to_list(), starts, starts[1:], strict=False):
        here = items[start:end].tolist()
        last = last if here == last else here  # respondents mostly have the same items: keep their names once
        trials = [0] * len(last) if trial is None else trial[order[start:end]].tolist()
        found.runs.append(Run(name, path.name, "", found.file, "correct", last, last, trials, codes[order[start:end]]))
