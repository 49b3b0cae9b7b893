"""Checkpoints as respondents: their ability on the calibrated scale, and the bins where it does not tell the story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from easyhard.generalization.matrix import TrainedRun, evaluation_items
from easyhard.generalization.posterior import allowing_for_errors
from easyhard.irt import estimate_ability
from easyhard.irt.bank_model import bank_model
from easyhard.irt.item_model import ItemModel
from easyhard.schema import MISSING, Bins, IndexArray, ItemBank, Responses

_SCHEMA = {
    "model": pl.String, "trained_on": pl.String, "seed": pl.Int64, "ability": pl.Float64,
    "standard_error": pl.Float64, "eval_bin": pl.Int64, "n": pl.Int64, "accuracy": pl.Float64,
    "expected_accuracy": pl.Float64, "z": pl.Float64,
}  # fmt: skip


def checkpoint_abilities(
    bank: ItemBank, bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]
) -> pl.DataFrame:
    """One row per checkpoint and evaluation bin: its ability, and its accuracy beside what that ability predicts.

    ``trained_on`` is ``zero-shot``, a bin as text, or a mixture's name. ``ability`` and ``standard_error`` are in
    the bank's unit, from the evaluation items of all bins by weighted likelihood (Warm 1989), whose bias is small
    however able the checkpoint; the difficulties are taken as known. ``expected_accuracy`` allows for their errors: a
    hard bin's items are a little easier than estimated, as they were picked for being estimated hard. ``z`` is the
    accuracy minus the expected one in standard errors of the binomials: beyond about 2, training did something to this
    bin that a shift of ability does not explain. Bins without a response have no row, failed runs neither.
    """
    model = bank_model(bank)
    allowing = allowing_for_errors(model)
    place = {name: row for row, name in enumerate(bank.table["item"])}
    items = [evaluation_items(bins, eval_bin) for eval_bin in range(bins.count)]
    where = np.array([place[name] for names in items for name in names])
    parts = model.select(where), allowing.select(where)
    bin_ = np.repeat(np.arange(bins.count), [len(names) for names in items])
    rows: list[dict[str, Any]] = []
    flat = [name for names in items for name in names]
    for label, responses in _all(zero_shot, runs):
        rows += [{**label, **row} for row in _rows(responses.select(flat), *parts, bin_)]
    return pl.DataFrame(rows, schema=_SCHEMA)


def item_changes(bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]) -> pl.DataFrame:
    """One row per model and evaluated item: what all its trainings did to it.

    ``zero_shot`` (1, 0 or null); ``n_runs`` with a response and ``n_correct`` of them; ``change``: ``forgotten``
    where zero-shot was right and every training wrong, ``fixed`` the other way round, else empty.
    """
    names = [name for eval_bin in range(bins.count) for name in evaluation_items(bins, eval_bin)]
    found = []
    for model, before in zero_shot.items():
        first = before.select(names).correct[0]
        mine = [run.responses.select(names).correct[0] for run in runs if run.model == model and run.responses]
        after = np.array(mine, dtype=np.int8).reshape(len(mine), len(names))
        n_runs, n_correct = (after != MISSING).sum(axis=0), (after == 1).sum(axis=0)
        change = np.full(len(names), "", dtype=object)
        change[(first == 1) & (n_runs > 0) & (n_correct == 0)] = "forgotten"
        change[(first == 0) & (n_runs > 0) & (n_correct == n_runs)] = "fixed"
        table = pl.DataFrame(
            {"item": names, "zero_shot": first, "n_runs": n_runs, "n_correct": n_correct, "change": change.tolist()}
        )
        known = pl.when(pl.col("zero_shot") != MISSING).then(pl.col("zero_shot"))
        found.append(table.select(pl.lit(model).alias("model"), "item", known, pl.exclude("item", "zero_shot")))
    return pl.concat(found) if found else pl.DataFrame()


def _all(
    zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]
) -> Iterator[tuple[dict[str, object], Responses]]:
    for model, responses in zero_shot.items():
        yield {"model": model, "trained_on": "zero-shot", "seed": None}, responses
        for run in runs:
            if run.model == model and run.responses is not None:
                yield {"model": model, "trained_on": str(run.train_bin), "seed": run.seed}, run.responses


def _rows(responses: Responses, model: ItemModel, allowing: ItemModel, bin_: IndexArray) -> list[dict[str, Any]]:
    """Ability of the one respondent, and each bin's accuracy beside the expected one."""
    found = estimate_ability(responses.correct, model, "wle")
    ability, error = float(found.estimate[0]), float(found.standard_error[0])
    if not np.isfinite(ability):
        return []
    chance = allowing.probability(estimate_ability(responses.correct, allowing, "wle").estimate[:1])[0]
    rows = []
    for eval_bin in range(int(bin_.max()) + 1):
        seen = (bin_ == eval_bin) & (responses.correct[0] != MISSING)
        if not seen.any():
            continue
        p, n = chance[seen], int(seen.sum())
        accuracy, spread = float(responses.correct[0][seen].mean()), float(np.sqrt((p * (1 - p)).sum()) / n)
        rows.append(
            {
                "ability": ability, "standard_error": error, "eval_bin": eval_bin, "n": n, "accuracy": accuracy,
                "expected_accuracy": float(p.mean()), "z": (accuracy - float(p.mean())) / spread,
            }
        )  # fmt: skip
    return rows
