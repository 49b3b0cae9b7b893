"""Tables as users bring them: CSV, Parquet or JSON lines, told apart by their content, not their name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import polars.selectors as cs
from polars.datatypes import DataTypeClass

from easyhard.schema import InputError
from easyhard.wording import did_you_mean, nearest, shown, shown_all

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # spreadsheet programs put it before UTF-8

# What other tools call our columns. Only ever suggested, never taken silently.
OTHER_NAMES = {
    "respondent": ("model", "model_name", "model_id", "subject_id", "subject", "source", "id"),
    "item": ("item_id", "question_id", "example_id", "doc_id", "id"),
    "correct": ("is_correct", "resp", "response", "score", "acc", "exact_match"),
    "question": ("text", "prompt", "problem", "query", "input"),
    "answer": ("target", "gold", "label", "answerKey", "output"),
}


def read_table(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    keep_others: bool = False,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The columns asked for, under our names, and the names of the file's other columns.

    ``columns`` says what the file calls a column, ours to theirs: ``{"respondent": "model"}``. Optional
    columns that the file lacks are left out; with ``keep_others`` the other columns follow ours. CSV cells
    stay text, so that an item called ``007`` keeps its name, and blank lines are no rows. Raises InputError
    for anything that is no table with these columns and at least one row.
    """
    called = _called(required, optional, columns or {})
    with read_errors(path, "a table in CSV, Parquet or JSON lines"):
        refuse_no_file(path)
        kind = _kind(path)
        table = SCAN[kind](path)
        present = table.collect_schema().names()
        _refuse_absent(path, present, called, must=[*required, *(columns or {})])
        ours = {theirs: name for name, theirs in called.items() if theirs in present}
        others = tuple(name for name in present if name not in ours)
        kept = [name for name in others if name not in called] if keep_others else []
        loaded = (table if kept else table.select(cs.by_name(*ours))).collect()
        picked = loaded[[*ours, *kept]].rename(ours)  # by [ ], which takes "^x$" for a name, not a pattern
    if kind == "csv":
        picked = picked.filter(~pl.all_horizontal(pl.all().is_null()))  # a blank line is no row
    if picked.is_empty():
        raise InputError(f"{path} has a header ({shown_all(present)}) but no rows. Give a file with rows.")
    return picked, others


def scan_parquet(path: Path, required: Sequence[str], columns: Mapping[str, str] | None = None) -> pl.LazyFrame:
    """The columns asked for of a Parquet file, under our names, not yet read; see ``read_table``."""
    called = _called(required, (), columns or {})
    with read_errors(path, "a table in Parquet"):
        refuse_no_file(path)
        table = SCAN["parquet"](path)
        _refuse_absent(path, table.collect_schema().names(), called, must=required)
    return table.select(cs.by_name(*called.values())).rename({theirs: name for name, theirs in called.items()})


def as_text(column: pl.Series, path: Path | str) -> pl.Series:
    """``column`` as text. Whole numbers are written out; every other kind of value raises InputError."""
    refuse_other_than_text(column.dtype, column.name, path)
    return column.cast(pl.String)


def refuse_other_than_text(kind: pl.DataType | DataTypeClass, name: str, path: Path | str) -> None:
    """Raise InputError unless ``kind`` is text or whole numbers."""
    if not (kind.is_integer() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        raise InputError(
            f"column {name!r} of {path} holds {kind}, but text or whole numbers are expected. "
            "Write it as text, so that it is you who settles what 18.0, True or a list should read like."
        )


@contextmanager
def read_errors(path: Path | str, expected: str) -> Iterator[None]:
    """Turn what a parser or the disk raises while reading ``path`` into one InputError."""
    try:
        yield
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,  # how Polars gives up on some damaged Parquet files
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        OSError,
    ) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} could not be read as {expected}: {shown(reason, 200)}. "
            "Check that it is complete and of that kind (text in UTF-8)."
        ) from error


