"""What happened in a training, step by step, on disk as it happens."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from easyhard.schema import Progress, WorkError
from easyhard.sft.config import Engine

LOG = "training.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """What happened: one entry per optimiser step. ``loss`` is the mean over completion tokens, in nats."""

    n_items: int
    loss: tuple[float, ...]
    gradient_norm: tuple[float, ...]  # before clipping
    learning_rate: tuple[float, ...]
    engine: Engine = "easyhard"
    notes: tuple[str, ...] = ()  # sentences on what was unusual about the model's tokens


@dataclass(slots=True)
class StepLog:
    """Takes each step of a training as it ends: to the file, to the progress bar, and into a TrainingLog."""

    total: int
    progress: Progress | None = None
    file: IO[str] | None = None  # only the first of several processes writes
    steps: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, loss: float, gradient_norm: float, learning_rate: float) -> None:
        """Keep one step. Raises WorkError when loss or gradient is no longer a finite number."""
        step = len(self.steps) + 1
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            raise WorkError(
                f"training stopped at step {step} of {self.total}: loss {loss}, gradient norm {gradient_norm}. "
                f"Lower training.learning_rate, or look at {LOG} for where it went."
            )
        self.steps.append((loss, gradient_norm, learning_rate))
        if self.file:
            entry = {"step": step, "loss": loss, "gradient_norm": gradient_norm, "learning_rate": learning_rate}
            with _writable(self.file.name):
                self.file.write(json.dumps(entry) + "\n")
                self.file.flush()
        if self.progress:
            self.progress(step, self.total)

    def finished(self, n_items: int, engine: Engine, notes: tuple[str, ...]) -> TrainingLog:
        """All of it. Raises WorkError if there are fewer steps than planned."""
        if len(self.steps) != self.total:
            raise WorkError(f"training ended after {len(self.steps)} of {self.total} steps. Train again.")
        loss, norm, rate = zip(*self.steps, strict=True)
        return TrainingLog(n_items, loss, norm, rate, engine, notes)


@contextmanager
def step_log(folder: Path, total: int, progress: Progress | None, *, writes: bool = True) -> Iterator[StepLog]:
    """A StepLog that writes to ``training.jsonl`` in ``folder``, one line a step. Raises WorkError if it cannot."""
    if not writes:
        yield StepLog(total, progress)
        return
    with _writable(folder / LOG):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOG).open("w", encoding="utf-8")
    try:
        yield StepLog(total, progress, file)
    finally:
        with suppress(OSError):  # each line was flushed already
            file.close()


@contextmanager
def _writable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkError(
            f"{path} could not be written: {error.strerror or error}. Free some space or mend its rights."
        ) from error


def read_training_log(folder: Path, n_items: int, engine: Engine, notes: tuple[str, ...] = ()) -> TrainingLog:
    """The log of a training that another process wrote."""
    rows = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    names = ("loss", "gradient_norm", "learning_rate")
    loss, norm, rate = (tuple(float(row[name]) for row in rows) for name in names)
    return TrainingLog(n_items, loss, norm, rate, engine, notes)
