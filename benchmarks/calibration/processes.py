"""Run one command under a budget of time and memory, and see what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Finished:
    """How a process ended."""

    stopped: str | None  # "time" or "memory" if it was ended for exceeding that budget
    exit_code: int
    seconds: float  # of the whole process
    peak_memory: int  # bytes, the largest resident set, from the system's accounting of this child


def run(command: list[str], log: Path, seconds: float, memory: float) -> Finished:
    """Run ``command``; its output goes to ``log``. ``memory`` in bytes is watched where /proc exists."""
    began = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
        stopped = None
        while True:
            # wait4 and not wait: it alone returns the resources of this one child.
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            stopped = stopped or _exceeded(process.pid, time.monotonic() - began > seconds, memory)
            if stopped:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return Finished(stopped, process.returncode, time.monotonic() - began, used.ru_maxrss * unit)


def all_memory() -> int:
    """Bytes of memory in this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def last_words(log: Path) -> str:
    """The last line that a failed process wrote, and the innermost file of its traceback."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    places = [line for line in lines if line.startswith('File "')]
    if not places:
        return lines[-1]
    file, number = places[-1].split('"')[1], places[-1].split("line ")[1].split(",")[0]
    return f"{lines[-1]} ({'/'.join(Path(file).parts[-2:])}, line {number})"


def _exceeded(pid: int, too_long: bool, memory: float) -> str | None:
    if too_long:
        return "time"
    return "memory" if _resident(pid) > memory else None


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
