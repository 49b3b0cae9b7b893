"""From files and folders of result logs, of any format and by many models, to one audited table of responses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.choice import COMPLETE, Account
from easyhard.responses.formats.known import FORMATS, LONG, Format, format_named, format_of
from easyhard.responses.gather import Gathering, refuse_no_runs
from easyhard.responses.log import Asked, Broken, FileRead, Trials
from easyhard.responses.table import PathLike
from easyhard.schema import InputError, Progress, Responses
from easyhard.tabular import read_errors, refuse_no_file
from easyhard.wording import shown_all

ALONE = 32_000_000  # bytes in all below which starting more processes takes longer than reading


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    format: Format
    size: int


def ingest(
    path: PathLike | Sequence[PathLike],
    asked: Asked | None = None,
    *,
    format: str | None = None,
    trials: Trials = "majority",
    coverage: float | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[Responses, Audit]:
    """Responses from result logs of any known format, and an account of all that was read and left out.

    ``path`` is a file, a folder (walked; files of no known format in it are counted and passed over) or several.
    The format is told from the content, unless named. ``asked`` says which metric and filter count.

    Of several runs of one model on one task the newest counts that has at least 90% of the items of its largest.
    A model with less than ``coverage`` of the items that half of the task's runs have is left out of that task
    (default 0.9 for logs; 0 for tables, whose holes may be meant). ``trials`` makes one response of repeats and
    epochs: ``majority`` (right more often than not), ``mean`` (right at least half the time) or ``first``.
    A broken line is counted and listed, the rest is read; ``asked.strict`` raises InputError at the first.

    Many files can be read by several ``processes``; a script that asks for more than one needs its
    ``if __name__ == "__main__"``, since each of them imports it. Raises InputError where a log leaves a
    choice of metric or filter, or where nothing is left.
    """
    asked = asked or Asked()
    files = _files([path] if isinstance(path, str | os.PathLike) else path, format)
    gathering, found = Gathering(), _Found()
    for read in _read_all(files, asked, processes, progress):
        found.note(read)
        for run in read.runs:
            gathering.add(run)
    refuse_no_runs(gathering, [file.path for file in files])
    least = coverage if coverage is not None else COMPLETE if any(file.format.whole for file in files) else 0.0
    responses, account = gathering.responses(trials, least)
    return responses, _audit(responses, files, found, account)


def only_tables(paths: Sequence[PathLike]) -> bool:
    """Whether all of ``paths`` are files of no other format than a plain long table, or of none that is known."""
    return all(
        not _holds(path.is_dir) and (not _holds(path.is_file) or (format_of(path) or LONG) is LONG)
        for path in map(Path, paths)
    )


@dataclass(slots=True)
class _Found:
    rows: int = 0
    passed_over: int = 0
    broken: tuple[Broken, ...] = ()

    def note(self, read: FileRead) -> None:
        self.rows += read.rows
        self.passed_over += read.passed_over
        self.broken += tuple(read.broken)


def _files(paths: Sequence[PathLike], format: str | None) -> list[_File]:
    """The files to read, each once and in the order of their names. InputError for a named one of no known format."""
    if not paths:
        raise InputError("no log was given. Name a file or a folder.")
    files: dict[Path, _File] = {}
    for given in map(Path, paths):
        named = not _holds(given.is_dir)
        for path in [given] if named else _walk(given):
            if named:
                with read_errors(path, "a result log"):
                    refuse_no_file(path)
            kind = format_named(format) if format and (named or format_of(path)) else format_of(path)
            if kind is not None:
                files[path] = _File(path, kind, path.stat().st_size)
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


def _read_all(files: Sequence[_File], asked: Asked, processes: int, progress: Progress | None) -> Iterator[FileRead]:
    total, done = sum(file.size for file in files), 0
    count = min(processes, len(files))
    for file, read in _alone(files, asked) if count == 1 or total < ALONE else _shared(files, asked, count):
        done += file.size
        if progress:
            progress(done, total)
        yield read


def _alone(files: Iterable[_File], asked: Asked) -> Iterator[tuple[_File, FileRead]]:
    for file in files:
        yield file, _read(file, asked)


def _shared(files: Sequence[_File], asked: Asked, count: int) -> Iterator[tuple[_File, FileRead]]:
    """The same by several processes; a few files ahead of what is taken, so that results do not pile up."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting = iter(files)
        running = {pool.submit(_read, file, asked): file for file, _ in zip(waiting, range(2 * count), strict=False)}
        while running:
            ready = next(as_completed(running))
            file = running.pop(ready)
            following = next(waiting, None)
            if following is not None:
                running[pool.submit(_read, following, asked)] = following
            yield file, ready.result()


def _read(file: _File, asked: Asked) -> FileRead:
    return file.format.read(file.path, asked)


def _audit(responses: Responses, files: Sequence[_File], found: _Found, account: Account) -> Audit:
    return audit_responses(
        responses,
        files=tuple(str(file.path) for file in files),
        formats=tuple(sorted({file.format.name for file in files})),
        rows=found.rows,
        metrics=tuple(account.metrics),
        unreadable=tuple(f"{one.file}:{one.line}: {one.finding}" for one in found.broken),
        dropped_runs=tuple(account.dropped_runs),
        limited_runs=tuple(account.limited_runs),
        other_shots=tuple(account.other_shots),
        left_out=tuple(account.left_out),
        edited_items=tuple(account.edited_items),
        duplicates=account.duplicates,
        conflicts=account.conflicts,
        repeated=account.repeated,
        other_filters=found.passed_over,
        drawn=account.drawn,
    )
