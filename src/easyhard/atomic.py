"""Write a file, or a folder, whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

from easyhard.schema import InputError, WorkError


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name ``path`` when all is well and vanishes when not.

    Its folder is made if need be. The bytes go to a temporary file in the same folder, reach the disk, and only
    then take the name: whoever reads, and whatever is killed, finds the old file or the new one, never a part.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # a rename over /dev/null would replace the device
        raise InputError(f"{path} exists and is not an ordinary file. Name a file to write to.")
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WorkError(
            f"{path} could not be written: {error.strerror or error}. "
            "See that its folder exists, may be written to and has room, or name another place."
        ) from error


def write_bytes(data: bytes | bytearray, path: str | os.PathLike[str]) -> None:
    """Put ``data`` at ``path`` whole or not at all, making its folder if need be."""
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_folder(path: str | os.PathLike[str], replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """A folder to fill, which takes the name ``path`` when all is well and vanishes when not.

    What is at ``path`` already is replaced if it is an empty folder, or one that is ``replaceable``; else
    InputError. There is a moment, between two renames, when neither is there.
    """
    target = Path(path).resolve()
    if target.exists() and not (target.is_dir() and (replaceable(target) or not any(target.iterdir()))):
        raise InputError(f"{path} exists and is something else. Name a new folder to write to.")
    part, old = (target.with_name(f".{target.name}.{secrets.token_hex(8)}.{end}") for end in ("part", "old"))
    try:
        try:
            part.mkdir(parents=True)
            yield part
            if target.exists():
                target.rename(old)
            part.rename(target)
        finally:
            for folder in (part, old):
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise WorkError(
            f"{path} could not be written: {error.strerror or error}. "
            "See that its folder may be written to and has room, or name another place."
        ) from error


def write_parquet(table: pl.DataFrame, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Put ``table`` at ``path`` as Parquet, with ``metadata`` as its key-value metadata."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, metadata=dict(metadata) if metadata else None)
    write_bytes(buffer.getvalue(), path)
