"""Commands about studies: the demo, running one, checking it before, looking at it while and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from easyhard.cli.common import AsJson, console, errors, print_json, show
from easyhard.cli.plans import show_plans
from easyhard.schema import EasyhardError, WorkError

StudyFile = Annotated[Path, typer.Argument(help="The study, as YAML; docs/study.md explains every key.")]
StudyFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to.")]
STATES = {"done": "done", "running": "running", "failed": "failed", "to do": "left"}
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a setting, e.g. --set bins.count=5.")]


class Executor(StrEnum):
    """Ways to run cells."""

    local = "local"
    ray = "ray"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the study.")] = Path("easyhard-demo"),
    full: Annotated[bool, typer.Option("--full", help="Ten bins and three seeds instead of five and one.")] = False,
) -> None:
    """A whole study, offline, small and real: minutes on two cores without a GPU.

    Example: easyhard demo --out easyhard-demo
    """
    from easyhard.demo import demo_config
    from easyhard.study import require_llm

    require_llm()  # before anything is written
    _run(demo_config(out.resolve(), full))


def run(
    study: StudyFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    set_: Overrides = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Run only such cells, e.g. 'small/bin-0*' or seed-1.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Run at most so many cells now.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also run the cells again that failed before.")
    ] = False,
    executor: Annotated[Executor, typer.Option(help="Processes of this machine, or a Ray cluster.")] = Executor.local,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work on cells at a time, on this machine.")] = 1,
    cpus: Annotated[int, typer.Option(min=1, help="CPU cores of one cell, on Ray.")] = 1,
    gpus: Annotated[
        float | None, typer.Option(min=0, help="GPUs of one cell, on Ray; one if the cluster has any.")
    ] = None,
    memory: Annotated[float | None, typer.Option(min=0, help="Memory of one cell in GiB, on Ray.")] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Where machines that share no disk meet, e.g. s3://bucket/study.")
    ] = None,
    together: Annotated[
        int | None, typer.Option(min=1, help="Adapters to train side by side, at most; as many as pay by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a study: calibrate, bin, fine-tune on each bin, evaluate on every bin, report. Run again to go on.

    Example: easyhard run study.yaml --dry-run --set bins.count=5
    """
    from easyhard.sft import MOST_TOGETHER
    from easyhard.study import Machines, Selection, read_studies

    studies = read_studies(study, set_ or [])
    if dry_run:
        show_plans(studies, as_json, workers)
        return
    selection = Selection(tuple(only or ()), limit, retry_failed)
    machines = Machines(executor.value, workers, cpus, gpus, memory, store, together or MOST_TOGETHER)
    if studies.are_several:
        _run_several(studies, as_json, selection, machines)
    else:
        _run(studies.by_name[""], as_json, selection, machines)


def validate(study: StudyFile, set_: Overrides = None) -> None:
    """Check a study's settings and tables, and name every problem at once.

    Example: easyhard validate study.yaml
    """
    from easyhard.study import make_plan, read_inputs, read_studies

    for config in read_studies(study, set_ or []).by_name.values():
        make_plan(config, *read_inputs(config))
    console.print(f"{study} is a valid study.", highlight=False, markup=False)


def status(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="A study's folder.")], as_json: AsJson = False
) -> None:
    """Show which cells of a study are done, running, failed or left, and the time left, also while it runs.

    Example: easyhard status runs/my-study
    """
    from easyhard.study import duration, study_status

    found = study_status(run_)
    shown = found.cells.select("cell", "state", "since", "training", "evaluation", "seconds", "error")
    show(shown, "Cells", found.cells.to_dicts(), as_json)
    if as_json:
        return
    counts = ", ".join(f"{found.count(state)} {name}" for state, name in STATES.items())
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
    left = f"; about {duration(found.seconds_left)} left" if found.seconds_left else ""
    at_work = "A process is at work." if found.is_running else "No process is at work."
    console.print(f"\n{counts} of {found.cells.height} cells{left}. {at_work}", highlight=False, markup=False)


