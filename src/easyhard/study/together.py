"""Trainings of one model that go side by side, since one pass through their base serves them all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from easyhard.schema import EasyhardError, WorkError
from easyhard.sft import Training, TrainingLog, stack_size, train_adapters, training_examples
from easyhard.study.cells import Cell, benchmark
from easyhard.study.output import LOG, captured
from easyhard.study.record import attempt_together
from easyhard.study.work import Context, Steps, base_model, base_of, note_commit, note_training, spare, work_cell


def work_cells(context: Context, cells: Sequence[Cell], steps: Steps) -> Iterator[str | None]:
    """Train cells side by side as far as they can be, then work on each; why each failed, or None. Raises DiskError."""
    for cell, error in zip(cells, _train_together(context, cells, steps), strict=True):
        yield error or work_cell(context, cell, steps)


def _train_together(context: Context, cells: Sequence[Cell], steps: Steps) -> list[str | None]:
    """Train as many at a time as there is room for; why each failed, or None.

    Cells that are to be trained alone, for want of memory for more, are left and have None.
    """
    errors: list[str | None] = []
    while len(errors) < len(cells):
        left = cells[len(errors) :]
        size = min(len(left), _size(context, left))
        found = _train_stack(context, left[:size], steps) if size > 1 else [None]
        if all(error and error.startswith("OutOfMemoryError") for error in found):
            base_model.cache_clear()
            found = [None] * size
        errors += found
    return errors


def _size(context: Context, cells: Sequence[Cell]) -> int:
    """How many of ``cells`` to train at a time; what is wrong with one of them is left to its own training to say."""
    if len(cells) == 1:
        return 1
    try:
        model = base_of(cells[0]).plain()
        examples = [
            example
            for one in cells
            if one.items and one.training
            for example in training_examples(model, one.items, benchmark(context.config, one.items), one.training)
        ]
    except EasyhardError:
        return 1
    assert cells[0].training
    return stack_size(model, cells[0].training, examples)


def _train_stack(context: Context, cells: Sequence[Cell], steps: Steps) -> list[str | None]:
    first, base = cells[0], base_of(cells[0])
    assert first.training and first.items
    training, spec = first.training, benchmark(context.config, first.items)
    with ExitStack() as opened:
        ticks = [opened.enter_context(steps(f"{cell.name}: train", len(cells))) for cell in cells]

        def work(folders: list[Path]) -> list[WorkError | None]:
            trainings = [
                Training(cell.items, cell.seed, folder, tick)
                for cell, folder, tick in zip(cells, folders, ticks, strict=True)
                if cell.items and cell.seed is not None
            ]
            model = base.plain()
            logs = train_adapters(model, trainings, spec, training)
            for one, log in zip(trainings, logs, strict=True):
                note_commit(model, one.folder)
                if isinstance(log, TrainingLog):
                    note_training(one.items, log, one.folder)
            spare(base, training)
            return [log if isinstance(log, WorkError) else None for log in logs]

        def captured_work(folders: list[Path]) -> list[WorkError | None]:
            log = folders[0] / LOG
            try:
                with captured(log):
                    return work(folders)
            finally:
                if log.is_file():
                    for folder in folders[1:]:
                        shutil.copy(log, folder)

        return attempt_together(
            [cell.train for cell in cells if cell.train], captured_work if context.capture else work
        )
