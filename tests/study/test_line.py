"""Cells of one base model stay together, and a model is loaded as rarely as can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from easyhard.study.cells import Cell
from easyhard.study.line import Job, Line
from easyhard.study.record import Step
from easyhard.study.settings import ModelConfig


def jobs(models: int, cells: int, studies: Sequence[str] = ("",)) -> list[Job]:
    """Model after model, as a run orders them; nothing here looks at the context."""
    nothing: Any = None
    return [
        Job(nothing, Cell(ModelConfig(path=f"m{model}"), bin_, 0, None, None, Step(Path(study), {}, {})), study)
        for model in range(models)
        for study in studies
        for bin_ in range(cells)
    ]


def loads(takes: list[tuple[int, Job]]) -> int:
    """How often a worker had to load another model than it had."""
    has: dict[int, Any] = {}
    count = 0
    for worker, job in takes:
        count += has.get(worker) != job.base
        has[worker] = job.base
    return count


def worked(line: Line, workers: int) -> list[tuple[int, Job]]:
    """All workers at the same pace."""
    found = []
    while len(line):
        for worker in range(workers):
            job = line.take(worker)
            if job is not None:
                found.append((worker, job))
    return found


class InTurn(Line):
    """What went before: whoever is free has the next, whatever model it is of."""

    def take(self, worker: Any) -> Job | None:
        return super().take(None)


@pytest.mark.parametrize(
    ("models", "cells", "workers", "before", "now"),
    [(1, 12, 4, 4, 4), (4, 12, 4, 16, 4), (8, 12, 4, 32, 8), (7, 31, 2, 14, 8), (3, 10, 4, 12, 7), (3, 10, 1, 3, 3)],
)
def test_how_often_models_are_loaded(models: int, cells: int, workers: int, before: int, now: int) -> None:
    assert loads(worked(InTurn(jobs(models, cells)), workers)) == before
    taken = worked(Line(jobs(models, cells)), workers)
    assert loads(taken) == now and len(taken) == models * cells


def test_several_benchmarks_of_a_model_stay_together_too() -> None:
    taken = worked(Line(jobs(2, 5, ("arc", "gsm8k", "math"))), 2)
    assert loads(taken) == 2 and len(taken) == 30


def test_no_worker_is_idle_while_cells_are_left() -> None:
    line = Line(jobs(2, 6))
    taken = worked(line, 4)
    assert [worker for worker, _ in taken[:4]] == [0, 1, 2, 3] and {job.base[0] for _, job in taken[:2]} == {"m0", "m1"}


def test_a_job_that_waits_is_left_out_when_its_turn_comes() -> None:
    given = jobs(1, 4)
    line = Line(given, lambda job: job.cell.train_bin in (0, 2))
    assert [job.cell.train_bin for job in line] == [1, 3] and len(line) == 0 and line.take("late") is None
