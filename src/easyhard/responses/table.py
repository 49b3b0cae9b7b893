"""Responses as a plain long table: one row per response, columns ``respondent, item, correct``."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.atomic import write_bytes
from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.checksum import MARK, refuse_changed, seal
from easyhard.schema import MISSING, InputError, IntArray, Responses
from easyhard.tabular import SCAN, as_text, read_errors, read_table, refuse_other_than_text, scan_parquet
from easyhard.wording import counted, shown

PathLike = str | os.PathLike[str]
Codes = npt.NDArray[np.unsignedinteger]  # as few bytes as the names need

COLUMNS = ("respondent", "item", "correct")
CORRECT_TEXT = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}

ROWS_AT_ONCE = 4_000_000  # of Parquet: less than 200 MB in work; a group of rows has names of its own, about 100 KB
COMPRESSION = 6  # zstd, as measured in benchmarks/responses_parquet: above it little is saved
PAGE = 8_000_000  # bytes: pages of the usual 1 MB make it a fifth larger, for items come again with each respondent


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one file. ``respondent`` and ``item`` hold, for every row, a place in the names of that axis."""

    path: Path
    before: int  # rows of the file that come before
    respondents: list[str]
    items: list[str]
    respondent: Codes
    item: Codes
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
    parts = [part for one in paths for part in _read_parts(one, columns)]
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
    """Write Parquet in long form, ``respondent, item, correct``, sorted by name, which ``read_responses`` reads.

    Names are stored once and rows as their numbers, which other readers show as text (or categories). Only
    observed responses have a row: a respondent or item without any does not come back. The file holds a digest of
    its bytes, so that a damaged one is refused.
    """
    buffer = io.BytesIO()
    pl.concat(_long(responses), rechunk=False).write_parquet(
        buffer,
        compression="zstd",
        compression_level=COMPRESSION,
        row_group_size=ROWS_AT_ONCE,
        data_page_size=PAGE,
        metadata=MARK,
    )
    data = bytearray(buffer.getbuffer())
    buffer.close()
    seal(data)
    write_bytes(data, path)


