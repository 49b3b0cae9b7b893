"""A plain table of one response a row, as CSV, Parquet or JSON lines: what ``read_responses`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from easyhard.responses.formats.json_rows import first_line, json_rows
from easyhard.responses.formats.tables import LINE, add_rows, csv_columns, header
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.table import COLUMNS, tables_of
from easyhard.schema import InputError
from easyhard.tabular import BYTE_ORDER_MARK, scan_parquet


class _Row(msgspec.Struct):
    respondent: str | int
    item: str | int
    correct: Any = None


def matches(path: Path, head: bytes) -> bool:
    """Whether the table has the columns ``respondent, item, correct``."""
    if head.startswith(b"PAR1"):
        try:
            return bool(scan_parquet(path, COLUMNS).collect_schema().names())
        except InputError:
            return False
    line = first_line(head)
    if line.startswith(b"["):  # one array, whose first object may begin on a later line
        return all(f'"{name}"'.encode() in head for name in COLUMNS)
    if line.startswith(b"{"):
        return all(f'"{name}"'.encode() in line for name in COLUMNS)
    return set(COLUMNS) <= set(header(head))


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each respondent."""
    found = FileRead(str(path), asked.strict)
    with path.open("rb") as file:
        head = file.read(4096)
    first = head.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if head.startswith(b"PAR1") or first == b"[":
        for table, _ in tables_of(path, None):
            add_rows(found, path, table, asked)
    elif first == b"{":
        add_rows(found, path, _lines(path, found), asked)
    else:
        add_rows(found, path, csv_columns(path, {name: name for name in COLUMNS}, found), asked)
    return found


def _lines(path: Path, found: FileRead) -> pl.DataFrame:
    """The lines of JSON that can be read, as text."""
    rows = [
        (str(row.respondent), str(row.item), row.correct if isinstance(row.correct, str) else _json(row.correct), line)
        for line, row in json_rows(path, _Row, found)
    ]
    found.rows -= len(rows)  # add_rows counts these
    return pl.DataFrame(rows, schema={**dict.fromkeys(COLUMNS, pl.String), LINE: pl.Int64}, orient="row")


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
