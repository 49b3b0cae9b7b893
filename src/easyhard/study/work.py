"""What one cell does: train and evaluate, in whichever process it is given to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from easyhard.atomic import write_parquet
from easyhard.benchmarks import BenchmarkSpec
from easyhard.evaluation import evaluate
from easyhard.files import write_json
from easyhard.llm import LanguageModel, load_model, named_model
from easyhard.responses import write_responses
from easyhard.schema import Bins, Items, Progress, WorkError
from easyhard.sft import load_trained, train
from easyhard.study.cells import Cell, benchmark, evaluated_items
from easyhard.study.disk import DiskError
from easyhard.study.in_context import shown_examples
from easyhard.study.notes import write_notes
from easyhard.study.output import captured
from easyhard.study.record import Step
from easyhard.study.settings import StudyConfig
from easyhard.study.state import is_done, needs_training, weight_files

Steps = Callable[[str], AbstractContextManager[Progress]]  # what shows how far a named step is


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
        return str(error)
    drop_weights(context.config, cell)
    return None


def drop_weights(config: StudyConfig, cell: Cell) -> None:
    """Delete the weights of a finished cell unless the study keeps them."""
    if cell.train is not None and is_done(cell):
        cell.train.drop(weight_files(cell.train.folder, config))


def _train(context: Context, cell: Cell, tick: Progress) -> None:
    assert cell.train and cell.items and cell.training and cell.seed is not None
    chosen, training, seed = cell.items, cell.training, cell.seed

    def work(folder: Path) -> None:
        model = load_model(cell.model.path, revision=cell.model.revision)
        spec = benchmark(context.config, chosen)
        _note_commit(model, folder)
        log = train(model, chosen, spec, training, seed, folder, tick)
        write_notes(log.notes, folder)
        write_parquet(chosen.table.select("item"), folder / "items.parquet")

    _attempt(context, cell.train, work)


def _evaluate(context: Context, cell: Cell, tick: Progress) -> None:
    asked, spec = evaluated_items(context.items, context.bins), benchmark(context.config, context.items)

    def work(folder: Path) -> None:
        model, adapter = _asked(context.config, cell)
        _note_commit(model, folder)
        shown = _shown(context, cell, asked, spec)
        found = evaluate(model, asked, spec, cell.name, tick, shown, context.config.evaluation, folder, adapter)
        write_responses(found.responses, folder / "responses.parquet")
        write_parquet(found.answers, folder / "answers.parquet")

    _attempt(context, cell.evaluate, work)


def _asked(config: StudyConfig, cell: Cell) -> tuple[LanguageModel, Path | None]:
    """The model to ask, and the adapter that its backend is still to put on it."""
    trained = cell.train.folder if cell.train else None
    if config.evaluation.backend == "hf":
        model = load_model(cell.model.path, revision=cell.model.revision)
        return (load_trained(model, trained) if trained else model), None
    if config.evaluation.backend == "openai":
        return named_model(cell.model.path), None
    if trained and not (trained / "adapter_config.json").is_file():
        return named_model(str(trained)), None  # a whole checkpoint
    return named_model(cell.model.path, cell.model.revision), trained


def _note_commit(model: LanguageModel, folder: Path) -> None:
    """Write which commit of the hub a model was, since a branch such as ``main`` may move later."""
    if model.commit:
        write_json({"model": model.name, "commit": model.commit}, folder / "model.json")


def _attempt(context: Context, step: Step, work: Callable[[Path], None]) -> None:
    def captured_work(folder: Path) -> None:
        with captured(folder / "log.txt"):
            work(folder)

    step.attempt(captured_work if context.capture else work)


def _shown(context: Context, cell: Cell, asked: Items, spec: BenchmarkSpec) -> list[list[tuple[str, str]]] | None:
    """Examples that go before each item, where a cell shows its items instead of training on them."""
    in_context = context.config.in_context
    if in_context is None or cell.items is None or cell.seed is None:
        return None
    return shown_examples(cell.items, asked, spec, in_context.examples, cell.seed)
