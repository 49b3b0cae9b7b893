"""From a study's folder to its result. Needs no model and no GPU: only the responses that are there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.atomic import write_parquet
from easyhard.benchmarks import answer_forms, guessing_rates
from easyhard.benchmarks.item_table import read_items
from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.files import read_bank, read_bins, write_json
from easyhard.generalization import RunKey, StudyFacts, TrainedRun, answer, generalization, run_checks
from easyhard.generalization.checkpoints import checkpoint_abilities, item_changes
from easyhard.generalization.separation import separation
from easyhard.report import write_report
from easyhard.responses import read_responses
from easyhard.schema import Bins, GeneralizationMatrix, InputError, ItemBank, Items, Responses, WorkError
from easyhard.study.cells import Cell, benchmark, make_cells
from easyhard.study.config import read_config
from easyhard.study.describe import describe
from easyhard.study.details import calibration_details
from easyhard.study.record import Step, file_fingerprint, fingerprint, read_record
from easyhard.study.settings import StudyConfig
from easyhard.study.state import error_of
from easyhard.study.tables import read_intended
from easyhard.wording import shown_all


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


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the responses in a study's folder say, with all that it was computed from.

    ``matrix`` has tests and checks; ``answer`` is the answer in two sentences.
    """

    config: StudyConfig
    bank: ItemBank
    bins: Bins
    items: Items
    zero_shot: dict[str, Responses]
    runs: list[TrainedRun]
    matrix: GeneralizationMatrix
    answer: str


def analyse(folder: Path) -> tuple[GeneralizationMatrix, str]:
    """Matrix with tests and checks, and the answer in two sentences, from the responses in a study's folder.

    A model without a zero-shot evaluation, of which no gain can be said, is left out, and the answer says so.
    Raises InputError or WorkError if no model has one.
    """
    found = read_analysis(folder)
    return found.matrix, found.answer


def read_analysis(folder: Path) -> Analysis:
    """As ``analyse``, with what it was computed from."""
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
        questions=dict(items.table.select("item", "question").iter_rows()),
        answer_forms=answer_forms(items),
    )
    matrix = replace(matrix, checks=run_checks(facts), separation=separation(bins, zero_shot, runs, items))
    without = [model.label for model in config.models if model.label not in zero_shot]
    note = f" Left out, for want of a zero-shot evaluation: {shown_all(without)}." if without else ""
    return Analysis(config, bank, bins, items, zero_shot, runs, matrix, answer(matrix, bins) + note)


def _collect(
    config: StudyConfig, items: Items, bins: Bins
) -> tuple[dict[str, Responses], list[TrainedRun], dict[RunKey, int]]:
    """Responses of the untouched models and of all trainings on disk, and how many items each training saw."""
    cells = recorded_cells(config, items, bins)
    origins = {cell.model.label: _responses(cell) for cell in cells if cell.train_bin is None}
    zero_shot = {label: responses for label, responses in origins.items() if responses is not None}
    if not zero_shot:
        _refuse_none(config, cells)
    runs: list[TrainedRun] = []
    sizes: dict[RunKey, int] = {}
    for cell in cells:
        label, responses = cell.model.label, _responses(cell)
        if cell.train_bin is None or cell.seed is None or cell.items is None or label not in zero_shot:
            continue
        if responses is not None or error_of(cell) is not None:
            runs.append(TrainedRun(label, cell.train_bin, cell.seed, responses))
            if cell.train:
                sizes[label, cell.train_bin, cell.seed] = cell.items.table.height
    return zero_shot, runs, sizes


def recorded_cells(config: StudyConfig, items: Items, bins: Bins) -> list[Cell]:
    """The cells of a study on disk, for the weights that its zero-shot records name: no model is needed.

    A cell whose settings have changed since it ran has no record that fits, and counts as still to do.
    """
    return make_cells(config, items, bins, recorded_weights(config))


def recorded_weights(config: StudyConfig) -> dict[str, str]:
    """Fingerprint of every model's weights by its label, from its zero-shot record; empty without one."""
    records = {m.label: read_record(config.out / "models" / m.folder / "zero-shot") for m in config.models}
    return {label: record["inputs"].get("model", "") if record else "" for label, record in records.items()}


