"""Run a study: from its settings to its report, doing only what is not done yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from easyhard import bins as bins_room
from easyhard.atomic import write_bytes, write_parquet
from easyhard.benchmarks.item_table import read_items
from easyhard.benchmarks.loading import load
from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.files import read_bank, read_bins, write_bank, write_bins
from easyhard.irt import calibrate
from easyhard.llm import INSTALL_HINT, conversion_folder, converted_gguf, model_fingerprint
from easyhard.responses import read_responses
from easyhard.schema import Bins, GeneralizationMatrix, InputError, ItemBank, Items, Responses
from easyhard.study.analysis import analyse, write_results
from easyhard.study.cells import Cell, make_cells, table_fingerprint
from easyhard.study.config import dump_config
from easyhard.study.executor import Machines, Outcome, run_here
from easyhard.study.lock import locked
from easyhard.study.plan import Plan, make_plan
from easyhard.study.processes import run_in_processes
from easyhard.study.progress import StudyProgress
from easyhard.study.ray_cells import run_on_ray
from easyhard.study.record import Step, file_fingerprint
from easyhard.study.settings import StudyConfig
from easyhard.study.state import Selection, error_of, is_done, needs_training
from easyhard.study.work import Context, drop_weights
from easyhard.wording import counted, shown_all


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """A study after a run: ``failed`` names the cells without a result, ``left`` counts those still to do."""

    folder: Path
    matrix: GeneralizationMatrix
    answer: str
    failed: tuple[str, ...]
    left: int = 0


def run_study(
    config: StudyConfig,
    progress: StudyProgress | None = None,
    selection: Selection | None = None,
    machines: Machines | None = None,
) -> StudyOutcome:
    """Run a study, or what is left of it, and write everything below ``config.out``.

    A step that is finished with the same settings and inputs is not run again. A cell that fails is recorded
    and the others go on; later runs leave it alone unless ``selection`` says otherwise. Raises InputError before
    any work for settings or tables that cannot do, and WorkError when the output cannot be written.
    """
    progress, selection, machines = progress or StudyProgress(), selection or Selection(), machines or Machines()
    responses = read_responses(config.responses.path, config.responses.columns)
    items, notes = study_items(config)
    for note in notes:
        progress.note(note)
    plan = make_plan(config, responses, items)
    require_llm()
    with locked(config.out):
        write_bytes(dump_config(config).encode(), config.out / "study.yaml")
        bank, bins = calibrated_and_cut(config, responses, items)
        items = items.select(bins.table["item"].to_list())  # only these say how to score, here as in the analysis
        weights = {model.label: model_fingerprint(model.path, model.revision) for model in config.models}
        cells = make_cells(config, items, bins, weights)
        chosen = selection.of(cells)
        for line in _what_stands(cells, chosen, selection):
            progress.note(line)
        _convert_models(config, chosen, progress)
        for cell in cells:
            drop_weights(config, cell)
        hopeful = _unless_hopeless(chosen, cells, progress)
        with progress.over(_costs(chosen, plan, by_cell=machines.executor == "ray")):
            _work_on(hopeful, Context(config, items, bins), progress, machines)
        matrix, answer = analyse(config.out)
        write_results(config.out, matrix, bank, bins, items, answer)
        failed = tuple(cell.name for cell in cells if error_of(cell) is not None)
        left = sum(not is_done(cell) for cell in cells) - len(failed)
    return StudyOutcome(config.out, matrix, answer, failed, left)


def _work_on(cells: Iterator[Cell], context: Context, progress: StudyProgress, machines: Machines) -> None:
    for outcome in _execute(context, cells, progress, machines):
        if outcome.error is not None:
            progress.note(f"{outcome.cell.name} failed: {outcome.error}")
            progress.given_up(outcome.cell.name)


def _execute(context: Context, cells: Iterator[Cell], progress: StudyProgress, machines: Machines) -> Iterator[Outcome]:
    if machines.executor == "ray":
        return run_on_ray(context, cells, progress, machines)
    if machines.workers > 1:
        return run_in_processes(context, cells, progress.step, machines.workers)
    return run_here(context, cells, progress.step, machines.together)


def _unless_hopeless(chosen: Sequence[Cell], cells: Sequence[Cell], progress: StudyProgress) -> Iterator[Cell]:
    """The chosen cells as they are asked for, without those whose zero-shot evaluation has failed by then."""
    origins = {cell.model.label: cell for cell in cells if cell.train_bin is None}
    told = set()
    for cell in chosen:
        origin = origins[cell.model.label]
        if origin is cell or error_of(origin) is None:
            yield cell
            continue
        progress.given_up(cell.name)
        if origin.name not in told:
            told.add(origin.name)
            progress.note(f"{origin.name} failed, so there is nothing to compare with: its other cells wait.")


def _what_stands(cells: Sequence[Cell], chosen: Sequence[Cell], selection: Selection) -> list[str]:
    """What a run finds on disk, and what of it does not stand, in sentences; none if it finds nothing."""
    steps = [step for cell in cells for step in (cell.train, cell.evaluate) if step]
    done, failed = sum(map(is_done, cells)), [cell for cell in cells if error_of(cell) is not None]
    objections = Counter(objection for step in steps if (objection := step.objection))
    lines = []
    if done or objections:
        lines.append(f"{done} of {counted(len(cells), 'cell')} are done already, and stay as they are.")
    lines += [f"{counted(number, 'step')} made before cannot stand: {why}." for why, number in objections.items()]
    if failed and not selection.retry_failed:
        names = shown_all([cell.name for cell in failed], limit=3)
        lines.append(
            f"{counted(len(failed), 'cell')} failed before, and are left so: {names}. --retry-failed runs them again."
        )
    if lines and chosen:
        lines.append(f"{counted(len(chosen), 'cell')} to run now.")
    return lines


def _convert_models(config: StudyConfig, cells: list[Cell], progress: StudyProgress) -> None:
    """Convert GGUF models that are still needed before the clock of the cells starts."""
    for model in config.models:
        needed = any(cell.model == model for cell in cells)
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
    return responses, study_items(config)[0]


def study_items(config: StudyConfig) -> tuple[Items, list[str]]:
    """The items of a study, the user's table or those of its benchmark; and what is unusual about the latter."""
    given = config.items
    if config.benchmark is None or given.columns:
        assert given.path is not None  # the settings see to it
        return read_items(given.path, given.columns, given.answer_is), []
    benchmark = read_benchmark(config.benchmark)
    loaded = load(benchmark, given.path, given.answer_is)
    return loaded.items, loaded.notes(benchmark)


