"""One process at a time in a study's folder, and nothing left in it by one that was killed."""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from easyhard.schema import InputError
from easyhard.study.record import is_being_filled

LOCK = ".lock"
TRIES, PAUSE = 5, 0.1  # whoever only asks whether a study runs holds the lock for less than a thousandth of a second
TEMPORARY = re.compile(r"\.(.+\.)?[0-9a-f]{16}\.(part|old)")  # names that record.py and atomic.py give


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a study's folder for this process, swept. Raises InputError if another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}. Choose another folder to write to.") from error
    try:
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to: {error.strerror}. Mend its rights, or choose another folder."
        ) from error
    with file:
        if not any(_taken(file.fileno(), pause) for pause in [0.0, *[PAUSE] * TRIES]):
            raise InputError(f"{folder} is being worked on by another easyhard. Wait for it, or choose another folder.")
        sweep(folder)
        try:
            yield
        finally:
            sweep(folder)  # what processes of this run left that were killed


def is_locked(folder: Path) -> bool:
    """Whether a process is at work on a study's folder."""
    try:
        with (folder / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-made below ``folder``, which the caller holds.

    What a living process fills stays: a report may be made at the same time, without holding the folder.
    """
    for path in list(folder.rglob(".*")):
        if not TEMPORARY.fullmatch(path.name) or is_being_filled(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _taken(file: int, pause: float) -> bool:
    time.sleep(pause)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
