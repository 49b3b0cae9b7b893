"""What a step prints, where no one looks at a terminal: kept as a file if the step fails."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

LOG = "log.txt"


@contextlib.contextmanager
def captured(log: Path) -> Iterator[None]:
    """Send standard output and error, also of C libraries, to ``log``; the file is gone if all goes well."""
    kept = [os.dup(number) for number in (1, 2)]
    with log.open("wb") as file:
        try:
            _point(file.fileno(), file.fileno())
            yield
        finally:
            _point(*kept)
            for number in kept:
                os.close(number)
    log.unlink()


def _point(output: int, error: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(error, 2)