def calibration_step(config: StudyConfig) -> Step:
    """The calibration of a study's responses. Raises InputError if they cannot be read."""
    settings = {"model": "rasch", "columns": config.responses.columns}
    return Step(config.out / "calibration", settings, {"responses": file_fingerprint(config.responses.path)})


def cut_step(config: StudyConfig, items: Items, calibration: Step) -> Step:
    """The cut of a study's items into bins."""
    settings = {**config.bins.model_dump(), "items": config.items.model_dump(mode="json", exclude={"path"})}
    inputs = {"calibration": calibration.fingerprint, "items": table_fingerprint(items)}
    return Step(config.out / "bins", settings, inputs)


def calibrated_and_cut(config: StudyConfig, responses: Responses, items: Items) -> tuple[ItemBank, Bins]:
    """Item bank and bins, made or as they stand on disk.

    All items with responses are calibrated; those that have text too are cut into bins.
    """
    calibration = calibration_step(config)
    _run_unless_done(calibration, lambda folder: write_bank(calibrate(responses), folder / "bank.parquet"))
    bank = read_bank(calibration.folder / "bank.parquet")
    cut = cut_step(config, items, calibration)

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


def _costs(cells: Sequence[Cell], plan: Plan, by_cell: bool) -> dict[str, float]:
    """Expected cost, in tokens passed forward, of the steps of ``cells`` that are still to do, or of whole cells."""
    left: dict[str, float] = {}
    for cell in cells:
        train, evaluate = (cell.name, cell.name) if by_cell else (f"{cell.name}: train", f"{cell.name}: evaluate")
        if needs_training(cell):
            left[train] = 2 * plan.training_tokens
        if not cell.evaluate.is_done:
            left[evaluate] = left.get(evaluate, 0.0) + plan.evaluation_tokens
    return left
