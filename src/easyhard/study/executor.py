"""What every way of running cells is given and gives back, and what it does with a cell whose process died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from easyhard.sft import MOST_TOGETHER
from easyhard.study.cells import Cell
from easyhard.study.state import is_done, needs_training


@dataclass(frozen=True, slots=True)
class Machines:
    """Where cells run: in processes of this machine, or as tasks of a Ray cluster, each with what it is given."""

    executor: Literal["local", "ray"] = "local"
    workers: int = 1  # processes of this machine; one is this very process
    cpus: int = 1  # cores of one cell on Ray
    gpus: float | None = None  # of one cell on Ray; None is one, if the cluster has any
    memory: float | None = None  # of one cell on Ray, in GiB; None declares nothing
    store: str | None = None  # URL of an object store, where machines of a Ray cluster share no disk
    together: int = MOST_TOGETHER  # adapters trained side by side in one process, at most


@dataclass(frozen=True, slots=True)
class Outcome:
    """A cell that was worked on, and why it failed, or None."""

    cell: Cell
    error: str | None


def give_up(cell: Cell, death: str) -> str:
    """Record the failure of a cell whose process died, and return it as a sentence."""
    error = f"{death[0].upper()}{death[1:]}. Often memory ran out: run fewer cells at once, or smaller batches."
    if not is_done(cell):  # else it died after its last act
        step = cell.train if cell.train is not None and needs_training(cell) else cell.evaluate
        step.give_up(error)
    return error
