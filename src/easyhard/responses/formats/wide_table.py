"""A table with a respondent a row and an item a column, or the other way round, as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from easyhard.responses.columns import CORRECT_TEXT
from easyhard.responses.formats.tables import LINE, add_rows, csv_table
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.table import ROWS_AT_ONCE
from easyhard.schema import InputError
from easyhard.tabular import SCAN, read_errors
from easyhard.wording import shown

RESPONDENTS = {"respondent", "model", "model_name", "model_id", "subject", "subject_id"}  # first column, a row each
ITEMS = {"item", "item_id", "question_id", "example_id"}  # first column, if the other columns are respondents
ACROSS, CELL = "name of the column", "cell of the table"  # no column of a file is likely to be called so
LOOK = 50  # rows that tell the format; a later cell that is neither right nor wrong is noted


def matches(path: Path, head: bytes) -> bool:
    """Whether the first column is called after respondents or items, and all else is right, wrong or empty.

    A table of items with marks of 1 and 0 looks just like it, so a first column of any other name needs
    ``--format wide``.
    """
    if head.startswith((b"{", b"[")):
        return False
    try:
        with read_errors(path, "a table in CSV or Parquet"):
            first = _scan(path, head.startswith(b"PAR1")).head(LOOK).collect()
    except InputError:
        return False
    if first.is_empty() or len(first.columns) < 3 or first.columns[0].strip().lower() not in RESPONDENTS | ITEMS:
        return False
    return all(_is_right_or_wrong(column) for column in first.get_columns()[1:])


def _scan(path: Path, parquet: bool) -> pl.LazyFrame:
    if parquet:
        return SCAN["parquet"](path)
    return pl.scan_csv(path, infer_schema=False, glob=False, truncate_ragged_lines=True)


def _is_right_or_wrong(column: pl.Series) -> bool:
    if column.dtype.is_nested():
        return False
    text = column.cast(pl.String, strict=False).drop_nulls().str.strip_chars().str.to_lowercase()
    return bool(text.is_in([*CORRECT_TEXT, ""]).all())


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each respondent; names are those of the columns and of the first one's cells."""
    found = FileRead(str(path), asked.strict)
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    if parquet:
        with read_errors(path, "a table in Parquet"):
            wide = SCAN["parquet"](path).collect().with_row_index(LINE, offset=1)
    else:
        wide = csv_table(path, found)
    first, *others = [name for name in wide.columns if name != LINE]
    _refuse_names(path, others)
    across = "respondent" if first.strip().lower() in ITEMS else "item"
    down = "item" if across == "respondent" else "respondent"
    ours = {first: down, ACROSS: across, CELL: "correct", LINE: LINE}
    step = max(1, ROWS_AT_ONCE // len(others))
    for at in range(0, len(wide), step):
        with read_errors(path, "a table with a response in every cell"):
            rows = wide[at : at + step].with_columns(pl.col(others).cast(pl.String))
        cells = rows.unpivot(others, index=[first, LINE], variable_name=ACROSS, value_name=CELL)
        add_rows(found, path, cells.select(pl.col(name).alias(our) for name, our in ours.items()), asked)
    return found


def _refuse_names(path: Path, others: list[str]) -> None:
    twice = [name.removesuffix("_duplicated_0") for name in others if name.endswith("_duplicated_0")]
    if not others or twice:
        what = f"two columns called {shown(twice[0])}" if twice else "no column of responses"
        raise InputError(f"{path} has {what}. Give a table with a column of its own for each item.")
