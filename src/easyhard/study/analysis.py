"""From a study's folder to its result. Needs no model and no GPU: only the responses that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.atomic import write_parquet
from easyhard.benchmarks import guessing_rates
from easyhard.benchmarks.item_table import read_items
from easyhard.files import read_bank, read_bins, write_json
from easyhard.generalization import StudyFacts, TrainedRun, answer, generalization, run_checks
from easyhard.report import write_report
from easyhard.responses import read_responses
from easyhard.schema import Bins, GeneralizationMatrix, InputError, ItemBank, Items, Responses
from easyhard.study.cells import benchmark
from easyhard.study.config import ModelConfig, StudyConfig, read_config
from easyhard.study.describe import describe
from easyhard.study.record import Step, fingerprint, read_record


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
    zero_shot, runs, sizes = {}, [], {}
    for model in config.models:
        home = folder / "models" / model.folder
        asked = _responses(home / "zero-shot")
        if asked is None:
            raise InputError(
                f"{home} has no zero-shot evaluation yet. Go on with: easyhard run {folder / 'study.yaml'}"
            )
        zero_shot[model.label] = asked
        for run, n_items in _runs(home, model, bins, config):
            runs.append(run)
            if n_items is not None:
                sizes[model.label, run.train_bin, run.seed] = n_items
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


def write_results(
    folder: Path, matrix: GeneralizationMatrix, bank: ItemBank, bins: Bins, items: Items, answer_: str
) -> None:
    """Write ``generalization/`` and ``report/``; made anew each time, since they cost seconds."""
    config = open_study(folder)[0]
    inputs = {"runs": fingerprint(matrix.runs.rows()), "bins": fingerprint(bins.table.rows())}

    def tables(target: Path) -> None:
        write_parquet(matrix.runs, target / "matrix.parquet")
        write_parquet(matrix.cells, target / "cells.parquet")
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
    """One row per cell of a study: ``model, train_bin, seed, training, evaluation, seconds, error``."""
    config, _, bins, _ = open_study(folder)
    rows: list[dict[str, Any]] = []
    for model in config.models:
        home = folder / "models" / model.folder
        rows.append({"model": model.label, **_state(None, home / "zero-shot")})
        for seed in config.seeds:
            for bin_ in range(bins.count):
                cell = home / f"bin-{bin_:02d}" / f"seed-{seed}"
                state = _state(cell / "training", cell / "evaluation")
                rows.append({"model": model.label, "train_bin": bin_, "seed": seed, **state})
    schema = {
        "model": pl.String, "train_bin": pl.Int64, "seed": pl.Int64, "training": pl.String,
        "evaluation": pl.String, "seconds": pl.Float64, "error": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _state(training: Path | None, evaluation: Path) -> dict[str, Any]:
    records = {"training": read_record(training) if training else None, "evaluation": read_record(evaluation)}
    known = [record for record in records.values() if record]
    found: dict[str, Any] = {name: record["status"] if record else "to do" for name, record in records.items()}
    if training is None:
        found["training"] = "not applicable"
    found["seconds"] = sum(record["seconds"] for record in known) if known else None
    found["error"] = next((record["error"] for record in known if "error" in record), None)
    return found


def _runs(home: Path, model: ModelConfig, bins: Bins, config: StudyConfig) -> list[tuple[TrainedRun, int | None]]:
    """The trained cells that there are, with the number of items each was trained on; failed ones too."""
    found: list[tuple[TrainedRun, int | None]] = []
    for seed in config.seeds:
        for bin_ in range(bins.count):
            cell = home / f"bin-{bin_:02d}" / f"seed-{seed}"
            records = [read_record(cell / part) for part in ("training", "evaluation")]
            if not any(records):
                continue
            trained = cell / "training" / "items.parquet"
            n_items = pl.scan_parquet(trained).select(pl.len()).collect().item() if trained.is_file() else None
            found.append((TrainedRun(model.label, bin_, seed, _responses(cell / "evaluation")), n_items))
    return found


def _responses(folder: Path) -> Responses | None:
    record = read_record(folder)
    if record is None or record["status"] != "done":
        return None
    return read_responses(folder / "responses.parquet")
