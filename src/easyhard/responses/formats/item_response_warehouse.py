"""CSV of the Item Response Warehouse: a response a row, columns ``id, item, resp``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from easyhard.responses.formats.tables import add_rows, header
from easyhard.responses.log import Asked, FileRead
from easyhard.tabular import read_table

COLUMNS = {"respondent": "id", "item": "item", "correct": "resp"}
ORDER = ("wave", "trial_number")  # columns that tell repeated responses apart


def matches(path: Path, head: bytes) -> bool:
    """Whether a CSV file has the columns ``id, item, resp``."""
    return not head.startswith((b"PAR1", b"{", b"[")) and {"id", "item", "resp"} <= set(header(head))


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each respondent; a respondent's later responses to an item are further trials."""
    found = FileRead(str(path), asked.strict)
    table, _ = read_table(path, ("respondent", "item", "correct"), columns=COLUMNS, optional=ORDER)
    given = [name for name in ORDER if name in table.columns]
    order = pl.struct(given).rank("ordinal") if given else pl.int_range(1, pl.len() + 1)
    trial = table.select((order.over("respondent", "item") - 1).cast(pl.Int64)).to_series().to_list()
    add_rows(found, path, table, asked, trial)
    return found
