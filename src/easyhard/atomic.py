"""Write a file whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from easyhard.schema import InputError, WorkError


def write_bytes(data: bytes, path: str | os.PathLike[str]) -> None:
    """Put ``data`` at ``path``, making its folder if need be.

    The bytes go to a temporary file in the same folder, reach the disk, and only then take the name: whoever
    reads, and whatever is killed, finds the old file or the new one, never a part.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # a rename over /dev/null would replace the device
        raise InputError(f"{path} exists and is not an ordinary file. Name a file to write to.")
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                file.write(data)
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


def write_parquet(table: pl.DataFrame, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Put ``table`` at ``path`` as Parquet, with ``metadata`` as its key-value metadata."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, metadata=dict(metadata) if metadata else None)
    write_bytes(buffer.getvalue(), path)
