"""Run a study: from its settings to its report, doing only what is not done yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from easyhard.atomic import write_bytes
from easyhard.llm import INSTALL_HINT, conversion_folder, converted_gguf, model_fingerprint
from easyhard.responses import read_responses
from easyhard.schema import GeneralizationMatrix, InputError, Items, Responses, WorkError
from easyhard.schema import Progress as Tick
from easyhard.study.analysis import Analysis, read_analysis, write_results
from easyhard.study.apart import fetch_absent, push_trainings
from easyhard.study.cells import Cell, make_cells
from easyhard.study.compare import Comparison, write_comparison
from easyhard.study.config import dump_config
from easyhard.study.disk import DiskError
from easyhard.study.executor import Machines, Outcome
from easyhard.study.line import Job, Line, named
from easyhard.study.lock import locked
from easyhard.study.notes import notes_of
from easyhard.study.plan import Plan, make_plan
from easyhard.study.processes import run_in_processes
from easyhard.study.progress import StudyProgress
from easyhard.study.ray_cells import run_on_ray
from easyhard.study.settings import StudyConfig
from easyhard.study.several import Studies, dump_studies, one_study
from easyhard.study.standing import Hopeless, costs, what_stands
from easyhard.study.state import Selection, cell_path, error_of, is_done
from easyhard.study.store import Store, open_store
from easyhard.study.tables import calibrated_and_cut, study_items
from easyhard.study.together import work_cells
from easyhard.study.work import Context, base_model, drop_weights
from easyhard.wording import counted


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """A study after a run: ``failed`` names the cells without a result, ``left`` counts those still to do."""

    folder: Path
    matrix: GeneralizationMatrix
    answer: str
    failed: tuple[str, ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class SeveralOutcome:
    """Studies of several benchmarks after a run. ``absent`` says why a benchmark has no outcome, by its name."""

    folder: Path
    by_name: Mapping[str, StudyOutcome]
    absent: Mapping[str, str]
    comparison: Comparison | None  # where two or more have an outcome
    failed: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class _Tables:
    """What one study is made of, read and found to do."""

    responses: Responses
    items: Items
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Study:
    """One study whose bins are made, with all its cells."""

    name: str  # of its benchmark among several; else empty
    context: Context
    cells: list[Cell]
    plan: Plan


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
    with ExitStack() as held:
        (study,) = _run(one_study(config), held, progress or StudyProgress(), selection, machines or Machines())
        return _finished(study)[1]


def run_studies(
    studies: Studies,
    progress: StudyProgress | None = None,
    selection: Selection | None = None,
    machines: Machines | None = None,
) -> SeveralOutcome:
    """Run the studies of several benchmarks in one go, model after model, and compare them.

    As ``run_study`` for each: all are read before any work, and what is wrong with one stops all. Each has its report;
    where two or more have results, ``comparison/`` has their tests side by side.
    """
    progress = progress or StudyProgress()
    with ExitStack() as held:
        found = _run(studies, held, progress, selection, machines or Machines())
        done, absent, analyses = dict[str, StudyOutcome](), dict[str, str](), dict[str, Analysis]()
        for study in found:
            try:
                analyses[study.name], done[study.name] = _finished(study)
            except DiskError:
                raise
            except (InputError, WorkError) as error:  # nothing evaluated in it yet, or nothing that could be
                absent[study.name] = str(error)
                progress.note(f"{study.name} has no report yet: {error}")
        comparison = None
        if len(done) > 1:
            comparison = write_comparison(studies.out, analyses)
    failed = [named(study.name, cell.name) for study in found for cell in study.cells if error_of(cell) is not None]
    left = sum(not is_done(cell) for study in found for cell in study.cells) - len(failed)
    return SeveralOutcome(studies.out, done, absent, comparison, tuple(failed), left)


def _run(
    studies: Studies, held: ExitStack, progress: StudyProgress, selection: Selection | None, machines: Machines
) -> list[_Study]:
    """All cells that are chosen worked on; the studies, whose folders ``held`` goes on to hold."""
    store = open_store(machines.store, studies.out) if machines.store else None
    if store and machines.executor != "ray":
        raise InputError("--store is for machines that share no disk. Add --executor ray, or leave --store out.")
    tables = {name: _read(name, config, progress) for name, config in studies.by_name.items()}
    require_llm()
    for folder in dict.fromkeys([studies.out, *(config.out for config in studies.by_name.values())]):
        held.enter_context(locked(folder))
    write_bytes(dump_studies(studies).encode(), studies.out / "study.yaml")
    if store:
        store.note("study.yaml", dump_studies(studies))  # and nothing is worked on where nothing can be written
    found = [_prepared(name, config, tables[name], store) for name, config in studies.by_name.items()]
    jobs = _model_by_model(found)
    if store and (number := fetch_absent(store, [job.cell for job in jobs])):
        progress.note(f"{counted(number, 'step')} fetched from {store.url}.")
    places = (selection or Selection()).of([job.cell for job in jobs], [cell_path(job.cell, job.study) for job in jobs])
    chosen = [jobs[place] for place in places]
    for line in what_stands(jobs, len(chosen), selection or Selection()):
        progress.note(line)
    _convert_models(chosen, progress)
    for job in jobs:
        _drop(job, store)
    if store:
        push_trainings(store, [job.cell for job in chosen])
    plans = {study.name: study.plan for study in found}
    with progress.over(costs(chosen, plans, by_cell=machines.executor == "ray")):
        _work_on(Line(chosen, Hopeless(jobs, progress), machines.together), progress, machines)
    return found


def _read(name: str, config: StudyConfig, progress: StudyProgress) -> _Tables:
    try:
        responses = read_responses(config.responses.path, config.responses.columns)
        items, notes = study_items(config)
        plan = make_plan(config, responses, items)
    except InputError as error:
        if not name:
            raise
        raise InputError(f"benchmark {name!r}: {error}") from error
    for note in notes:
        progress.note(named(name, note))
    return _Tables(responses, items, plan)


def _prepared(name: str, config: StudyConfig, tables: _Tables, store: Store | None) -> _Study:
    write_bytes(dump_config(config).encode(), config.out / "study.yaml")
    _, bins = calibrated_and_cut(config, tables.responses, tables.items, store)
    # Only these say how to score, here as in the analysis.
    items = tables.items.select(bins.table["item"].to_list())
    weights = {model.label: model_fingerprint(model.path, model.revision) for model in config.models}
    cells = make_cells(config, items, bins, weights)
    return _Study(name, Context(config, items, bins), cells, tables.plan)


def _finished(study: _Study) -> tuple[Analysis, StudyOutcome]:
    found = read_analysis(study.context.config.out)
    write_results(found)
    failed = tuple(cell.name for cell in study.cells if error_of(cell) is not None)
    left = sum(not is_done(cell) for cell in study.cells) - len(failed)
    return found, StudyOutcome(found.config.out, found.matrix, found.answer, failed, left)


def _model_by_model(studies: Sequence[_Study]) -> list[Job]:
    """All cells, those of one model together: it is then read from disk, or fetched, once and not in turns."""
    models = studies[0].context.config.models
    return [
        Job(study.context, cell, study.name)
        for model in models
        for study in studies
        for cell in study.cells
        if cell.model == model
    ]


def _work_on(line: Line, progress: StudyProgress, machines: Machines) -> None:
    names = {job.cell.evaluate.folder: job.name for job in line.waiting()}
    told = set[str]()
    for outcome in _execute(line, progress, machines):
        cell, name = outcome.cell, names[outcome.cell.evaluate.folder]
        if outcome.error is not None:
            progress.note(f"{name} failed: {outcome.error}")
            progress.given_up(name)
        for note in (f"{cell.model.label}: {note}" for note in notes_of(cell)):
            if note not in told:
                told.add(note)
                progress.note(note)


def _execute(line: Line, progress: StudyProgress, machines: Machines) -> Iterator[Outcome]:
    if machines.executor == "ray":
        return run_on_ray(line, progress, machines)
    if machines.workers > 1:
        return run_in_processes(line, progress.step, machines.workers)
    return _run_here(line, progress)


def _run_here(line: Line, progress: StudyProgress) -> Iterator[Outcome]:
    """Work through ``line`` in this process."""
    try:
        for jobs in line:
            cells, steps = [job.cell for job in jobs], partial(_step, progress, jobs[0].study)
            for cell, error in zip(cells, work_cells(jobs[0].context, cells, steps), strict=True):
                yield Outcome(cell, error)
    finally:
        base_model.cache_clear()


def _step(progress: StudyProgress, study: str, name: str, together: int = 1) -> AbstractContextManager[Tick]:
    return progress.step(named(study, name), together)


def _drop(job: Job, store: Store | None) -> None:
    """Delete the weights of a finished cell unless its study keeps them, here and in the store."""
    train = job.cell.train
    had_dropped = train is not None and train.has_dropped
    drop_weights(job.context.config, job.cell)
    if store and train is not None and train.has_dropped and not had_dropped:
        store.drop(train)


def _convert_models(chosen: Sequence[Job], progress: StudyProgress) -> None:
    """Convert GGUF models that are still needed before the clock of the cells starts."""
    for model in dict.fromkeys(job.cell.model for job in chosen):
        if model.path.endswith(".gguf") and not conversion_folder(Path(model.path)).is_dir():
            progress.note(f"{model.label}: converting the GGUF file, once, in about half a minute")
            converted_gguf(Path(model.path))


def require_llm() -> None:
    """Raise InputError if what runs models is not installed. Imports none of it, since that takes seconds."""
    absent = [name for name in ("torch", "transformers", "peft") if find_spec(name) is None]
    if absent:
        raise InputError(f"not installed: {', '.join(absent)}. {INSTALL_HINT}")
