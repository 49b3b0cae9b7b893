"""Item banks and bins on disk: Parquet, with what is not a table kept as JSON in its metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import polars as pl

from easyhard.atomic import write_bytes, write_parquet
from easyhard.schema import Bins, Calibration, InputError, ItemBank
from easyhard.tabular import read_errors, refuse_no_file
from easyhard.wording import shown, shown_all

PathLike = str | os.PathLike[str]
T = TypeVar("T")

KEY = "easyhard"  # of our entry in the Parquet key-value metadata
FORMAT = 1  # to be raised when a file of today's could be misread

Check = Callable[[pl.DataType], bool]


def _is_text(kind: pl.DataType) -> bool:
    return kind == pl.String


def _is_whole(kind: pl.DataType) -> bool:
    return kind.is_integer()


def _is_float(kind: pl.DataType) -> bool:
    return kind.is_float()


BANK_COLUMNS: dict[str, Check] = {
    "item": _is_text,
    "difficulty": _is_float,
    "standard_error": _is_float,
    "discrimination": _is_float,
    "n_responses": _is_whole,
    "proportion_correct": _is_float,
    "infit_mnsq": _is_float,
    "outfit_mnsq": _is_float,
    "flag": _is_text,
}
BIN_COLUMNS: dict[str, Check] = {
    "item": _is_text,
    "bin": _is_whole,
    "split": _is_text,
    "difficulty": _is_float,
    "standard_error": _is_float,
    "membership": _is_float,
}


@dataclass(frozen=True, slots=True)
class _BinDetails:
    inner_edges: tuple[float, ...]  # logits; the outer two are infinite, which JSON cannot say
    held_out: float


@dataclass(frozen=True, slots=True)
class _Note:
    kind: str
    format: int
    details: dict[str, Any]


def write_bank(bank: ItemBank, path: PathLike) -> None:
    """Write ``bank`` as Parquet, its calibration in the metadata."""
    _write(bank.table, "item bank", asdict(bank.calibration), path)


def read_bank(path: PathLike) -> ItemBank:
    """The item bank that ``write_bank`` put at ``path``. Raises InputError for any other file."""
    table, calibration = _read(Path(path), "item bank", BANK_COLUMNS, Calibration)
    return ItemBank(table, calibration)


def write_bins(bins: Bins, path: PathLike) -> None:
    """Write ``bins`` as Parquet, edges and held-out share in the metadata."""
    _write(bins.table, "bins", asdict(_BinDetails(bins.edges[1:-1], bins.held_out)), path)


def read_bins(path: PathLike) -> Bins:
    """The bins that ``write_bins`` put at ``path``. Raises InputError for any other file."""
    table, details = _read(Path(path), "bins", BIN_COLUMNS, _BinDetails)
    bins = Bins(table, (-np.inf, *details.inner_edges, np.inf), details.held_out)
    strange = table.filter(~pl.col("bin").is_between(0, bins.count - 1))
    if len(strange):
        raise InputError(
            f"{path} has {bins.count} bins, but puts item {shown(strange['item'][0])} in bin "
            f"{strange['bin'][0]}. The file is damaged: make the bins anew."
        )
    return bins


def write_json(value: Any, path: PathLike) -> None:
    """Write ``value`` as indented JSON. Dataclasses become objects; NaN and infinity become null."""
    data = msgspec.json.encode(value, enc_hook=_plain)
    write_bytes(msgspec.json.format(data, indent=2) + b"\n", path)


def _plain(value: Any) -> Any:
    """NumPy values and paths as what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _write(table: pl.DataFrame, kind: str, details: Mapping[str, Any], path: PathLike) -> None:
    note = {"kind": kind, "format": FORMAT, "details": dict(details)}
    write_parquet(table, path, metadata={KEY: json.dumps(note, allow_nan=False)})


def _read(path: Path, kind: str, columns: Mapping[str, Check], details: type[T]) -> tuple[pl.DataFrame, T]:
    """Table and details of a file of ``kind``. Raises InputError unless it is one, whole."""
    with read_errors(path, f"{kind} in Parquet"):
        refuse_no_file(path)
        metadata = pl.read_parquet_metadata(path)
        if KEY not in metadata:
            raise InputError(f"{path} is Parquet, but not written by easyhard as {kind}. {NEXT_STEP[kind]}")
        note = msgspec.json.decode(metadata[KEY], type=_Note)
        if note.kind != kind:
            raise InputError(f"{path} holds {note.kind}; expected here: {kind}. {NEXT_STEP[kind]}")
        if note.format > FORMAT:
            raise InputError(f"{path} was written by a newer easyhard. Update easyhard to read it.")
        table = pl.read_parquet(path, glob=False)
        found = msgspec.convert(note.details, details)
    _refuse_bad_columns(table, columns, path)
    return table, found


NEXT_STEP = {
    "item bank": "Make one with `easyhard calibrate`.",
    "bins": "Make them with `easyhard bin`.",
}


def _refuse_bad_columns(table: pl.DataFrame, columns: Mapping[str, Check], path: Path) -> None:
    wrong = [name for name, fits in columns.items() if name not in table.columns or not fits(table.schema[name])]
    if wrong:
        raise InputError(
            f"{path} lacks {shown_all(wrong)}, or holds another kind of value there; its columns are "
            f"{shown_all([f'{name}: {kind}' for name, kind in table.schema.items()], limit=20)}. "
            "The file was changed after easyhard wrote it: make it anew."
        )
    repeated = table.filter(~pl.col("item").is_first_distinct())["item"]
    if len(repeated):
        raise InputError(
            f"{path} has item {shown(repeated[0])} more than once. "
            "The file was changed after easyhard wrote it: make it anew."
        )
