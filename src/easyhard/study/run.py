"""The order of a study: calibrate, cut into bins, ask, train, ask again, compare, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from easyhard import bins as bins_room
from easyhard.atomic import write_bytes, write_parquet
from easyhard.benchmarks import BenchmarkSpec
from easyhard.benchmarks.item_table import read_items
from easyhard.evaluation import evaluate
from easyhard.files import read_bank, read_bins, write_bank, write_bins
from easyhard.irt import calibrate
from easyhard.llm import INSTALL_HINT, conversion_folder, converted_gguf, load_model, model_fingerprint
from easyhard.responses import read_responses, write_responses
from easyhard.schema import Bins, GeneralizationMatrix, InputError, ItemBank, Items, Progress, Responses, WorkError
from easyhard.sft import load_trained, train
from easyhard.study.analysis import analyse, write_results
from easyhard.study.cells import Cell, benchmark, evaluated_items, make_cells
from easyhard.study.config import dump_config
from easyhard.study.in_context import shown_examples
from easyhard.study.plan import Plan, make_plan
from easyhard.study.progress import StudyProgress
from easyhard.study.record import Step, file_fingerprint, locked
from easyhard.study.settings import StudyConfig


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """A study that ran to its end; ``failed`` names the cells that have no result."""

    folder: Path
    matrix: GeneralizationMatrix
    answer: str
    failed: tuple[str, ...]


def run_study(config: StudyConfig, progress: StudyProgress | None = None) -> StudyOutcome:
    """Run a study, or what is left of it, and write everything below ``config.out``.

    A step that is finished with the same settings and inputs is not run again. A cell that fails is recorded
    and the others go on. Raises InputError before any work for settings or tables that cannot do.
    """
    progress = progress or StudyProgress()
    responses, items = read_inputs(config)
    plan = make_plan(config, responses, items)
    require_llm()
    with locked(config.out):
        write_bytes(dump_config(config).encode(), config.out / "study.yaml")
        bank, bins = calibrated_and_cut(config, responses, items)
        items = items.select(bins.table["item"].to_list())  # only these say how to score, here as in the analysis
        weights = {model.label: model_fingerprint(model.path, model.revision) for model in config.models}
        cells = make_cells(config, items, bins, weights)
        _convert_models(config, cells, progress)
        with progress.over(_costs(cells, plan)):
            failed = [cell.name for cell in cells if not _run_cell(cell, config, items, bins, progress)]
        matrix, answer = analyse(config.out)
        write_results(config.out, matrix, bank, bins, items, answer)
    return StudyOutcome(config.out, matrix, answer, tuple(failed))


def _convert_models(config: StudyConfig, cells: list[Cell], progress: StudyProgress) -> None:
    """Convert GGUF models that are still needed before the clock of the cells starts."""
    for model in config.models:
        needed = any(cell.model == model and not cell.evaluate.is_done for cell in cells)
        if needed and model.path.endswith(".gguf") and not conversion_folder(Path(model.path)).is_dir():
            progress.note(f"{model.label}: converting the GGUF file, once, in about half a minute")
            converted_gguf(Path(model.path))


def require_llm() -> None:
    """Raise InputError if what runs models is not installed. Imports none of it, since that takes seconds."""
    absent = [name for name in ("torch", "transformers", "peft") if find_spec(name) is None]
    if absent:
        raise InputError(f"not installed: {', '.join(absent)}. {INSTALL_HINT}")


def read_inputs(config: StudyConfig) -> tuple[Responses, Items]:
    """The two tables of a study. Raises InputError for what is wrong with them."""
    responses = read_responses(config.responses.path, config.responses.columns)
    items = read_items(config.items.path, config.items.columns, config.items.answer_is)
    return responses, items


def calibrated_and_cut(config: StudyConfig, responses: Responses, items: Items) -> tuple[ItemBank, Bins]:
    """Item bank and bins, made or as they stand on disk.

    All items with responses are calibrated; those that have text too are cut into bins.
    """
    source = file_fingerprint(config.responses.path)
    calibration = Step(
        config.out / "calibration",
        {"model": "rasch", "columns": config.responses.columns},
        {"responses": source},
    )
    _run_unless_done(calibration, lambda folder: write_bank(calibrate(responses), folder / "bank.parquet"))
    bank = read_bank(calibration.folder / "bank.parquet")
    cut = Step(
        config.out / "bins",
        {**config.bins.model_dump(), "items": config.items.model_dump(mode="json", exclude={"path"})},
        {"calibration": calibration.fingerprint, "items": file_fingerprint(config.items.path)},
    )

    def work(folder: Path) -> None:
        with_text = bank.table.filter(pl.col("item").is_in(items.table["item"].to_list()))
        bins = bins_room.make_bins(ItemBank(with_text, bank.calibration), **config.bins.model_dump())
        write_bins(bins, folder / "bins.parquet")
        write_parquet(items.select(with_text["item"].to_list()).table, folder / "items.parquet")

    _run_unless_done(cut, work)
    return bank, read_bins(cut.folder / "bins.parquet")


def _run_unless_done(step: Step, work: Callable[[Path], None]) -> None:
    if not step.is_done:
        step.run(work)


def _costs(cells: list[Cell], plan: Plan) -> dict[str, float]:
    """Expected cost, in tokens passed forward, of the steps that are still to do."""
    left = {}
    for cell in cells:
        if cell.train and not cell.train.is_done:
            left[f"{cell.name}: train"] = 2 * plan.training_tokens
        if not cell.evaluate.is_done:
            left[f"{cell.name}: evaluate"] = plan.evaluation_tokens
    return left


def _run_cell(cell: Cell, config: StudyConfig, items: Items, bins: Bins, progress: StudyProgress) -> bool:
    """Train and evaluate one cell as far as needed; False if it failed, which its record then says."""
    try:
        if cell.train and not cell.train.is_done:
            with progress.step(f"{cell.name}: train") as tick:
                _train(cell, config, tick)
        if not cell.evaluate.is_done:
            with progress.step(f"{cell.name}: evaluate") as tick:
                _evaluate(cell, config, items, bins, tick)
    except WorkError:
        return False
    return True


def _train(cell: Cell, config: StudyConfig, tick: Progress) -> None:
    assert cell.train and cell.items and cell.training and cell.seed is not None
    step, chosen, training, seed = cell.train, cell.items, cell.training, cell.seed

    def work(folder: Path) -> None:
        model = load_model(cell.model.path, revision=cell.model.revision)
        train(model, chosen, benchmark(config, chosen), training, seed, folder, tick)
        write_parquet(chosen.table.select("item"), folder / "items.parquet")

    step.run(work)


def _evaluate(cell: Cell, config: StudyConfig, items: Items, bins: Bins, tick: Progress) -> None:
    asked, spec = evaluated_items(items, bins), benchmark(config, items)

    def work(folder: Path) -> None:
        model = load_model(cell.model.path, revision=cell.model.revision)
        if cell.train:
            model = load_trained(model, cell.train.folder)
        found = evaluate(model, asked, spec, cell.name, tick, _shown(cell, config, asked, spec))
        write_responses(found.responses, folder / "responses.parquet")
        write_parquet(found.answers, folder / "answers.parquet")

    cell.evaluate.run(work)


def _shown(cell: Cell, config: StudyConfig, asked: Items, spec: BenchmarkSpec) -> list[list[tuple[str, str]]] | None:
    """Examples that go before each item, where a cell shows its items instead of training on them."""
    if config.in_context is None or cell.items is None or cell.seed is None:
        return None
    return shown_examples(cell.items, asked, spec, config.in_context.examples, cell.seed)
