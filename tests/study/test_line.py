"""Cells of one base model stay together, and a model is loaded as rarely as can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from easyhard.sft import TrainingConfig
from easyhard.study.cells import Cell
from easyhard.study.line import Job, Line
from easyhard.study.record import Step
from easyhard.study.settings import ModelConfig
from sums import sums


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
            found += [(worker, job) for job in line.take(worker)]
    return found


class InTurn(Line):
    """What went before: whoever is free has the next, whatever model it is of."""

    def take(self, worker: Any, workers: int = 1) -> list[Job]:
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
    assert [job.cell.train_bin for (job,) in line] == [1, 3] and len(line) == 0 and line.take("late") == []


def trainings(root: Path, count: int, epochs: int = 1) -> list[Job]:
    """Cells of one model that can be trained side by side, none done."""
    nothing: Any = None
    training, model = TrainingConfig(epochs=epochs, engine="easyhard"), ModelConfig(path="m")
    return [
        Job(nothing, Cell(model, bin_, 0, sums(4), Step(root / str(bin_), {}, {}), Step(root, {}, {}), training))
        for bin_ in range(count)
    ]


def sizes(line: Line, workers: int) -> list[int]:
    found = []
    while jobs := line.take("any", workers):
        found.append(len(jobs))
    return found


def test_those_that_train_side_by_side_are_given_together_but_every_worker_has_a_share(tmp_path: Path) -> None:
    assert sizes(Line(trainings(tmp_path, 10), together=4), 1) == [4, 4, 2]
    assert sizes(Line(trainings(tmp_path, 10), together=16), 4) == [3, 2, 2, 1, 1, 1]
    assert sizes(Line(trainings(tmp_path, 3)), 1) == [1, 1, 1]


def test_what_differs_is_not_given_together(tmp_path: Path) -> None:
    both = Line([*trainings(tmp_path, 2), *trainings(tmp_path, 3, epochs=2)], together=16)
    assert sizes(both, 1) == [2, 3]


def test_what_is_put_back_comes_next_and_one_by_one(tmp_path: Path) -> None:
    line = Line(trainings(tmp_path, 5), together=3)
    taken = line.take("a")
    line.put_back(taken[1:])
    assert [[job.cell.train_bin for job in given] for given in line] == [[1], [2], [3, 4]]