def _called(required: Sequence[str], optional: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Our name -> the file's name, for every column we may read."""
    ours = [*required, *optional]
    for name in columns:
        if name not in ours:
            raise InputError(
                f"columns names {shown(name)}, which is no column read here ({shown_all(ours)})."
                f"{did_you_mean(name, ours)} Give columns as our name to the file's name."
            )
    called = {name: columns.get(name, name) for name in ours}
    twice = [name for name in columns if list(called.values()).count(called[name]) > 1]
    if twice:
        raise InputError(
            f"columns reads the file's column {shown(called[twice[0]])} twice, one time as {twice[0]!r}. "
            "Name a column of its own for each."
        )
    return called


def refuse_no_file(path: Path) -> None:
    """Raise InputError unless ``path`` is a file with something in it."""
    if path.is_dir():
        raise InputError(f"{path} is a folder. Name a file in it.")
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise InputError(f"{path} is not there, nor is its folder {folder}. Check the path.")
        near = did_you_mean(path.name, (entry.name for entry in folder.iterdir()))
        raise InputError(f"{path} is not there.{near} Check the path.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: 0 bytes. Give a file with rows.")


def _kind(path: Path) -> str:
    """``parquet``, ``json`` or ``csv``, from the first bytes."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"["):
        return "json"
    if b"\0" in head:
        raise InputError(
            f"{path} is neither Parquet nor text in UTF-8 (it holds NUL bytes). "
            "Unpack it if it is compressed, or save it as CSV in UTF-8, JSON lines or Parquet."
        )
    return "csv"


def _json_table(path: Path) -> pl.DataFrame:
    """JSON lines, or one array of objects. A key that some lines lack is null there."""
    data = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    if data.lstrip().startswith(b"["):
        rows = msgspec.json.decode(data, type=list[dict[str, Any]])
    else:
        decoder = msgspec.json.Decoder(dict[str, Any])
        lines = enumerate(data.split(b"\n"), start=1)
        rows = [_json_object(decoder, line, path, number) for number, line in lines if line.strip()]
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_json_column(name, [row.get(name) for row in rows]) for name in names])


def _json_object(decoder: msgspec.json.Decoder[dict[str, Any]], line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} could not be read as JSON lines: line {number} is no JSON object ({shown(str(error), 200)}). "
            "Mend or remove that line; if it is the last, the file was cut: fetch it again."
        ) from error


def _json_column(name: str, values: list[Any]) -> pl.Series:
    """One kind of value makes a column of that kind; a mixture becomes text, the rest written as JSON."""
    kinds = {type(value) for value in values if value is not None}
    plain = len(kinds) == 1 and kinds <= {str, bool, float}
    small = kinds == {int} and all(value is None or abs(value) < 2**63 for value in values)
    texts = kinds == {list} and all(type(part) is str for value in values for part in value or ())
    if plain or small:
        return pl.Series(name, values)
    if texts:
        return pl.Series(name, values, dtype=pl.List(pl.String))
    written = [value if value is None or isinstance(value, str) else _json_text(value) for value in values]
    return pl.Series(name, written, dtype=pl.String)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


SCAN: dict[str, Callable[[Path], pl.LazyFrame]] = {  # glob: a name with * or [ in it is one file
    "parquet": lambda path: pl.scan_parquet(path, glob=False),
    "csv": lambda path: pl.scan_csv(path, infer_schema=False, glob=False),
    "json": lambda path: _json_table(path).lazy(),
}


def _refuse_absent(path: Path, present: Sequence[str], called: Mapping[str, str], must: Sequence[str]) -> None:
    """Raise InputError unless every column in ``must`` (our names) is there, and there once."""
    absent = [name for name in called if name in must and called[name] not in present]
    if not absent:
        twice = [theirs for theirs in called.values() if f"{theirs}_duplicated_0" in present]
        if twice:  # how Polars renames the second of two CSV columns of one name
            raise InputError(f"{path} has two columns called {twice[0]!r}. Rename or remove one.")
        return
    name, theirs = absent[0], called[absent[0]]
    free = [column for column in present if column not in called.values()]
    usual = (column for column in OTHER_NAMES.get(name, ()) if column in free)
    near = next(usual, None) or nearest(theirs, free)
    hint = f" Did you mean {shown(near)}?" if near else ""
    if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
        hint = " Its cells seem not to be separated by commas: save it with commas."
    example = near or "THEIRS"
    raise InputError(
        f"{path} has no column {shown_all([called[column] for column in absent])}; "
        f"it has {shown_all(present)}.{hint} If a column goes by another name, say so: "
        f"columns={{{name!r}: {example!r}}}, or --column {name}={example} on the command line."
    )
