"""What is known of a cell from the disk alone: done, failed, running or still to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from easyhard.schema import InputError
from easyhard.study.cells import Cell
from easyhard.study.record import Step, running_since
from easyhard.study.settings import StudyConfig
from easyhard.wording import did_you_mean

WEIGHTS = ("*.safetensors", "*.bin", "*.pt")  # the files of a training that take space


def cell_path(cell: Cell, study: str = "") -> str:
    """Name of a cell as its folder shows it: ``small/zero-shot``, ``small/bin-03/seed-0``; after its benchmark's."""
    parts = cell.evaluate.folder.parts
    path = "/".join(parts[-2:] if cell.train_bin is None else parts[-4:-1])
    return f"{study}/{path}" if study else path


def steps_of(cell: Cell) -> list[Step]:
    """The steps of a cell in their order."""
    return [step for step in (cell.train, cell.evaluate) if step]


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
    records = [step.record for step in steps_of(cell)]
    return float(sum(record["seconds"] for record in records if record))


def began(cell: Cell) -> str | None:
    """Since when a step of a cell is being worked on, if a process is at work at all; None if none is."""
    for step in steps_of(cell):
        for part in step.folder.parent.glob(f".{step.folder.name}.*.part"):
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

    def of(self, cells: Sequence[Cell], paths: Sequence[str] = ()) -> list[int]:
        """The places in ``cells`` of those to work on now; ``paths`` are their names, by default as ``cell_path`` has.

        Raises InputError for a pattern that fits no cell.
        """
        paths = paths or [cell_path(cell) for cell in cells]
        for pattern in self.only:
            if not any(_fits(path, pattern) for path in paths):
                raise InputError(
                    f"--only {pattern!r} fits none of the {len(cells)} cells, such as {paths[-1]!r}."
                    f"{did_you_mean(pattern, paths)} Write a cell's path with * for what may vary, or a part of it."
                )
        wanted = self._wanted(cells, paths)
        chosen = [place for place, cell in enumerate(cells) if place in wanted and not is_done(cell)]
        left = [place for place in chosen if self.retry_failed or error_of(cells[place]) is None]
        return left[: self.limit]

    def _wanted(self, cells: Sequence[Cell], paths: Sequence[str]) -> set[int]:
        if not self.only:
            return set(range(len(cells)))
        fitting = {place for place, path in enumerate(paths) if any(_fits(path, pattern) for pattern in self.only)}
        origins = {_home(cell): place for place, cell in enumerate(cells) if cell.train_bin is None}
        return fitting | {origins[_home(cells[place])] for place in fitting if _home(cells[place]) in origins}


def _home(cell: Cell) -> Path:
    """Folder of all cells of a model in one study."""
    return cell.evaluate.folder.parents[0 if cell.train_bin is None else 2]


def _fits(path: str, pattern: str) -> bool:
    return any(fnmatchcase(one, pattern) for one in (path, *path.split("/")))
