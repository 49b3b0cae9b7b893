"""The rows of a sample log of lm-evaluation-harness, one after another, in whichever of its layouts.

Depending on the version a log is JSON lines or one array of objects, and the name's end does not say which.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from easyhard.tabular import BYTE_ORDER_MARK

BLOCK = 1 << 20  # bytes read at once

Row = tuple[int, bytes | msgspec.Raw]  # the line it begins at, and its JSON


def rows_of(path: Path) -> Iterator[Row]:
    """Every row. Only an array that does not begin each object on a line of its own is held in memory as a whole.

    What is no row (the rest of a file that was cut off) is given as one, for the parser to refuse.
    """
    with path.open("rb", buffering=BLOCK) as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if not line.isspace())
        first, second = next(lines, (1, b"")), next(lines, (1, b""))
        first = (first[0], first[1].removeprefix(BYTE_ORDER_MARK))
        if not first[1].lstrip().startswith(b"["):
            yield from chain([first], [second] if second[1] else (), lines)
        elif first[1].strip() == b"[" and second[1].strip() == b"{":
            yield from _indented(second, lines)
        else:
            yield from _array(file)


def _indented(first: tuple[int, bytes], lines: Iterator[tuple[int, bytes]]) -> Iterator[Row]:
    """Objects of an array written with an indent: each ends with the next brace at the depth of the first."""
    indent = first[1][: first[1].index(b"{")]
    ends = (indent + b"}", indent + b"},")
    start, parts = first[0], [first[1]]
    for number, line in lines:
        if not parts:
            start = number
        parts.append(line)
        if line.rstrip() in ends:
            yield start, b"".join(parts).rstrip().removesuffix(b",")
            parts = []
    rest = b"".join(parts)
    if rest.strip() != b"]":
        yield start, rest


def _array(file: BinaryIO) -> Iterator[Row]:
    file.seek(0)
    data = file.read().removeprefix(BYTE_ORDER_MARK)
    try:
        rows = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        yield 1, data
        return
    yield from enumerate(rows, 1)
