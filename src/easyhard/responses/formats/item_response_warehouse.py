"""CSV of the Item Response Warehouse: a response a row, columns ``id, item, resp``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from easyhard.responses.formats.tables import add_rows, csv_columns, header
from easyhard.responses.log import Asked, FileRead

COLUMNS = {"respondent": "id", "item": "item", "correct": "resp"}


def matches(path: Path, head: bytes) -> bool:
    """Whether a CSV file has the columns ``id, item, resp``."""
    return not head.startswith((b"PAR1", b"{", b"[")) and set(COLUMNS.values()) <= set(header(head))


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each respondent; a respondent's later responses to an item are further trials.

    Earlier and later is by ``wave`` and the columns ``trial_*``, as numbers, and else by row.
    """
    found = FileRead(str(path), asked.strict)
    table = csv_columns(path, COLUMNS, found)
    order = [name for name in table.columns if name == "wave" or name.startswith("trial_")]
    if order:
        table = table.sort(*(pl.col(name).cast(pl.Float64, strict=False) for name in order), maintain_order=True)
    trial = table.select(pl.int_range(pl.len()).over("respondent", "item")).to_series().to_list()
    add_rows(found, path, table, asked, trial)
    return found