def verify(run_: StudyFolder, as_json: AsJson = False) -> None:
    """Hash a study's outputs, compute its fingerprints anew, make its matrix anew, and name what does not match.

    Example: easyhard verify runs/my-study
    """
    from easyhard.study import verify as verify_study

    found = verify_study(run_.resolve())
    if found.mismatches or as_json:
        show(found.frame(), "What does not match", asdict(found), as_json)
    if not as_json:
        for note in found.notes:
            console.print(note, highlight=False, markup=False)
    if found.mismatches:
        raise WorkError(
            f"{len(found.mismatches)} finding(s) in {run_}. Run the study again to make anew what does not match, or "
            "easyhard report if only its results differ."
        )
    if not as_json:
        said = f"{found.records} records and {found.files} files match, and so does the matrix made anew."
        console.print(said, highlight=False)


def report(run_: StudyFolder) -> None:
    """Analyse a study anew from the responses on disk, and write its report or reports. Needs no model.

    Example: easyhard report runs/my-study
    """
    from easyhard.study import read_analysis, study_folders, write_results
    from easyhard.study.compare import write_comparison

    found = {}
    for name, folder in study_folders(run_.resolve()).items():
        try:
            found[name] = read_analysis(folder)
        except EasyhardError as error:
            if not name:
                raise
            errors.print(f"{name} has no report yet: {error}", markup=False, highlight=False)
    for one in found.values():
        write_results(one)
        _show_result(one.answer, one.matrix, one.config.out)
    if len(found) > 1:
        comparison = write_comparison(run_.resolve(), found)
        _show_comparison(comparison.together, run_.resolve())


def _run(config: Any, as_json: bool = False, selection: Any = None, machines: Any = None) -> None:
    from easyhard.study import StudyProgress, run_study

    outcome = run_study(config, StudyProgress(errors if as_json else console), selection, machines)
    if as_json:
        print_json(_machine(outcome))
    else:
        _show_result(outcome.answer, outcome.matrix, outcome.folder)
    _end(outcome)


def _run_several(studies: Any, as_json: bool, selection: Any, machines: Any) -> None:
    from easyhard.study import StudyProgress, run_studies

    outcome = run_studies(studies, StudyProgress(errors if as_json else console), selection, machines)
    if as_json:
        print_json({"benchmarks": {name: _machine(one) for name, one in outcome.by_name.items()}})
    else:
        for one in outcome.by_name.values():
            _show_result(one.answer, one.matrix, one.folder)
        if outcome.comparison:
            _show_comparison(outcome.comparison.together, outcome.folder)
    _end(outcome)


def _machine(outcome: Any) -> dict[str, Any]:
    matrix = outcome.matrix
    return {
        "answer": outcome.answer,
        "tests": matrix.tests,
        "cells": matrix.cells.to_dicts(),
        "checks": matrix.checks,
    }


def _end(outcome: Any) -> None:
    """Say what is left; raise WorkError for what failed."""
    if outcome.left:
        errors.print(f"{outcome.left} cell(s) are left to run; the same command goes on.", highlight=False)
    if outcome.failed:
        raise WorkError(
            f"{len(outcome.failed)} cell(s) failed (first: {outcome.failed[0]}). See easyhard status {outcome.folder}; "
            "--retry-failed tries them again."
        )


def _show_comparison(together: Sequence[str], folder: Path) -> None:
    console.print()
    for sentence in together:
        console.print(sentence, markup=False, highlight=False)
    page = folder / "comparison" / "index.html"
    console.print(f"Side by side: {page}", markup=False, highlight=False, soft_wrap=True)


def _show_result(answer: str, matrix: Any, folder: Path) -> None:
    from easyhard.report import print_matrix

    console.print()
    console.print(answer, markup=False, highlight=False)
    console.print()
    print_matrix(matrix, console)
    console.print(f"\nReport: {folder / 'report' / 'index.html'}", markup=False, highlight=False, soft_wrap=True)
