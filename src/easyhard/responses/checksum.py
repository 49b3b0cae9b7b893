"""A digest in a Parquet file of all its other bytes: the format has a place for one a page, which Polars leaves empty.

Without it most flipped bits go unnoticed: another answer, or another name, is as good a table as the right one.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import BinaryIO

from easyhard.schema import InputError

KEY = "easyhard.sha256"
BLANK = "0" * 64
MARK = {KEY: BLANK}  # metadata with which a file is written that shall be sealed
MARKED = re.compile(
    re.escape(KEY.encode()) + rb"[^0-9a-f]{1,4}([0-9a-f]{64})"
)  # between: the kind and length of a text
TAIL = 8  # bytes that end a Parquet file: the footer's length, and PAR1
BLOCK = 1 << 20


def seal(data: bytearray) -> None:
    """Put into ``data``, a Parquet file written with ``MARK``, the digest of all its other bytes."""
    place = data.rindex(BLANK.encode())
    data[place : place + len(BLANK)] = hashlib.sha256(data).hexdigest().encode()


def refuse_changed(path: Path) -> None:
    """Raise InputError if ``path`` is sealed and has other bytes than it was sealed with."""
    with path.open("rb") as file:
        sealed = _seal_in(file)
        if sealed is None:
            return
        place, written = sealed
        digest = hashlib.sha256()
        file.seek(0)
        _add(digest, file, place)
        digest.update(BLANK.encode())
        file.seek(place + len(BLANK))
        _add(digest, file, sys.maxsize)
    if digest.hexdigest().encode() != written:
        raise InputError(
            f"{path} is damaged, or was changed by a program that kept easyhard's digest of the old content: its "
            f"bytes are not those that were written. Get it anew, or write it again without the metadata {KEY}."
        )


def _seal_in(file: BinaryIO) -> tuple[int, bytes] | None:
    """Where in the footer a digest is, and the digest; None if there is none, or no footer."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    footer = TAIL + int.from_bytes(file.read(TAIL)[:4], "little")
    if footer > size:
        return None
    file.seek(size - footer)
    found = MARKED.search(file.read(footer))
    return (size - footer + found.start(1), found[1]) if found else None


def _add(digest: hashlib._Hash, file: BinaryIO, count: int) -> None:
    while count > 0 and (block := file.read(min(BLOCK, count))):
        digest.update(block)
        count -= len(block)
