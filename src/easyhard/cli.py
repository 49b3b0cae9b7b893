"""The command line: a thin face over the public functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from typer.core import TyperGroup

from easyhard.schema import EasyhardError, InputError, WorkError

console = Console()
errors = Console(stderr=True)


class _Commands(TyperGroup):
    """All commands; left to itself, typer ends an interrupted one without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            errors.print("Interrupted. Give the same command again to go on where it stopped.")
            sys.exit(130)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Measure how language models generalise across example difficulty.",
)

ResponsesPath = Annotated[Path, typer.Argument(help="Responses: CSV, Parquet or JSON lines, long form.")]
ItemModelName = Literal["rasch", "2pl"]
ExportName = Literal["parquet", "csv", "py-irt", "irw", "eee"]
TrialsName = Literal["majority", "mean", "first"]
StudyFile = Annotated[Path, typer.Argument(help="The study, as YAML; docs/study.md explains every key.")]
StudyFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a setting, e.g. --set bins.count=5.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="What the file calls a column, e.g. --column respondent=model.")
]


def main() -> None:
    """Run the command line; errors end in one message and exit code 1 (failed) or 2 (called wrongly)."""
    try:
        app()
    except InputError as error:
        _fail(error, 2)
    except WorkError as error:
        _fail(error, 1)


