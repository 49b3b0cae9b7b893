"""Responses from the hub: what has been pulled is read while the rest still comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from easyhard.responses.audit import Audit
from easyhard.responses.formats.known import format_of
from easyhard.responses.hub import Pulled, pull
from easyhard.responses.hub_patience import Patience
from easyhard.responses.hub_plan import Source, run_of
from easyhard.responses.ingest import Gathered
from easyhard.responses.listing import LogFile
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.reading import Readers, readers
from easyhard.schema import EasyhardError, Responses

BESIDE = "results_"  # a file of the same run, which a reader looks for beside a log


def pull_responses(
    source: Source,
    benchmarks: Sequence[str],
    folder: Path,
    models: Sequence[str] | None = None,
    top: int | None = None,
    quota_bytes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    asked: Asked | None = None,
    patience: Patience | None = None,
) -> tuple[Pulled, tuple[Responses, Audit] | EasyhardError | None]:
    """``pull``, and the responses in what is there afterwards; None where nothing is.

    Logs are read by other processes while the rest is downloaded. What keeps them from being read, such as a metric
    to be chosen, does not stop the pull: it comes back in the responses' place, to be raised.
    """
    with readers(max(1, (os.cpu_count() or 2) - 1)) as pool:
        arriving = Arriving(pool, asked or Asked())
        pulled = pull(
            source, benchmarks, folder, models, top, quota_bytes, progress, on_file=arriving.take, patience=patience
        )
        return pulled, arriving.responses() if pulled.files else None


class Arriving:
    """Reads each log as soon as what lies beside it is there too; keeps the answers, and the first error."""

    def __init__(self, readers: Readers, asked: Asked) -> None:
        self._readers = readers
        self._asked = asked
        self._gathered = Gathered()
        self._waiting: dict[tuple[str, str], list[Path]] = {}  # by run: logs without the results of the same run
        self._complete: set[tuple[str, str]] = set()  # runs whose results are there
        self._running: dict[Future[FileRead], LogFile] = {}
        self._error: EasyhardError | None = None

    def take(self, path: Path) -> None:
        """Take note of a file that is there from now on."""
        run = run_of(path.as_posix())
        if path.name.startswith(BESIDE):
            self._complete.add(run)
            for log in self._waiting.pop(run, ()):
                self._begin(log)
        elif path.suffix == ".parquet" or run in self._complete:
            self._begin(path)
        else:
            self._waiting.setdefault(run, []).append(path)
        for future in [one for one in self._running if one.done()]:
            self._end(future)

    def _begin(self, path: Path) -> None:
        kind = format_of(path)
        if kind is not None and self._error is None:
            file = LogFile(path, kind, path.stat().st_size, named=False)
            self._running[self._readers.begin(file, self._asked)] = file

    def _end(self, future: Future[FileRead]) -> None:
        try:
            file = self._running[future]
            self._gathered.add(file, self._readers.end(future, file, self._asked))
        except EasyhardError as error:
            self._error = self._error or error
        del self._running[future]

    def responses(self) -> tuple[Responses, Audit] | EasyhardError:
        """Of all files taken; the first error, if there was one."""
        for logs in self._waiting.values():  # the results of their runs did not come
            for log in logs:
                self._begin(log)
        for future in list(self._running):
            self._end(future)
        try:
            return self._error or self._gathered.responses()
        except EasyhardError as error:
            return error
