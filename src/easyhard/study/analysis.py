"""From a study's folder to its result. Needs no model and no GPU: only the responses that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from easyhard.atomic import write_parquet
from easyhard.benchmarks import guessing_rates
from easyhard.benchmarks.item_table import read_items
from easyhard.files import read_bank, read_bins, write_json
from easyhard.generalization import RunKey, StudyFacts, TrainedRun, answer, generalization, run_checks
from easyhard.generalization.checkpoints import checkpoint_abilities, item_changes
from easyhard.report import write_report
from easyhard.responses import read_responses
from easyhard.schema import Bins, GeneralizationMatrix, InputError, ItemBank, Items, Responses, WorkError
from easyhard.study.cells import Cell, benchmark, make_cells
from easyhard.study.config import read_config
from easyhard.study.describe import describe
from easyhard.study.record import Step, fingerprint, read_record
from easyhard.study.settings import StudyConfig


def open_study(folder: Path) -> tuple[StudyConfig, ItemBank, Bins, Items]:
    """What a study's folder says about itself. Raises InputError if it is not one, or not yet cut into bins."""
    settings = folder / "study.yaml"
    if not settings.is_file():
        raise InputError(f"{folder} holds no study.yaml, so it is not a study. Give the folder that a run wrote to.")
    config = read_config(settings)
    if not (folder / "bins" / "items.parquet").is_file():
        raise InputError(f"{folder} has no bins yet. Run the study first: easyhard run {settings}")
    items = read_items(folder / "bins" / "items.parquet")
    bank, bins = read_bank(folder / "calibration" / "bank.parquet"), read_bins(folder / "bins" / "bins.parquet")
    return config.model_copy(update={"out": folder}), bank, bins, items


def analyse(folder: Path) -> tuple[GeneralizationMatrix, str]:
    """Matrix with tests and checks, and the answer in two sentences, from the responses in a study's folder."""
    config, bank, bins, items = open_study(folder)
    zero_shot, runs, sizes = _collect(config, items, bins)
    matrix = generalization(bins, zero_shot, runs)
    facts = StudyFacts(
        bank=bank,
        bins=bins,
        runs=matrix.runs,
        cells=matrix.cells,
        zero_shot=zero_shot,
        guessing=guessing_rates(items, benchmark(config, items).scoring),
        train_sizes=sizes,
        n_truncated=dict.fromkeys(sizes, 0),  # a training example that does not fit is refused, never cut
        question_length=dict(zip(items.table["item"], items.table["question"].str.len_chars(), strict=True)),
    )
    matrix = replace(matrix, checks=run_checks(facts))
    return matrix, answer(matrix, bins)


def _collect(
    config: StudyConfig, items: Items, bins: Bins
) -> tuple[dict[str, Responses], list[TrainedRun], dict[RunKey, int]]:
    """Responses of the untouched models and of all trainings on disk, and how many items each training saw."""
    zero_shot: dict[str, Responses] = {}
    runs: list[TrainedRun] = []
    sizes: dict[RunKey, int] = {}
    for cell in recorded_cells(config, items, bins):
        label = cell.model.label
        if cell.train_bin is None or cell.seed is None or cell.items is None:
            zero_shot[label] = _zero_shot(cell)
        elif cell.evaluate.record or (cell.train and cell.train.record):
            runs.append(TrainedRun(label, cell.train_bin, cell.seed, _responses(cell)))
            if cell.train:
                sizes[label, cell.train_bin, cell.seed] = cell.items.table.height
    return zero_shot, runs, sizes


def recorded_cells(config: StudyConfig, items: Items, bins: Bins) -> list[Cell]:
    """The cells of a study on disk, for the weights that its zero-shot records name: no model is needed.

    A cell whose settings have changed since it ran has no record that fits, and counts as still to do.
    """
    records = {m.label: read_record(config.out / "models" / m.folder / "zero-shot") for m in config.models}
    weights = {label: record["inputs"]["model"] if record else "" for label, record in records.items()}
    return make_cells(config, items, bins, weights)


def checkpoints(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Abilities of all checkpoints on the calibrated scale, and what the trainings did to each item."""
    config, bank, bins, items = open_study(folder)
    zero_shot, runs, _ = _collect(config, items, bins)
    return checkpoint_abilities(bank, bins, zero_shot, runs), item_changes(bins, zero_shot, runs)


def write_results(
    folder: Path, matrix: GeneralizationMatrix, bank: ItemBank, bins: Bins, items: Items, answer_: str
) -> None:
    """Write ``generalization/`` and ``report/``; made anew each time, since they cost seconds."""
    config = open_study(folder)[0]
    inputs = {"runs": fingerprint(matrix.runs.rows()), "bins": fingerprint(bins.table.rows())}

    def tables(target: Path) -> None:
        write_parquet(matrix.runs, target / "matrix.parquet")
        write_parquet(matrix.cells, target / "cells.parquet")
        if len(matrix.mixture_cells):
            write_parquet(matrix.mixture_runs, target / "mixture_runs.parquet")
            write_parquet(matrix.mixture_cells, target / "mixture_cells.parquet")
        for name, table in zip(("checkpoints", "item_changes"), checkpoints(folder), strict=True):
            write_parquet(table, target / f"{name}.parquet")
        write_json({"answer": answer_, "tests": matrix.tests, "checks": matrix.checks}, target / "tests.json")

    def page(target: Path) -> None:
        in_bins = items.select(bins.table["item"].to_list())
        write_report(
            target / "index.html",
            matrix=matrix,
            bank=bank,
            bins=bins,
            items=in_bins,
            answer=answer_,
            description=describe(config, folder, bank, bins),
        )

    Step(folder / "generalization", {}, inputs).run(tables)
    Step(folder / "report", {}, inputs).run(page)


def status(folder: Path) -> pl.DataFrame:
    """One row per cell of a study: ``model, train_bin, mixture, seed, training, evaluation, seconds, error``."""
    config, _, bins, items = open_study(folder)
    rows = []
    for cell in recorded_cells(config, items, bins):
        records = [step.record for step in (cell.train, cell.evaluate) if step]
        known = [record for record in records if record]
        rows.append(
            {
                "model": cell.model.label,
                "train_bin": None if isinstance(cell.train_bin, str) else cell.train_bin,
                "mixture": cell.train_bin if isinstance(cell.train_bin, str) else None,
                "seed": cell.seed,
                "training": _state(cell.train) if cell.train else "not applicable",
                "evaluation": _state(cell.evaluate),
                "seconds": sum(record["seconds"] for record in known) if known else None,
                "error": next((record["error"] for record in known if "error" in record), None),
            }
        )
    schema = {
        "model": pl.String, "train_bin": pl.Int64, "mixture": pl.String, "seed": pl.Int64, "training": pl.String,
        "evaluation": pl.String, "seconds": pl.Float64, "error": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _state(step: Step) -> str:
    record = step.record
    return str(record["status"]) if record else "to do"


def _zero_shot(cell: Cell) -> Responses:
    responses = _responses(cell)
    if responses is not None:
        return responses
    record = cell.evaluate.record
    if record is not None:
        raise WorkError(f"{cell.name} failed, so there is nothing to compare with: {record['error']}")
    raise InputError(f"{cell.name} has not been evaluated yet. Run the study first, or go on with it: easyhard run")


def _responses(cell: Cell) -> Responses | None:
    return read_responses(cell.evaluate.folder / "responses.parquet") if cell.evaluate.is_done else None