def _fail(error: EasyhardError, code: int) -> None:
    errors.print(f"Error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


@app.command()
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


@app.command()
def ingest(
    path: Annotated[list[Path], typer.Argument(help="Result logs or tables, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the responses go, as Parquet.")],
    column: Columns = None,
    format_: Annotated[str | None, typer.Option("--format", help="The logs' format, if not to be told apart.")] = None,
    metric: Annotated[str | None, typer.Option(help="The score that counts, where a log has several.")] = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="The answer filter that counts.")] = None,
    threshold: Annotated[float | None, typer.Option(help="A score from here on is correct.")] = None,
    trials: Annotated[TrialsName, typer.Option(help="What makes one response of repeats and epochs.")] = "majority",
    coverage: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of a task's items that a model must have. Logs: 0.9.")
    ] = None,
    respondent: Annotated[str | None, typer.Option(help="The model, for logs that do not name it.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first line that cannot be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read per-example results of many models, of any known format, into one audited table of responses.

    Example: easyhard ingest logs/ --metric acc_norm -o responses.parquet
    """
    from easyhard.files import write_json
    from easyhard.responses import Asked, ingest_logs, only_tables, read_responses_audited, write_responses

    _refuse_bad_target(out, path)
    asked = Asked(metric, filter_, threshold, respondent, strict)
    plain = asked == Asked() and format_ is None and trials == "majority" and coverage is None
    if column and not plain:
        raise InputError(
            "--column is for plain tables, which have one score. Leave it out, or leave out what logs need."
        )
    if column or (plain and only_tables(path)):
        responses, audit = read_responses_audited(path, _mapping(column))
    else:
        with Progress(console=errors, transient=True) as bar:
            task = bar.add_task("Reading", total=None)
            responses, audit = ingest_logs(
                path,
                asked,
                format=format_,
                trials=trials,
                coverage=coverage,
                processes=os.cpu_count() or 1,
                progress=lambda n, of: bar.update(task, completed=n, total=of),
            )
    write_responses(responses, out)
    write_json(audit.as_dict(), out.with_suffix(".audit.json"))
    _show(audit.frame(), "What was read", audit.as_dict(), as_json)


@app.command()
def pull(
    source: Annotated[Literal["leaderboard-v1", "leaderboard-v2"], typer.Argument(help="docs/pull.md tells them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the files.")],
    benchmark: Annotated[str, typer.Option(help="One or more, with commas between: bbh,math.")],
    models: Annotated[Path | None, typer.Option(help="A text file, one org/name a line.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="The so many whose details are downloaded most.")] = None,
    quota_gb: Annotated[float | None, typer.Option(min=0, help="Stop before the files take up more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download per-example results of the Open LLM Leaderboard; the same command goes on after an interruption.

    Example: easyhard pull leaderboard-v2 --benchmark bbh,math --top 100 -o details
    """
    from easyhard.responses.hub import pull as pull_files
    from easyhard.responses.hub_plan import read_models

    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Pulling", total=None)
        pulled = pull_files(
            source,
            [name.strip() for name in benchmark.split(",") if name.strip()],
            out,
            read_models(models) if models else None,
            top,
            None if quota_gb is None else int(quota_gb * 1e9),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        _print_json(
            {
                "files": [str(path) for path in pulled.files],
                "n_downloaded": pulled.n_downloaded,
                "bytes_downloaded": pulled.bytes_downloaded,
                "n_over_quota": pulled.n_over_quota,
                "refused": [asdict(one) for one in pulled.refused],
            }
        )
    else:
        console.print(pulled.summary(), markup=False, highlight=False, soft_wrap=True)
    if not pulled.files and pulled.refused:
        raise WorkError(f"Nothing was pulled. {pulled.refused[0].finding}")


@app.command()
def export(
    form: Annotated[ExportName, typer.Argument(help="What reads it: docs/reading-logs.md tells them.")],
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where it goes.")],
    column: Columns = None,
) -> None:
    """Write responses in the format of another program: py-irt, Item Response Warehouse, Every Eval Ever, CSV.

    Example: easyhard export irw responses.parquet -o responses.csv
    """
    import easyhard
    from easyhard.responses.export import export_responses

    _refuse_bad_target(out, [responses])
    table = easyhard.read_responses(responses, _mapping(column))
    export_responses(table, out, form)
    console.print(f"{len(table.respondents):,} respondents x {len(table.items):,} items: {out}", markup=False)


@app.command("near-copies")
def near_copies_(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where each respondent's group and weight go, as Parquet.")],
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Group models that answer too much alike to be counted as several: merges, quantisations, uploads made twice.

    Example: easyhard near-copies responses.parquet -o copies.parquet
    """
    import easyhard
    from easyhard.atomic import write_parquet
    from easyhard.irt import fit_rasch, near_copies

    _refuse_bad_target(out, [responses])
    table = easyhard.read_responses(responses, _mapping(column))
    found = near_copies(table.correct, fit_rasch(table.correct), respondents=table.respondents)
    group = {row: number for number, rows in enumerate(found.groups) for row in rows}
    weights = pl.DataFrame(
        {
            "respondent": table.respondents,
            "group": [group.get(row) for row in range(len(table.respondents))],
            "weight": found.weights(),
        },
        schema_overrides={"group": pl.Int64},
    )
    write_parquet(weights, out)
    if as_json:
        _print_json(
            {"reading": found.reading(), "effective_number": found.effective_number, "groups": len(found.groups)}
        )
    else:
        console.print(found.reading(), markup=False, highlight=False)


@app.command()
def calibrate(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the item bank goes, as Parquet.")],
    model: Annotated[ItemModelName, typer.Option(help="rasch, or 2pl: a discrimination for each item.")] = "rasch",
    onto: Annotated[
        Path | None, typer.Option(help="An older item bank, whose items keep their difficulty (Rasch).")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of respondents, from `easyhard near-copies`.")] = None,
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the difficulty of every item by marginal maximum likelihood, with standard errors.

    Example: easyhard calibrate responses.parquet -o bank.parquet
    """
    import easyhard
    from easyhard.files import read_bank, write_bank

    _refuse_bad_target(out, [responses, onto] if onto else [responses])
    older = read_bank(onto) if onto else None
    table = easyhard.read_responses(responses, _mapping(column))
    bank = easyhard.calibrate(table, model, older, _weights(weights, table.respondents) if weights else None)
    write_bank(bank, out)
    flagged = bank.table.filter(pl.col("flag") != "").height
    facts = {**asdict(bank.calibration), "unit": bank.calibration.unit, "n_flagged": flagged, "item_bank": str(out)}
    _show(_facts(facts), "Calibration", facts, as_json)


def _weights(path: Path, respondents: Sequence[str]) -> Any:
    """The weight of each respondent from a table with columns ``respondent, weight``. InputError where one has none."""
    from easyhard.tabular import read_table

    table, _ = read_table(path, ("respondent", "weight"))
    known = dict(table.select("respondent", pl.col("weight").cast(pl.Float64, strict=False)).iter_rows())
    unknown = [name for name in respondents if known.get(name) is None]
    if unknown:
        raise InputError(
            f"{path} has no weight for {len(unknown)} of {len(respondents)} respondents (first: {unknown[0]!r}). "
            "Make it anew from these responses: easyhard near-copies."
        )
    return pl.Series([known[name] for name in respondents], dtype=pl.Float64).to_numpy()


@app.command()
def diagnose(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the tables, one a question.")],
    group: Annotated[
        str | None, typer.Option(help="Compare respondents whose name contains this with the others, item by item.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of simulations and subsamples.")] = 0,
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Ask whether the difficulties can be trusted: fit, wrong keys, duplicates, dimensions, stability.

    Example: easyhard diagnose responses.parquet -o diagnosis --group llama
    """
    import numpy as np

    import easyhard
    from easyhard.atomic import write_parquet
    from easyhard.files import write_json

    table = easyhard.read_responses(responses, _mapping(column))
    members = None if group is None else np.array([group in name for name in table.respondents])
    if members is not None and (members.all() or not members.any()):
        raise InputError(
            f"--group {group!r} is in the names of {int(members.sum())} of {len(members)} respondents "
            f"(first: {table.respondents[0]!r}). Give a part of the names of some."
        )
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Diagnosing", total=None)
        answers = easyhard.diagnose(table, members, seed, lambda n, of: bar.update(task, completed=n, total=of))
    readings = {answer.name: {"question": answer.question, "reading": answer.reading} for answer in answers}
    for answer in answers:
        write_parquet(answer.table, out / f"{answer.name}.parquet")
    write_json(readings, out / "readings.json")
    if as_json:
        _print_json(readings)
        return
    for answer in answers:
        console.print(answer.question, style="bold", markup=False, highlight=False)
        console.print(f"{answer.reading}\n", markup=False, highlight=False)
    console.print(f"Tables: {out}", markup=False, highlight=False, soft_wrap=True)


@app.command("bin")
def bin_(
    bank: Annotated[Path, typer.Argument(help="Item bank from `easyhard calibrate`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the bins go, as Parquet.")],
    count: Annotated[int, typer.Option(help="Number of bins.")] = 10,
    held_out: Annotated[float, typer.Option(help="Share of every bin that is never trained on.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Of the held-out draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Cut calibrated items into equal-sized bins by difficulty, each with a held-out part.

    Example: easyhard bin bank.parquet -o bins.parquet --count 10 --held-out 0.3
    """
    import easyhard
    from easyhard.files import read_bank, write_bins

    _refuse_bad_target(out, [bank])
    item_bank = read_bank(bank)
    bins = easyhard.make_bins(item_bank, count, held_out, seed)
    write_bins(bins, out)
    summary = bins.table.group_by("bin", maintain_order=True).agg(
        items=pl.len(),
        held_out=(pl.col("split") == "held_out").sum(),
        easiest=pl.col("difficulty").min(),
        hardest=pl.col("difficulty").max(),
        membership=pl.col("membership").mean(),
    )
    summary = summary.sort("bin")
    _show(summary, f"Bins (difficulty in {item_bank.calibration.unit})", summary.to_dicts(), as_json)


@app.command()
def run(
    study: StudyFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    set_: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Run a study: calibrate, bin, fine-tune on each bin, evaluate on every bin, report. Run again to go on.

    Example: easyhard run study.yaml --dry-run --set bins.count=5
    """
    from easyhard.study import read_config

    config = read_config(study, set_ or [])
    if dry_run:
        _show_plan(config, as_json)
    else:
        _run(config, as_json)


@app.command()
def validate(study: StudyFile, set_: Overrides = None) -> None:
    """Check a study's settings and tables, and name every problem at once.

    Example: easyhard validate study.yaml
    """
    from easyhard.study import make_plan, read_config, read_inputs

    config = read_config(study, set_ or [])
    make_plan(config, *read_inputs(config))
    console.print(f"{study} is a valid study.", highlight=False, markup=False)


@app.command()
def status(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="A study's folder.")], as_json: AsJson = False
) -> None:
    """Show which cells of a study are done, failed or still to do, also while it runs.

    Example: easyhard status runs/my-study
    """
    from easyhard.study import status as cell_status

    table = cell_status(run_)
    _show(table, "Cells", table.to_dicts(), as_json)


@app.command()
def report(run_: StudyFolder) -> None:
    """Analyse a study anew from the responses on disk, and write its report. Needs no model.

    Example: easyhard report runs/my-study
    """
    from easyhard.report import print_matrix
    from easyhard.study import analyse, open_study, write_results

    folder = run_.resolve()
    _, bank, bins, items = open_study(folder)
    matrix, answer = analyse(folder)
    write_results(folder, matrix, bank, bins, items, answer)
    _show_result(answer, lambda: print_matrix(matrix, console), folder)


def _run(config: Any, as_json: bool = False) -> None:
    from easyhard.report import print_matrix
    from easyhard.study import StudyProgress, run_study

    outcome = run_study(config, StudyProgress(errors if as_json else console))
    if as_json:
        matrix = outcome.matrix
        cells = matrix.cells.to_dicts()
        _print_json({"answer": outcome.answer, "tests": matrix.tests, "cells": cells, "checks": matrix.checks})
    else:
        _show_result(outcome.answer, lambda: print_matrix(outcome.matrix, console), outcome.folder)
    if outcome.failed:
        raise WorkError(
            f"{len(outcome.failed)} cell(s) failed (first: {outcome.failed[0]}). See easyhard status {outcome.folder}; "
            "the same command tries them again."
        )


def _show_result(answer: str, matrix: Callable[[], None], folder: Path) -> None:
    console.print()
    console.print(answer, markup=False, highlight=False)
    console.print()
    matrix()
    console.print(f"\nReport: {folder / 'report' / 'index.html'}", markup=False, highlight=False, soft_wrap=True)


def _show_plan(config: Any, as_json: bool) -> None:
    from easyhard.study import duration, make_plan, read_inputs, time_estimate

    plan = make_plan(config, *read_inputs(config))
    seconds = time_estimate(plan, config)
    facts = {
        "respondents": plan.n_respondents,
        "items with responses and text": plan.n_items,
        "items without text (calibrated only)": plan.n_without_text,
        "items without responses (left out)": plan.n_without_responses,
        "bins": config.bins.count,
        "items trained on, of each bin": plan.train_size,
        "items evaluated on, of each bin": plan.evaluation_size,
        "trainings": plan.n_trainings,
        "optimiser steps of each": plan.steps_per_training,
        "evaluations": plan.n_evaluations,
        "smallest detectable gain of one cell": _detectable(plan.detectable_gain),
        "time on this machine's CPU": f"about {duration(seconds)}" if seconds else "unknown: the model is not local",
        "output": str(config.out),
    }
    machine = {**asdict(plan), "seconds": seconds}
    _show(_facts(facts), f"Plan of {config.name}", machine, as_json)


def _detectable(gain: float) -> str:
    if gain == float("inf"):
        return "none: too few items to detect any gain (power 0.8, zero-shot 0.5)"
    return f"{100 * gain:.1f} points (power 0.8, zero-shot 0.5)"


def _refuse_bad_target(out: Path, read: Sequence[Path]) -> None:
    """Raise InputError, before any work, unless a file may be put at ``out`` without losing one of ``read``."""
    try:
        target = out.resolve()
        if target in [path.resolve() for path in read]:
            raise InputError(f"{out} is also read, and would be lost. Name another file to write to.")
        if target.exists() and not target.is_file():
            raise InputError(f"{out} exists and is not an ordinary file. Name a file to write to.")
        folder = next(parent for parent in target.parents if parent.exists())
    except (OSError, ValueError) as error:  # too long, not to be seen, or no name at all
        raise InputError(f"{out} cannot be written: {error}. Name another file to write to.") from error
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise InputError(
            f"{out} cannot be written: {folder} is not a folder that you may write to. Name another place."
        )


def _mapping(columns: list[str] | None) -> dict[str, str]:
    pairs = {}
    for column in columns or []:
        ours, separator, theirs = column.partition("=")
        if not separator:
            raise InputError(f"--column {column!r} has no '='. Write --column ours=theirs, e.g. respondent=model.")
        pairs[ours] = theirs
    return pairs


def _facts(facts: dict[str, Any]) -> pl.DataFrame:
    shown = [_fact(value) for value in facts.values()]
    return pl.DataFrame({"": [name.replace("_", " ") for name in facts], "value": shown})


def _fact(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show(table: pl.DataFrame, title: str, machine: Any, as_json: bool) -> None:
    if as_json:
        _print_json(machine)
        return
    shown = Table(title=escape(title), title_justify="left", box=None, header_style="bold")
    for name in table.columns:
        shown.add_column(name, justify="right" if table.schema[name].is_numeric() else "left", overflow="fold")
    for row in table.rows():
        shown.add_row(*(_cell(value) for value in row))
    console.print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


if __name__ == "__main__":
    main()
