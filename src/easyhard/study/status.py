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
from easyhard.study.record import Step
from easyhard.study.state import began, cell_path, error_of, is_done, needs_training

SCHEMA = {
    "cell": pl.String, "model": pl.String, "train_bin": pl.Int64, "mixture": pl.String, "seed": pl.Int64,
    "training": pl.String, "evaluation": pl.String, "state": pl.String, "since": pl.String, "seconds": pl.Float64,
    "error": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """Cells of a study, one row each, and how long those that are left will take.

    Columns of ``cells``: ``cell`` (its path below models), ``model, train_bin, mixture, seed``; ``training`` and
    ``evaluation`` (``done``, ``failed``, ``to do``, ``not applicable``, or done and ``dropped``); ``state`` of the
    whole (``done``, ``running``, ``failed``, ``to do``), ``since`` when it is running (UTC); ``seconds`` and
    ``error``. ``seconds_left`` is at the pace of the finished cells, None before there is one; ``is_running`` says
    whether a process is at work.
    """

    cells: pl.DataFrame
    seconds_left: float | None
    is_running: bool

    def count(self, state: str) -> int:
        """Cells in ``state``."""
        return self.cells.filter(pl.col("state") == state).height


def status(folder: Path) -> pl.DataFrame:
    """One row per cell of a study, as in ``StudyStatus``."""
    return study_status(folder).cells


def study_status(folder: Path) -> StudyStatus:
    """How far the study in ``folder`` is. Raises InputError if it is none, or has no bins yet."""
    config, _, bins, items = open_study(folder)
    is_running = is_locked(folder)
    cells = recorded_cells(config, items, bins)
    table = pl.DataFrame([_row(cell, is_running) for cell in cells], schema=SCHEMA)
    return StudyStatus(table, _seconds_left(cells, table), is_running)


def _row(cell: Cell, is_running: bool) -> dict[str, object]:
    known = [record for record in (step.record for step in (cell.train, cell.evaluate) if step) if record]
    since = began(cell) if is_running else None
    return {
        "cell": cell_path(cell),
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


def _seconds_left(cells: list[Cell], table: pl.DataFrame) -> float | None:
    """At the pace of the finished steps of each model, with as many at a time as run now."""
    took: dict[tuple[str, str], list[float]] = {}
    for cell in cells:
        for kind, step in (("train", cell.train), ("evaluate", cell.evaluate)):
            record = step.record if step else None
            if record and record["status"] == "done":
                took.setdefault((cell.model.label, kind), []).append(record["seconds"])
    left = 0.0
    for cell, state, since in zip(cells, table["state"], table["since"], strict=True):
        if state not in ("to do", "running"):
            continue
        kinds = [kind for kind, needed in _needed(cell) if needed]
        paces = [_pace(took, cell.model.label, kind) for kind in kinds]
        if None in paces:
            return None
        left += max(0.0, sum(pace for pace in paces if pace is not None) - _elapsed(since))
    return left / max(1, table.filter(pl.col("state") == "running").height)


def _needed(cell: Cell) -> list[tuple[str, bool]]:
    return [("train", needs_training(cell)), ("evaluate", not cell.evaluate.is_done)]


def _pace(took: dict[tuple[str, str], list[float]], model: str, kind: str) -> float | None:
    """Mean seconds of a kind of step, of this model or else of any; None if none has finished."""
    own = took.get((model, kind)) or [one for (_, other), all_ in took.items() if other == kind for one in all_]
    return mean(own) if own else None


def _elapsed(since: str | None) -> float:
    """Seconds since a moment by the wall clock; never negative, although such a clock may be set back."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()) if since else 0.0
