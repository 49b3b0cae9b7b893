"""Responses as a plain long table: one row per response, columns ``respondent, item, correct``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.atomic import write_parquet
from easyhard.responses.audit import Audit, audit_responses
from easyhard.schema import MISSING, InputError, IntArray, Responses
from easyhard.tabular import as_text, read_table, refuse_other_than_text
from easyhard.wording import counted, shown

PathLike = str | os.PathLike[str]

COLUMNS = ("respondent", "item", "correct")
CORRECT_TEXT = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}


@dataclass(frozen=True, slots=True)
class _Part:
    """One file. ``respondent`` and ``item`` hold, for every row, a place in the names of that axis."""

    path: Path
    respondents: list[str]
    items: list[str]
    respondent: npt.NDArray[np.intp]
    item: npt.NDArray[np.intp]
    correct: IntArray  # [rows]: 1, 0 or MISSING
    ignored: tuple[str, ...]


def read_responses(path: PathLike | Sequence[PathLike], columns: Mapping[str, str] | None = None) -> Responses:
    """Responses from one or more CSV, Parquet or JSON lines files in long form.

    ``correct`` may be 1/0, 1.0/0.0 or true/false; an empty cell is a missing response. ``columns`` says what
    the files call our columns: ``{"respondent": "model"}``. Other columns are ignored. Respondents and items
    come sorted by name, so the order of rows and files changes nothing. Raises InputError for anything else.
    """
    return read_responses_audited(path, columns)[0]


def read_responses_audited(
    path: PathLike | Sequence[PathLike], columns: Mapping[str, str] | None = None
) -> tuple[Responses, Audit]:
    """``read_responses``, and an account of what was read, ignored and found odd."""
    paths = [Path(path)] if isinstance(path, str | os.PathLike) else [Path(one) for one in path]
    if not paths:
        raise InputError("no file of responses was given. Name at least one.")
    parts = [_read_part(one, columns) for one in paths]
    everything = _dense(parts)
    observed = everything.correct != MISSING
    kept, asked = observed.any(axis=1), observed.any(axis=0)
    responses = Responses(
        everything.correct[kept][:, asked],
        _where(everything.respondents, kept),
        _where(everything.items, asked),
    )
    rows = sum(len(part.correct) for part in parts)
    audit = audit_responses(
        responses,
        files=tuple(str(one) for one in paths),
        rows=rows,
        empty_rows=rows - int(np.count_nonzero(observed)),
        items_without_response=_where(everything.items, ~asked),
        respondents_without_response=_where(everything.respondents, ~kept),
        ignored_columns=tuple(dict.fromkeys(name for part in parts for name in part.ignored)),
    )
    return responses, audit


def write_responses(responses: Responses, path: PathLike) -> None:
    """Write Parquet in long form, which ``read_responses`` reads.

    Only observed responses have a row: a respondent or item without any does not come back.
    """
    write_parquet(responses.frame(), path)


def _read_part(path: Path, columns: Mapping[str, str] | None) -> _Part:
    table, ignored = read_table(path, COLUMNS, columns=columns)
    respondent, respondents = _coded(table["respondent"], path)
    item, items = _coded(table["item"], path)
    return _Part(path, respondents, items, respondent, item, correct_codes(table["correct"], path), ignored)


def _coded(column: pl.Series, path: Path) -> tuple[npt.NDArray[np.intp], list[str]]:
    """For every row its place in the sorted names, and these. InputError for a row without a name."""
    names = names_in(column, path).sort()
    text = column if column.dtype == pl.Categorical else column.cast(pl.String)
    return text.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.intp), names.to_list()


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
            "a graded score needs a threshold first."
        )
    return codes.cast(pl.Int8).fill_null(MISSING).to_numpy()


def _dense(parts: Sequence[_Part]) -> Responses:
    """All rows as one array with sorted names. InputError if a pair has two responses, or none has one."""
    respondents = sorted({name for part in parts for name in part.respondents})
    items = sorted({name for part in parts for name in part.items})
    correct: IntArray = np.full((len(respondents), len(items)), MISSING, dtype=np.int8)
    n_observed = 0
    for part in parts:
        answered = part.correct != MISSING
        rows = _places(part.respondents, respondents)[part.respondent[answered]]
        columns = _places(part.items, items)[part.item[answered]]
        correct[rows, columns] = part.correct[answered]
        n_observed += len(rows)
    if not n_observed:
        n_rows = sum(len(part.correct) for part in parts)
        raise InputError(
            f"no response in {counted(n_rows, 'row')} of {', '.join(str(part.path) for part in parts)}: "
            "every cell of 'correct' is empty. Write 1 for correct and 0 for wrong."
        )
    if np.count_nonzero(correct != MISSING) < n_observed:
        _refuse_repeats(parts)
    return Responses(correct, tuple(respondents), tuple(items))


def _places(names: Sequence[str], among: Sequence[str]) -> npt.NDArray[np.intp]:
    """Index of each of ``names`` in ``among``."""
    place = {name: index for index, name in enumerate(among)}
    return np.array([place[name] for name in names], dtype=np.intp)


def _refuse_repeats(parts: Sequence[_Part]) -> None:
    """Raise the InputError for (respondent, item) pairs that have more than one response."""
    rows = pl.concat(
        pl.DataFrame(
            {
                "respondent": pl.Series(part.respondents, dtype=pl.String).gather(part.respondent),
                "item": pl.Series(part.items, dtype=pl.String).gather(part.item),
                "correct": part.correct,
                "place": [f"row {row} of {part.path}" for row in range(1, len(part.correct) + 1)],
            }
        )
        for part in parts
    ).filter(pl.col("correct") != MISSING)
    pairs = rows.group_by("respondent", "item", maintain_order=True).agg(
        pl.col("place"), contradictory=pl.col("correct").n_unique() > 1
    )
    repeated = pairs.filter(pl.col("place").list.len() > 1)
    first = repeated.row(0, named=True)
    clashing = int(repeated["contradictory"].sum())
    raise InputError(
        f"{counted(len(repeated), 'pair')} of respondent and item with more than one response, "
        f"{clashing} of them contradictory (first: {shown(first['respondent'])} on "
        f"{shown(first['item'])}, {first['place'][0]} and {first['place'][1]}). "
        "Keep one row for each pair, or give every run a name of its own, such as 'model/run-2'."
    )


def _where(names: Sequence[str], mask: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(names, mask, strict=True) if chosen)
