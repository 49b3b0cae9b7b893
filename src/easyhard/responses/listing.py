"""Which files of what the user named are result logs, and of which format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from easyhard.responses.formats.known import FORMATS, LONG, Format, format_named, format_of
from easyhard.responses.table import PathLike
from easyhard.schema import InputError
from easyhard.tabular import read_errors, refuse_no_file
from easyhard.wording import shown_all


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to read. ``named``: the user named it, not just a folder that it is in."""

    path: Path
    format: Format
    size: int
    named: bool


def listed(paths: Sequence[PathLike], format: str | None, leave: PathLike | None = None) -> list[LogFile]:
    """The files to read, each once and in the order of their names; ``leave`` is passed over in a folder.

    Raises InputError for a named one of no known format, and where there is none.
    """
    if not paths:
        raise InputError("no log was given. Name a file or a folder.")
    files: dict[Path, LogFile] = {}
    left = Path(leave).resolve() if leave is not None else None
    for given in map(Path, paths):
        named = not _holds(given.is_dir)
        for path in [given] if named else _walk(given):
            if named:
                with read_errors(path, "a result log"):
                    refuse_no_file(path)
            elif path.resolve() == left:
                continue
            kind = format_named(format) if format and (named or format_of(path)) else format_of(path)
            if kind is not None:
                files[path] = LogFile(path, kind, path.stat().st_size, named)
            elif named:
                raise InputError(
                    f"{path} is of no format that is known here. Known: {shown_all([f.name for f in FORMATS], 20)}. "
                    "Name the format if it is one of these, or save it as CSV with respondent, item and correct."
                )
    if not files:
        raise InputError(
            f"no result log in {shown_all([str(path) for path in paths])}. Name the folder that holds them."
        )
    return [files[path] for path in sorted(files)]


def only_tables(paths: Sequence[PathLike]) -> bool:
    """Whether all of ``paths`` are files of no other format than a plain long table, or of none that is known."""
    return all(
        not _holds(path.is_dir) and (not _holds(path.is_file) or (format_of(path) or LONG) is LONG)
        for path in map(Path, paths)
    )


def _holds(asked: Callable[[], bool]) -> bool:
    """What a question to the disk says; no, for a name that no disk can hold."""
    try:
        return asked()
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    """All ordinary files under ``folder``, hidden ones and links out of it aside."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and path.stat().st_size:
                yield path
