"""Lines of JSON, one object each, for the formats that have a type of their own for a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from easyhard.responses.log import FileRead
from easyhard.tabular import BYTE_ORDER_MARK
from easyhard.wording import shown

T = TypeVar("T")


def json_rows(path: Path, kind: type[T], found: FileRead) -> Iterator[tuple[int, T]]:
    """Each line as ``kind``, with its number from 1. Blank lines are none; what cannot be read is noted."""
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            if not text.strip():
                continue
            found.rows += 1
            try:
                row = decoder.decode(text)
            except (msgspec.MsgspecError, RecursionError, ValueError) as error:
                found.broke(number, f"cannot be read: {shown(str(error) or type(error).__name__, 120)}")
                continue
            yield number, row


def first_line(head: bytes) -> bytes:
    """The first line of a file that has text on it."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip().split(b"\n", 1)[0]