def result_tables(matrix: GeneralizationMatrix) -> dict[str, pl.DataFrame]:
    """The tables of a matrix by the names of their files."""
    tables = {"matrix.parquet": matrix.runs, "cells.parquet": matrix.cells}
    if len(matrix.mixture_cells):
        tables |= {"mixture_runs.parquet": matrix.mixture_runs, "mixture_cells.parquet": matrix.mixture_cells}
    tables |= {"over_models.parquet": matrix.over_models} if len(matrix.over_models) else {}
    tables |= {"separation.parquet": matrix.separation} if len(matrix.separation) else {}
    return tables


def tests_and_checks(matrix: GeneralizationMatrix, answer_: str) -> dict[str, Any]:
    """What ``tests.json`` holds."""
    together = {row["test"]: row for row in matrix.over_models.to_dicts()}
    return {"answer": answer_, "tests": matrix.tests, "over_models": together, "checks": matrix.checks}


def write_results(found: Analysis) -> None:
    """Write ``generalization/`` and ``report/``; made anew each time, since they cost seconds."""
    config, bank, bins, matrix = found.config, found.bank, found.bins, found.matrix
    intended = read_intended(config)
    inputs = {"runs": fingerprint(matrix.runs.rows()), "bins": fingerprint(bins.table.rows())}
    abilities = checkpoint_abilities(bank, bins, found.zero_shot, found.runs)
    changes = item_changes(bins, found.zero_shot, found.runs)

    def tables(target: Path) -> None:
        named = {"checkpoints.parquet": abilities, "item_changes.parquet": changes}
        for name, table in {**result_tables(matrix), **named}.items():
            write_parquet(table, target / name)
        write_json(tests_and_checks(matrix, found.answer), target / "tests.json")

    def page(target: Path) -> None:
        details = calibration_details(config, bank)
        write_report(
            target / "index.html",
            matrix=matrix,
            bank=bank,
            bins=bins,
            items=_publishable(config, found.items.select(bins.table["item"].to_list())),
            answer=found.answer,
            description=describe(config, config.out, bank, bins),
            changes=changes,
            abilities=abilities,
            groups=details.groups,
            stability=details.stability,
            intended=intended,
        )

    Step(config.out / "generalization", {}, inputs).run(tables)
    Step(config.out / "report", {}, inputs | intended_input(config)).run(page)


def intended_input(config: StudyConfig) -> dict[str, str]:
    """The bank of intended difficulties as an input of the report; none if the study names none."""
    return {"intended": file_fingerprint(config.intended)} if config.intended else {}


def _refuse_none(config: StudyConfig, cells: list[Cell]) -> None:
    """Raise WorkError or InputError, as what there is says, for a study without any zero-shot evaluation."""
    for cell in cells:
        if cell.train_bin is None and (error := error_of(cell)) is not None:
            raise WorkError(f"{cell.name} failed, so there is nothing to compare with: {error}")
    raise InputError(
        f"{cells[0].name} has not been evaluated yet. Run the study first, or go on with it: "
        f"easyhard run {config.out / 'study.yaml'}"
    )


def _responses(cell: Cell) -> Responses | None:
    return read_responses(cell.evaluate.folder / "responses.parquet") if cell.evaluate.is_done else None


def may_publish(config: StudyConfig) -> bool:
    """Whether the item text of a study may be shown to others: not where its benchmark forbids it, or is not known."""
    if config.benchmark is None:
        return True
    try:
        return read_benchmark(config.benchmark).republish
    except InputError:
        return False


def _publishable(config: StudyConfig, items: Items) -> Items:
    """``items`` with their text, or without it where it may not be published."""
    if may_publish(config):
        return items
    hidden = {name: pl.lit("not shown, by its licence") for name in ("question", "answer")}
    nothing = {name: pl.lit(None).cast(items.table.schema[name]) for name in ("choices", "solution")}
    return Items(items.table.with_columns(**hidden, **nothing), items.covariates)