def _long(responses: Responses) -> list[pl.DataFrame]:
    """The long form in parts of about ``ROWS_AT_ONCE`` rows, 5 to 9 bytes a row; at least one part."""
    rows, respondents = _sorted_names(responses.respondents)
    columns, items = _sorted_names(responses.items)
    step = max(1, ROWS_AT_ONCE // max(1, len(items)))
    parts = []
    for at in range(0, max(1, len(rows)), step):
        correct = responses.correct[rows[at : at + step]][:, columns]
        seen = correct != MISSING
        place = np.flatnonzero(seen)
        table = {
            "respondent": respondents.gather(at + place // max(1, len(items))),
            "item": items.gather(place % max(1, len(items))),
            "correct": pl.Series(correct[seen], dtype=pl.Int8),
        }
        parts.append(pl.DataFrame(table))
    return parts


def _sorted_names(names: Sequence[str]) -> tuple[npt.NDArray[np.intp], pl.Series]:
    """Places of ``names`` in the order of the sorted ones, and these."""
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.intp)
    in_order = [names[place] for place in order]
    return order, pl.Series(in_order, dtype=pl.Enum(in_order))


def _read_parts(path: Path, columns: Mapping[str, str] | None) -> Iterator[_Part]:
    before = 0
    for table, ignored in tables_of(path, columns):
        respondent, respondents = _coded(table["respondent"], path, before)
        item, items = _coded(table["item"], path, before)
        correct = correct_codes(table["correct"], path, before)
        yield _Part(path, before, respondents, items, respondent, item, correct, ignored)
        before += len(table)


def tables_of(path: Path, columns: Mapping[str, str] | None) -> Iterator[tuple[pl.DataFrame, tuple[str, ...]]]:
    """The file's table and the names of its other columns; of long Parquet, part after part."""
    total = _rows_of_parquet(path)
    if total <= ROWS_AT_ONCE:
        yield read_table(path, COLUMNS, columns=columns)
        return
    rows = scan_parquet(path, COLUMNS, columns)
    called = {(columns or {}).get(name, name) for name in COLUMNS}
    ignored = tuple(name for name in SCAN["parquet"](path).collect_schema().names() if name not in called)
    for at in range(0, total, ROWS_AT_ONCE):
        with read_errors(path, "a table in Parquet"):
            table = rows.slice(at, ROWS_AT_ONCE).collect()
        yield table, ignored


def _rows_of_parquet(path: Path) -> int:
    """How many rows a file has; 0 if it is no Parquet."""
    with read_errors(path, "a table in CSV, Parquet or JSON lines"):
        if not path.is_file():
            return 0
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return 0
        refuse_changed(path)
        return int(SCAN["parquet"](path).select(pl.len()).collect().item())


def _coded(column: pl.Series, path: Path, before: int) -> tuple[Codes, list[str]]:
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


def _dense(parts: Sequence[_Part]) -> Responses:
    """All rows as one array with sorted names. InputError if a pair has two responses, or none has one."""
    respondents = sorted({name for part in parts for name in part.respondents})
    items = sorted({name for part in parts for name in part.items})
    correct: IntArray = np.full((len(respondents), len(items)), MISSING, dtype=np.int8)
    n_observed = 0
    for part in parts:
        seen = _observed(part, respondents, items)
        correct[seen.respondent, seen.item] = seen.correct
        n_observed += len(seen.correct)
    if not n_observed:
        n_rows = sum(len(part.correct) for part in parts)
        raise InputError(
            f"no response in {counted(n_rows, 'row')} of {', '.join(str(part.path) for part in parts)}: "
            "every cell of 'correct' is empty. Write 1 for correct and 0 for wrong."
        )
    if np.count_nonzero(correct != MISSING) < n_observed:
        _refuse_repeats(parts, respondents, items)
    return Responses(correct, tuple(respondents), tuple(items))


def _places(names: Sequence[str], among: Sequence[str]) -> npt.NDArray[np.intp]:
    """Index of each of ``names`` in ``among``."""
    place = {name: index for index, name in enumerate(among)}
    return np.array([place[name] for name in names], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class _Observed:
    """The rows of a part that have a response; ``number`` is the row's in the file, from 1."""

    respondent: npt.NDArray[np.intp]
    item: npt.NDArray[np.intp]
    correct: IntArray
    number: npt.NDArray[np.intp]


def _observed(part: _Part, respondents: Sequence[str], items: Sequence[str]) -> _Observed:
    answered = np.flatnonzero(part.correct != MISSING)
    return _Observed(
        _places(part.respondents, respondents)[part.respondent[answered]],
        _places(part.items, items)[part.item[answered]],
        part.correct[answered],
        part.before + answered + 1,
    )


def _refuse_repeats(parts: Sequence[_Part], respondents: Sequence[str], items: Sequence[str]) -> None:
    """Raise the InputError for (respondent, item) pairs that have more than one response."""
    count, right = (np.zeros((len(respondents), len(items)), dtype=np.uint32) for _ in range(2))
    for part in parts:
        seen = _observed(part, respondents, items)
        np.add.at(count, (seen.respondent, seen.item), 1)
        np.add.at(right, (seen.respondent, seen.item), seen.correct.astype(np.uint32))
    row, column = _first_of(count > 1, parts, respondents, items)
    places = [
        f"row {number} of {part.path}"
        for part in parts
        for seen in [_observed(part, respondents, items)]
        for number in seen.number[(seen.respondent == row) & (seen.item == column)][:2]
    ]
    raise InputError(
        f"{counted(int(np.count_nonzero(count > 1)), 'pair')} of respondent and item with more than one response, "
        f"{np.count_nonzero((right > 0) & (right < count))} of them contradictory (first: {shown(respondents[row])} on "
        f"{shown(items[column])}, {places[0]} and {places[1]}). "
        "Keep one row for each pair, or give every run a name of its own, such as 'model/run-2'."
    )


def _first_of(
    chosen: npt.NDArray[np.bool_], parts: Sequence[_Part], respondents: Sequence[str], items: Sequence[str]
) -> tuple[int, int]:
    """Respondent and item of the first row whose pair is ``chosen``: one is."""
    for part in parts:
        seen = _observed(part, respondents, items)
        found = np.flatnonzero(chosen[seen.respondent, seen.item])
        if len(found):
            break
    return int(seen.respondent[found[0]]), int(seen.item[found[0]])


def _where(names: Sequence[str], mask: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(names, mask, strict=True) if chosen)
