"""What is known of a cell from the disk alone: done, failed, running or still to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from easyhard.schema import InputError
from easyhard.study.cells import Cell
from easyhard.study.record import running_since
from easyhard.study.settings import StudyConfig
from easyhard.wording import did_you_mean

WEIGHTS = ("*.safetensors", "*.bin", "*.pt")  # the files of a training that take space


def cell_path(cell: Cell) -> str:
    """Name of a cell as its folder shows it: ``small/zero-shot``, ``small/bin-03/seed-0``."""
    parts = cell.evaluate.folder.parts
    return "/".join(parts[-2:] if cell.train_bin is None else parts[-4:-1])


def is_done(cell: Cell) -> bool:
    """Whether nothing is left to do for a cell."""
    return cell.evaluate.is_done and (cell.train is None or cell.train.is_done)


def needs_training(cell: Cell) -> bool:
    """Whether a cell must be trained: for the first time, or because its weights were dropped and are needed."""
    train = cell.train
    return train is not None and (not train.is_done or (train.has_dropped and not cell.evaluate.is_done))


def error_of(cell: Cell) -> str | None:
    """Why a cell failed; None if it did not."""
    return (cell.train.error if cell.train else None) or cell.evaluate.error


def seconds_of(cell: Cell) -> float:
    """What the steps of a cell took that have a record, without what it waited."""
    records = [step.record for step in (cell.train, cell.evaluate) if step]
    return float(sum(record["seconds"] for record in records if record))


def began(cell: Cell) -> str | None:
    """Since when a step of a cell is being worked on, if a process is at work at all; None if none is."""
    for step in (cell.train, cell.evaluate):
        for part in step.folder.parent.glob(f".{step.folder.name}.*.part") if step else ():
            if since := running_since(part):
                return since
    return None


def weight_files(folder: Path, config: StudyConfig) -> list[str]:
    """Files of a finished training that its study does not keep."""
    if config.keep == "all" or (config.keep == "adapter" and config.training.method == "lora"):
        return []
    return sorted(str(file.relative_to(folder)) for kind in WEIGHTS for file in folder.rglob(kind))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the cells that are not done a run takes on.

    ``only``: patterns such as ``small/bin-0[0-4]/seed-*``; one without ``/`` is held against each part of a cell's
    path. A cell that any of them fits is taken, and the zero-shot evaluation of its model with it, which it is
    compared with. ``limit``: at most so many cells, in order. ``retry_failed``: also those that failed before.
    """

    only: tuple[str, ...] = ()
    limit: int | None = None
    retry_failed: bool = False

    def of(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells to work on now. Raises InputError for a pattern that fits no cell."""
        for pattern in self.only:
            if not any(_fits(cell, pattern) for cell in cells):
                paths = [cell_path(cell) for cell in cells]
                raise InputError(
                    f"--only {pattern!r} fits none of the {len(cells)} cells, such as {paths[-1]!r}."
                    f"{did_you_mean(pattern, paths)} Write a cell's path with * for what may vary, or a part of it."
                )
        chosen = [cell for cell in cells if self._wants(cell, cells) and not is_done(cell)]
        left = [cell for cell in chosen if self.retry_failed or error_of(cell) is None]
        return left[: self.limit]

    def _wants(self, cell: Cell, cells: Sequence[Cell]) -> bool:
        if not self.only:
            return True
        mates = [cell] if cell.train_bin is not None else [mate for mate in cells if mate.model == cell.model]
        return any(_fits(mate, pattern) for mate in mates for pattern in self.only)


def _fits(cell: Cell, pattern: str) -> bool:
    path = cell_path(cell)
    return any(fnmatchcase(one, pattern) for one in (path, *path.split("/")))
