"""Reading many logs, by several processes where that is faster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from easyhard.responses.listing import LogFile
from easyhard.responses.log import Asked, ChoiceNeeded, FileRead
from easyhard.schema import InputError, Progress, WorkError

ALONE = 32_000_000  # bytes in all below which starting more processes takes longer than reading


def read_file(file: LogFile, asked: Asked) -> FileRead:
    """What is in a file. One that lies in a folder and cannot be read as a whole is noted as broken, at line 0.

    Raises InputError for a file that the user named, for what the user has to choose, and with ``asked.strict``.
    """
    try:
        return file.format.read(file.path, asked)
    except ChoiceNeeded:
        raise
    except InputError as error:
        if file.named or asked.strict:
            raise
        found = FileRead(str(file.path))
        found.broke(0, str(error))
        return found


def read_all(
    files: Sequence[LogFile], asked: Asked, processes: int, progress: Progress | None = None
) -> Iterator[tuple[LogFile, FileRead]]:
    """Each of ``files`` and what is in it, in the order in which they are done.

    Parquet is left to other processes if there may be any: a damaged file can end Polars' parser and its process.
    """
    total, done = sum(file.size for file in files), 0
    here = processes == 1 or (total < ALONE and not any(file.path.suffix == ".parquet" for file in files))
    for file, read in _alone(files, asked) if here else _shared(files, asked, min(processes, len(files))):
        done += file.size
        if progress:
            progress(done, total)
        yield file, read


def _alone(files: Iterable[LogFile], asked: Asked) -> Iterator[tuple[LogFile, FileRead]]:
    for file in files:
        yield file, read_file(file, asked)


def _shared(files: Sequence[LogFile], asked: Asked, count: int) -> Iterator[tuple[LogFile, FileRead]]:
    """The same by several processes; a few files ahead of what is taken, so that results do not pile up."""
    with readers(count) as pool:
        waiting = iter(files)
        running = {pool.begin(file, asked): file for file in islice(waiting, 2 * count)}
        while running:
            ready = next(as_completed(running))
            file = running.pop(ready)
            following = next(waiting, None)
            if following is not None:
                running[pool.begin(following, asked)] = following
            yield file, pool.end(ready, file, asked)


class Readers:
    """Processes that read. If one dies, what any of them was at is read anew, each file by a process of its own."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = _pool(count)

    def begin(self, file: LogFile, asked: Asked) -> Future[FileRead]:
        """Have ``file`` read."""
        try:
            return self._pool.submit(read_file, file, asked)
        except BrokenProcessPool:
            self._pool.shutdown()
            self._pool = _pool(self._count)
            return self._pool.submit(read_file, file, asked)

    def end(self, begun: Future[FileRead], file: LogFile, asked: Asked) -> FileRead:
        """What was read, once it is. Raises what ``read_file`` does."""
        try:
            return begun.result()
        except BrokenProcessPool:
            return _apart(file, asked)

    def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def readers(count: int) -> Iterator[Readers]:
    """``Readers`` that end with this process, however it ends."""
    made = Readers(count)
    try:
        yield made
    finally:
        made.close()


def _apart(file: LogFile, asked: Asked) -> FileRead:
    """Read a file by a process that nothing else depends on."""
    with _pool(1) as pool:
        try:
            return pool.submit(read_file, file, asked).result()
        except BrokenProcessPool as error:
            finding = "it ended the process that read it, as too little memory does, and some damaged Parquet files do"
            if file.named or asked.strict:
                raise WorkError(f"{file.path}: {finding}. Leave it out, or get it anew.") from error
            found = FileRead(str(file.path))
            found.broke(0, finding)
            return found


def _pool(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_obey_parent)


def _obey_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does: killed, it tells no one, and one would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
