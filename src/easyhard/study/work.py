"""What one cell does: train and evaluate, in whichever process it is given to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from easyhard.atomic import write_parquet
from easyhard.benchmarks import BenchmarkSpec
from easyhard.evaluation import evaluate
from easyhard.files import write_json
from easyhard.llm import LanguageModel, named_model
from easyhard.responses import write_responses
from easyhard.schema import Bins, Items, Progress, WorkError
from easyhard.sft import BaseModel, TrainingConfig, TrainingLog, train
from easyhard.study.cells import Cell, benchmark, evaluated_items
from easyhard.study.disk import DiskError
from easyhard.study.in_context import shown_examples
from easyhard.study.notes import write_notes
from easyhard.study.output import LOG, captured
from easyhard.study.record import Step
from easyhard.study.settings import StudyConfig
from easyhard.study.state import is_done, needs_training, weight_files


class Steps(Protocol):
    """What shows how far a named step is, one of ``together`` that go side by side."""

    def __call__(self, name: str, together: int = 1) -> AbstractContextManager[Progress]:
        """Follow one step until the block ends."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What all cells of a study share. Goes to other processes by pickle."""

    config: StudyConfig
    items: Items  # those in the bins
    bins: Bins
    capture: bool = False  # keep what a failing step prints as its log.txt: where no one sees the terminal


def work_cell(context: Context, cell: Cell, steps: Steps) -> str | None:
    """Train and evaluate one cell as far as needed, and drop what its study does not keep.

    Returns why it failed, which its record also says, or None. Raises DiskError.
    """
    try:
        if needs_training(cell):
            with steps(f"{cell.name}: train") as tick:
                _train(context, cell, tick)
        if not cell.evaluate.is_done:
            with steps(f"{cell.name}: evaluate") as tick:
                _evaluate(context, cell, tick)
    except DiskError:
        raise
    except WorkError as error:
        base_model.cache_clear()  # in whatever state the failure has left it
        return str(error)
    drop_weights(context.config, cell)
    return None


@lru_cache(maxsize=1)
def base_model(path: str, revision: str | None, weights: str) -> BaseModel:
    """The model that this process worked with last, which need not be loaded again for the next cell."""
    return BaseModel(path, revision)


def base_of(cell: Cell) -> BaseModel:
    """The base model of a cell: loaded already if the last cell had it too, with the same weights."""
    weights = (cell.train or cell.evaluate).inputs["model"]
    return base_model(cell.model.path, cell.model.revision, weights)


def spare(base: BaseModel, training: TrainingConfig) -> None:
    """Forget a base that a training has changed: TRL and several processes do, and rounding to bfloat16."""
    if training.chosen_engine != "easyhard" or training.dtype != "float32":
        base.drop()


def drop_weights(config: StudyConfig, cell: Cell) -> None:
    """Delete the weights of a finished cell unless the study keeps them."""
    if cell.train is not None and is_done(cell):
        cell.train.drop(weight_files(cell.train.folder, config))


def _train(context: Context, cell: Cell, tick: Progress) -> None:
    assert cell.train and cell.items and cell.training and cell.seed is not None
    chosen, training, seed = cell.items, cell.training, cell.seed

    def work(folder: Path) -> None:
        base, spec = base_of(cell), benchmark(context.config, chosen)
        note_commit(base.plain(), folder)
        log = train(base.plain(), chosen, spec, training, seed, folder, tick)
        note_training(chosen, log, folder)
        spare(base, training)

    _attempt(context, cell.train, work)


def _evaluate(context: Context, cell: Cell, tick: Progress) -> None:
    asked, spec = evaluated_items(context.items, context.bins), benchmark(context.config, context.items)

    def work(folder: Path) -> None:
        shown = _shown(context, cell, asked, spec)
        with _asked(context.config, cell) as (model, adapter):
            note_commit(model, folder)
            found = evaluate(model, asked, spec, cell.name, tick, shown, context.config.evaluation, folder, adapter)
        write_responses(found.responses, folder / "responses.parquet")
        write_parquet(found.answers, folder / "answers.parquet")

    _attempt(context, cell.evaluate, work)


@contextmanager
def _asked(config: StudyConfig, cell: Cell) -> Iterator[tuple[LanguageModel, Path | None]]:
    """The model to ask, and the adapter that its backend is still to put on it."""
    trained = cell.train.folder if cell.train else None
    if config.evaluation.backend == "hf":
        base = base_of(cell)
        if trained is None:
            yield base.plain(), None
            return
        with base.trained(trained) as model:
            yield model, None
        return
    base_model.cache_clear()  # another program runs the model, and needs the memory
    if config.evaluation.backend == "openai":
        yield named_model(cell.model.path), None
    elif trained and not (trained / "adapter_config.json").is_file():
        yield named_model(str(trained)), None  # a whole checkpoint
    else:
        yield named_model(cell.model.path, cell.model.revision), trained


def note_training(items: Items, log: TrainingLog, folder: Path) -> None:
    """Write which items a training was given, and what was unusual about it."""
    write_notes(log.notes, folder)
    write_parquet(items.table.select("item"), folder / "items.parquet")


def note_commit(model: LanguageModel, folder: Path) -> None:
    """Write which commit of the hub a model was, since a branch such as ``main`` may move later."""
    if model.commit:
        write_json({"model": model.name, "commit": model.commit}, folder / "model.json")


def _attempt(context: Context, step: Step, work: Callable[[Path], None]) -> None:
    def captured_work(folder: Path) -> None:
        with captured(folder / LOG):
            work(folder)

    step.attempt(captured_work if context.capture else work)


def _shown(context: Context, cell: Cell, asked: Items, spec: BenchmarkSpec) -> list[list[tuple[str, str]]] | None:
    """Examples that go before each item, where a cell shows its items instead of training on them."""
    in_context = context.config.in_context
    if in_context is None or cell.items is None or cell.seed is None:
        return None
    return shown_examples(cell.items, asked, spec, in_context.examples, cell.seed)
