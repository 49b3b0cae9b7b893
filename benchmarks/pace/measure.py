"""Run one command, and see what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Taken:
    """What a process took. ``memory`` is its largest resident set, in bytes."""

    seconds: float
    memory: int


def timed(command: Sequence[object], log: Path) -> Taken:
    """Run ``command`` to its end; what it prints goes to ``log``. Raises SystemExit if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen([str(part) for part in command], stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = log.read_text(errors="replace").strip().splitlines()[-12:]
        raise SystemExit("\n".join([f"{log} ends with exit code {process.returncode}:", *lines]))
    return Taken(time.monotonic() - began, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def multiply_rate(dtype: str, seconds: float = 2.0) -> float:
    """Floating-point operations a second of matrix products at the shapes of the model, as torch does them here."""
    import torch

    left = torch.ones(512, 576, dtype=getattr(torch, dtype))
    right = torch.ones(1536, 576, dtype=getattr(torch, dtype))
    best, began = 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        for _ in range(10):
            torch.nn.functional.linear(left, right)
        best = max(best, 10 * 2 * 512 * 576 * 1536 / (time.perf_counter() - start))
    return best
