"""How far a study is, from its folder alone: also from another shell while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import polars as pl

from easyhard.study.analysis import open_study, recorded_cells
from easyhard.study.cells import Cell
from easyhard.study.lock import is_locked
from easyhard.study.notes import notes_of
from easyhard.study.record import Step
from easyhard.study.several import study_folders
from easyhard.study.state import began, cell_path, error_of, is_done, needs_training, steps_of

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "cell": pl.String, "model": pl.String, "train_bin": pl.Int64, "mixture": pl.String, "seed": pl.Int64,
    "training": pl.String, "evaluation": pl.String, "state": pl.String, "since": pl.String, "seconds": pl.Float64,
    "error": pl.String, "notes": pl.List(pl.String),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """Cells of a study, one row each, and how long those that are left will take.

    Columns of ``cells``: ``cell`` (its path below models, after its benchmark's name where there are several),
    ``model, train_bin, mixture, seed``; ``training`` and ``evaluation`` (``done``, ``failed``, ``to do``,
    ``not applicable``, or done and ``dropped``); ``state`` of the whole (``done``, ``running``, ``failed``,
    ``to do``), ``since`` when it is running (UTC); ``seconds``, ``error`` and ``notes`` (what its training found
    unusual about the model's tokens). ``seconds_left`` is at the pace of the finished cells, None before there is
    one; ``is_running`` says whether a process is at work.
    """

    cells: pl.DataFrame
    seconds_left: float | None
    is_running: bool

    def count(self, state: str) -> int:
        """Cells in ``state``."""
        return self.cells.filter(pl.col("state") == state).height

    @property
    def notes(self) -> list[str]:
        """What trainings found unusual, each with its model, once."""
        rows = self.cells.select("model", "notes").explode("notes").drop_nulls().rows()
        return list(dict.fromkeys(f"{model}: {note}" for model, note in rows))


def status(folder: Path) -> pl.DataFrame:
    """One row per cell of a study, as in ``StudyStatus``."""
    return study_status(folder).cells


def study_status(folder: Path) -> StudyStatus:
    """How far the study in ``folder`` is, or the studies of its benchmarks.

    Raises InputError if it is none, or has no bins yet.
    """
    is_running = is_locked(folder)
    cells = [(name, cell) for name, place in study_folders(folder).items() for cell in _cells(place)]
    table = pl.DataFrame([_row(name, cell, is_running) for name, cell in cells], schema=SCHEMA)
    return StudyStatus(table, _seconds_left(cells, table), is_running)


def _cells(folder: Path) -> list[Cell]:
    config, _, bins, items = open_study(folder)
    return recorded_cells(config, items, bins)


def _row(study: str, cell: Cell, is_running: bool) -> dict[str, object]:
    known = [record for record in (step.record for step in steps_of(cell)) if record]
    since = began(cell) if is_running else None
    return {
        "cell": cell_path(cell, study),
        "model": cell.model.label,
        "train_bin": None if isinstance(cell.train_bin, str) else cell.train_bin,
        "mixture": cell.train_bin if isinstance(cell.train_bin, str) else None,
        "seed": cell.seed,
        "training": _state(cell.train) if cell.train else "not applicable",
        "evaluation": _state(cell.evaluate),
        "state": "running" if since else _whole_state(cell),
        "since": since,
        "seconds": sum(record["seconds"] for record in known) if known else None,
        "error": error_of(cell),
        "notes": notes_of(cell),
    }


def _state(step: Step) -> str:
    record = step.record
    if record is None:
        return "to do"
    return "dropped" if record.get("dropped") else str(record["status"])


def _whole_state(cell: Cell) -> str:
    if is_done(cell):
        return "done"
    return "failed" if error_of(cell) is not None else "to do"


def _seconds_left(cells: list[tuple[str, Cell]], table: pl.DataFrame) -> float | None:
    """At the pace of the finished steps of each model, with as many at a time as run now."""
    took: dict[tuple[str, str, str], list[float]] = {}
    for study, cell in cells:
        for kind, step in (("train", cell.train), ("evaluate", cell.evaluate)):
            record = step.record if step else None
            if record and record["status"] == "done":
                took.setdefault((study, cell.model.label, kind), []).append(record["seconds"])
    left = 0.0
    for (study, cell), state, since in zip(cells, table["state"], table["since"], strict=True):
        if state not in ("to do", "running"):
            continue
        kinds = [kind for kind, needed in _needed(cell) if needed]
        paces = [_pace(took, study, cell.model.label, kind) for kind in kinds]
        if None in paces:
            return None
        left += max(0.0, sum(pace for pace in paces if pace is not None) - _elapsed(since))
    return left / max(1, table.filter(pl.col("state") == "running").height)


def _needed(cell: Cell) -> list[tuple[str, bool]]:
    return [("train", needs_training(cell)), ("evaluate", not cell.evaluate.is_done)]


def _pace(took: dict[tuple[str, str, str], list[float]], study: str, model: str, kind: str) -> float | None:
    """Mean seconds of a kind of step, of this benchmark and model or else of any; None if none has finished."""
    alike = [one for key, all_ in took.items() if key[2] == kind for one in all_]
    own = took.get((study, model, kind)) or alike
    return mean(own) if own else None


def _elapsed(since: str | None) -> float:
    """Seconds since a moment by the wall clock; never negative, although such a clock may be set back."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()) if since else 0.0
