"""Responses as a plain long table: one row per response, columns ``respondent, item, correct``."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.atomic import write_bytes
from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.checksum import MARK, refuse_changed, seal
from easyhard.responses.columns import coded, correct_codes
from easyhard.responses.dense import Part, dense
from easyhard.schema import MISSING, InputError, Responses
from easyhard.tabular import SCAN, read_errors, read_table, scan_parquet

PathLike = str | os.PathLike[str]

COLUMNS = ("respondent", "item", "correct")

ROWS_AT_ONCE = 4_000_000  # of Parquet: less than 200 MB in work; a group of rows has names of its own, about 100 KB
COMPRESSION = 6  # zstd, as measured in benchmarks/responses_parquet: above it little is saved
PAGE = 8_000_000  # bytes: pages of the usual 1 MB make it a fifth larger, for items come again with each respondent


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
    everything = dense(parts)
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


def _read_parts(path: Path, columns: Mapping[str, str] | None) -> Iterator[Part]:
    before = 0
    for table, ignored in tables_of(path, columns):
        respondent, respondents = coded(table["respondent"], path, before)
        item, items = coded(table["item"], path, before)
        correct = correct_codes(table["correct"], path, before)
        yield Part(path, before, respondents, items, respondent, item, correct, ignored)
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


def _where(names: Sequence[str], mask: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(names, mask, strict=True) if chosen)
