"""A plain table of one response a row, as CSV, Parquet or JSON lines: what ``read_responses`` reads."""

from __future__ import annotations

from pathlib import Path

from easyhard.responses.formats.json_rows import first_line
from easyhard.responses.formats.tables import add_rows, header
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.table import COLUMNS
from easyhard.schema import InputError
from easyhard.tabular import read_table, scan_parquet


def matches(path: Path, head: bytes) -> bool:
    """Whether the table has the columns ``respondent, item, correct``."""
    if head.startswith(b"PAR1"):
        try:
            return bool(scan_parquet(path, COLUMNS).collect_schema().names())
        except InputError:
            return False
    line = first_line(head)
    if line.startswith((b"{", b"[")):
        return all(f'"{name}"'.encode() in line for name in COLUMNS)
    return set(COLUMNS) <= set(header(head))


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each respondent."""
    found = FileRead(str(path), asked.strict)
    table, _ = read_table(path, COLUMNS)
    add_rows(found, path, table, asked)
    return found
