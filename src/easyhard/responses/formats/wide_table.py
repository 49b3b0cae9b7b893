"""A table with a respondent a row and an item a column, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from easyhard.responses.formats.tables import add_rows, header
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.table import CORRECT_TEXT
from easyhard.tabular import SCAN, read_errors

NAMES = {"respondent", "model", "model_name", "model_id", "subject", "subject_id"}  # of the first column


def matches(path: Path, head: bytes) -> bool:
    """Whether the first column is called after respondents and the first rows hold nothing but right and wrong."""
    if head.startswith(b"PAR1"):
        with read_errors(path, "a table in Parquet"):
            names = SCAN["parquet"](path).collect_schema()
        return (
            len(names) > 2
            and names.names()[0] in NAMES
            and all(kind.is_integer() or kind == pl.Boolean for kind in names.dtypes()[1:])
        )
    lines = head.split(b"\n")
    names_ = header(head)
    if len(names_) < 3 or names_[0] not in NAMES or len(lines) < 2:
        return False
    cells = lines[1].decode("utf-8", "replace").strip().lower().rsplit(",", len(names_) - 1)[1:]
    return len(cells) == len(names_) - 1 and all(cell.strip() in {*CORRECT_TEXT, ""} for cell in cells)


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each row; an item's name is its column's."""
    found = FileRead(str(path), asked.strict)
    with path.open("rb") as file:
        kind = "parquet" if file.read(4) == b"PAR1" else "csv"
    with read_errors(path, "a table in CSV or Parquet"):
        wide = SCAN[kind](path).collect()
    respondent = wide.columns[0]
    long = wide.with_columns(pl.all().cast(pl.String)).unpivot(
        index=respondent, variable_name="item", value_name="correct"
    )
    add_rows(found, path, long.rename({respondent: "respondent"}), asked)
    return found
