"""The columns of a table of responses: names as numbers, and answers as 1, 0 or missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.schema import MISSING, InputError, IntArray
from easyhard.tabular import as_text, refuse_other_than_text
from easyhard.wording import counted, shown

Codes = npt.NDArray[np.unsignedinteger]  # as few bytes as the names need

CORRECT_TEXT = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}


def coded(column: pl.Series, path: Path, before: int) -> tuple[Codes, list[str]]:
    """For every row its place in the sorted names, and these. InputError for a row without a name."""
    names = names_in(column, path, before).sort()
    known = pl.Enum(names)
    if isinstance(column.dtype, pl.Enum):  # its categories are known, so that no row needs its text
        place = column.dtype.categories.cast(known, strict=False).to_physical().fill_null(0).to_numpy()
        codes = place[column.to_physical().to_numpy()]
    else:
        text = column if column.dtype == pl.Categorical else column.cast(pl.String)
        codes = text.cast(known).to_physical().to_numpy()
    return codes.astype(np.min_scalar_type(len(names))), names.to_list()


def names_in(column: pl.Series, path: Path | str, rows_before: int = 0) -> pl.Series:
    """The names in ``column``, each once and as text. InputError for a row without one.

    ``rows_before`` is the number of rows of ``path`` that come before the column's.
    """
    refuse_other_than_text(column.dtype, column.name, path)
    names = column.unique().cast(pl.String)
    if names.has_nulls() or (names.str.strip_chars() == "").any():
        empty = (column.cast(pl.String).fill_null("").str.strip_chars() == "").arg_true()
        raise InputError(
            f"{counted(len(empty), 'row')} of {path} without a name for the {column.name} "
            f"(first: row {rows_before + empty[0] + 1}). Name each one, or remove these rows."
        )
    return names


def correct_codes(column: pl.Series, path: Path | str, rows_before: int = 0) -> IntArray:
    """``column`` as 1, 0 or MISSING. Raises InputError for any other value; ``rows_before`` as in ``names_in``."""
    if column.dtype.is_numeric():
        empty = column.is_null()
        codes = pl.select(pl.when(column == 1).then(1).when(column == 0).then(0)).to_series()
    else:
        text = column.cast(pl.String) if column.dtype == pl.Boolean else as_text(column, path)
        text = text.str.strip_chars().str.to_lowercase()
        empty = text.is_null() | (text == "")
        codes = text.replace_strict(CORRECT_TEXT, default=None, return_dtype=pl.Int8)
    bad = (codes.is_null() & ~empty).arg_true()
    if len(bad):
        raise InputError(
            f"{counted(len(bad), 'cell')} of 'correct' in {path} neither right nor wrong "
            f"(first: {shown(column[bad[0]])} in row {rows_before + bad[0] + 1}). "
            "Write 1 or true for correct, 0 or false for wrong, and leave the cell empty for no response; "
            "of graded scores, easyhard ingest makes responses with --threshold or --graded."
        )
    return codes.cast(pl.Int8).fill_null(MISSING).to_numpy()
