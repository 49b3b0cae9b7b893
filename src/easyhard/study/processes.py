"""Cells in several plain processes on this machine, each with its share of the cores."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from easyhard.schema import InputError, Progress
from easyhard.study.disk import DiskError
from easyhard.study.executor import Outcome, give_up
from easyhard.study.line import Job, Line, named
from easyhard.study.work import Context, Steps

TRIES = 2  # a process that dies at a cell twice does not die by accident
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


def run_in_processes(line: Line, steps: Steps, workers: int) -> Iterator[Outcome]:
    """Work through ``line`` in ``workers`` processes and give each outcome as it comes.

    A process keeps to a model as long as there are cells of it. One that dies costs what it was working on; the others
    go on. Cells whose trainings went side by side there are then tried each on its own, and such a cell once more. All
    processes end with this one, however it ends. Raises DiskError, or what stops a process before its first cell.
    """
    team = _Team(line, steps)
    threads = [threading.Thread(target=team.serve, args=(number, workers), daemon=True) for number in range(workers)]
    for thread in threads:
        thread.start()
    try:
        at_work = workers
        while at_work:
            said = team.said.get()
            if said is None:
                at_work -= 1
            elif isinstance(said, BaseException):
                raise said
            else:
                yield said
    finally:
        team.stop()
        for thread in threads:
            thread.join()


class _Team:
    """Processes that take their cells from one line, each served by a thread."""

    def __init__(self, line: Line, steps: Steps) -> None:
        self.said: queue.Queue[Outcome | BaseException | None] = queue.Queue()
        self._line, self._steps = line, steps
        self._changing = threading.Lock()
        self._stopped = False
        self._processes: dict[int, _Process] = {}

    def serve(self, number: int, workers: int) -> None:
        """Give one process cell after cell until there are none left."""
        try:
            while jobs := self._next(number, workers):
                if len(jobs) == 1:
                    self.said.put(Outcome(jobs[0].cell, self._work(jobs[0], number, workers)))
                else:
                    self._work_together(jobs, number, workers)
        except BaseException as error:  # raised anew where the outcomes are read
            self.said.put(error)
        finally:
            self._end(number)
            self.said.put(None)

    def stop(self) -> None:
        """End all processes, and begin no other cell. The threads that serve them notice, and clear up."""
        with self._changing:  # no process may begin unseen
            self._stopped = True
            for process in self._processes.values():
                process.kill()

    def _next(self, number: int, workers: int) -> list[Job]:
        with self._changing:
            return [] if self._stopped else self._line.take(number, workers)

    def _work(self, job: Job, number: int, workers: int) -> str | None:
        death = ""
        for _ in range(TRIES):
            process = self._process(number, workers)
            if process is None:
                return "stopped"
            try:
                (error,) = process.work([job], self._steps)
                return error
            except EOFError:
                death = self._bury(process, number)
        if self._stopped:
            return "stopped"
        return give_up(job.cell, f"the process that worked on it {death}, and so did a second one")

    def _work_together(self, jobs: list[Job], number: int, workers: int) -> None:
        process = self._process(number, workers)
        if process is None:
            return
        left = list(jobs)
        try:
            for error in process.work(jobs, self._steps):
                self.said.put(Outcome(left.pop(0).cell, error))
        except EOFError:
            self._bury(process, number)
            self._line.put_back(left)

    def _process(self, number: int, workers: int) -> _Process | None:
        """The process of a thread, a new one if it has none; None if all is to stop."""
        with self._changing:
            if self._stopped:
                return None
            if number not in self._processes:
                self._processes[number] = _Process(_environment(number, workers))
            return self._processes[number]

    def _bury(self, process: _Process, number: int) -> str:
        with self._changing:
            del self._processes[number]
        return process.end()

    def _end(self, number: int) -> None:
        with self._changing:
            process = self._processes.pop(number, None)
        if process:
            process.kill()
            process.end()


class _StepFailed(Exception):
    """A step that a process ended without success, for whatever shows its progress."""


class _Shown:
    """The steps that a process is at, for whatever shows their progress."""

    def __init__(self, study: str, steps: Steps) -> None:
        self._study, self._steps = study, steps
        self._open: dict[str, tuple[ExitStack, Progress]] = {}

    def hear(self, kind: str, name: str, *said: int) -> None:
        """That a step begins, is so far, or has ended well."""
        if kind == "step":
            opened = ExitStack()
            self._open[name] = opened, opened.enter_context(self._steps(named(self._study, name), *said))
        elif kind == "tick":
            self._open[name][1](*said)
        else:
            self._open.pop(name)[0].close()

    def end(self) -> None:
        """That whatever has not ended well has failed."""
        failure = _StepFailed()
        for opened, _ in self._open.values():
            with suppress(_StepFailed), opened:
                raise failure
        self._open.clear()


class _Process:
    """A process that works on some cells at a time; it ends when this one does, since its input does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Of a session of its own: Ctrl-C is for this process, which then ends the others.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "easyhard.study.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True,
        )  # fmt: skip
        self._context: Context | None = None  # what it was sent last

    def work(self, jobs: Sequence[Job], steps: Steps) -> Iterator[str | None]:
        """Why each cell failed, or None, as it ends; all of one study.

        Raises EOFError if the process died, DiskError if the disk is full.
        """
        if self._context is not jobs[0].context:
            self._send(jobs[0].context)
            self._context = jobs[0].context
        self._send([job.cell for job in jobs])
        shown = _Shown(jobs[0].study, steps)
        left = len(jobs)
        try:
            while left:
                kind, *said = self._receive()
                if kind == "outcome":
                    left -= 1
                    shown.end()
                    yield said[0]
                elif kind in ("disk", "refused"):
                    raise {"disk": DiskError, "refused": InputError}[kind](said[0])
                else:
                    shown.hear(kind, *said)
        finally:
            shown.end()

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()

    def end(self) -> str:
        """Wait for a process that has ended or is about to, and say how it ended, as the end of a sentence."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            _close(stream)
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EOFError from error

    def _receive(self) -> tuple[Any, ...]:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)  # type: ignore[no-any-return]
        except pickle.UnpicklingError as error:  # cut short
            raise EOFError from error


def _close(stream: IO[bytes] | None) -> None:
    try:
        if stream:
            stream.close()
    except OSError:  # what could not be sent to a dead process any more
        pass


def _environment(number: int, workers: int) -> dict[str, str]:
    """Environment of one of ``workers`` processes: its share of the cores, and one GPU if there are any."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {**dict.fromkeys(THREADS, str(max(1, cores // workers))), **os.environ}
    present = [file.name.removeprefix("nvidia") for file in sorted(Path("/dev").glob("nvidia[0-9]*"))]
    devices = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(present)).split(",") if one]
    if devices:
        environment["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]
    return environment
