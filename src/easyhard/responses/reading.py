"""Reading many logs, by several processes where that is faster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from easyhard.responses.listing import LogFile
from easyhard.responses.log import Asked, ChoiceNeeded, FileRead
from easyhard.schema import InputError, Progress, WorkError
from easyhard.wording import shown_all

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
        running = {
            pool.submit(read_file, file, asked): file for file, _ in zip(waiting, range(2 * count), strict=False)
        }
        while running:
            ready = next(as_completed(running))
            read = result_of(ready, running.values())
            file = running.pop(ready)
            following = next(waiting, None)
            if following is not None:
                running[pool.submit(read_file, following, asked)] = following
            yield file, read


def result_of(future: Future[FileRead], running: Iterable[LogFile]) -> FileRead:
    """What a process read. WorkError if it ended before it had: some damaged Parquet files end Polars' parser so."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkError(
            f"A process that reads logs ended before its time, at one of {shown_all([str(f.path) for f in running])}. "
            "Too little memory does that, and some damaged Parquet files do. Read them apart to find which."
        ) from error


@contextmanager
def readers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that read, and that end with this one, however it ends."""
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_obey_parent)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _obey_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does: killed, it tells no one, and one would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
