"""From the two tables of a study to its bins: what all its cells rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from easyhard import bins as bins_room
from easyhard.atomic import write_parquet
from easyhard.benchmarks.item_table import read_items
from easyhard.benchmarks.loading import load
from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.files import read_bank, read_bins, write_bank, write_bins
from easyhard.generalization.scale_coverage import Intended
from easyhard.irt import calibrate
from easyhard.responses import read_responses
from easyhard.schema import Bins, InputError, ItemBank, Items, Responses
from easyhard.study.cells import table_fingerprint
from easyhard.study.record import Step, file_fingerprint
from easyhard.study.settings import StudyConfig
from easyhard.study.store import Store

UNIT = "logits"  # of a study's difficulties: it calibrates by the Rasch model


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


def read_intended(config: StudyConfig) -> Intended | None:
    """The difficulties that a study's items are meant to have, if it names such.

    Raises InputError for a bank that cannot be read, or whose difficulties are in another unit.
    """
    if config.intended is None:
        return None
    bank = read_bank(config.intended)
    if bank.calibration.unit != UNIT:
        raise InputError(
            f"intended: {config.intended} has difficulties in {bank.calibration.unit}, a study in {UNIT}. Give a bank "
            "on the same scale: easyhard calibrate --onto."
        )
    return Intended(config.intended.stem, bank.table["difficulty"].to_numpy())


def calibration_step(config: StudyConfig) -> Step:
    """The calibration of a study's responses. Raises InputError if they cannot be read."""
    settings = {"model": "rasch", "columns": config.responses.columns}
    return Step(config.out / "calibration", settings, {"responses": file_fingerprint(config.responses.path)})


def cut_step(config: StudyConfig, items: Items, calibration: Step) -> Step:
    """The cut of a study's items into bins."""
    settings = {**config.bins.model_dump(), "items": config.items.model_dump(mode="json", exclude={"path"})}
    inputs = {"calibration": calibration.fingerprint, "items": table_fingerprint(items)}
    return Step(config.out / "bins", settings, inputs)


def calibrated_and_cut(
    config: StudyConfig, responses: Responses, items: Items, store: Store | None = None
) -> tuple[ItemBank, Bins]:
    """Item bank and bins, made or as they stand on disk, or in the store.

    All items with responses are calibrated; those that have text too are cut into bins.
    """
    calibration = calibration_step(config)
    _run_unless_done(calibration, store, lambda folder: write_bank(calibrate(responses), folder / "bank.parquet"))
    bank = read_bank(calibration.folder / "bank.parquet")
    cut = cut_step(config, items, calibration)

    def work(folder: Path) -> None:
        with_text = bank.table.filter(pl.col("item").is_in(items.table["item"].to_list()))
        bins = bins_room.make_bins(ItemBank(with_text, bank.calibration), **config.bins.model_dump())
        write_bins(bins, folder / "bins.parquet")
        write_parquet(items.select(with_text["item"].to_list()).table, folder / "items.parquet")

    _run_unless_done(cut, store, work)
    return bank, read_bins(cut.folder / "bins.parquet")


def _run_unless_done(step: Step, store: Store | None, work: Callable[[Path], None]) -> None:
    # Another machine may round otherwise, and an item at an edge would change its bin: all go by the store's.
    if not step.is_done and not (store and store.fetch(step)):
        step.run(work)
    if store and not store.holds(step):
        store.push(step)
