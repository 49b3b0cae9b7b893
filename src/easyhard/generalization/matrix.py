"""Responses of zero-shot and trained models, by bin -> GeneralizationMatrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from easyhard.generalization.advice import advise
from easyhard.generalization.changes import Changes
from easyhard.generalization.forgotten import forgotten_and_fixed
from easyhard.generalization.gain import PairedGain, holm, paired_gain
from easyhard.generalization.mixtures import compare_mixtures
from easyhard.generalization.over_models import over_models_table
from easyhard.generalization.recovered import gap_recovered
from easyhard.generalization.redrawn import slope_redrawn
from easyhard.generalization.summary import summarise
from easyhard.schema import MISSING, Bins, FloatArray, GeneralizationMatrix, InputError, IntArray, Responses


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """Evaluation of one checkpoint: ``model`` fine-tuned on the training items of ``train_bin``.

    ``train_bin`` is a bin, or the name of a mixture of bins. ``responses`` has one respondent, the checkpoint;
    None says that the run failed.
    """

    model: str
    train_bin: int | str
    seed: int
    responses: Responses | None


_NUMBERS: dict[str, pl.DataType] = {
    "accuracy": pl.Float64(),
    "zero_shot_accuracy": pl.Float64(),
    "gain": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "p_value": pl.Float64(),
    "n": pl.Int64(),
}
_PLACE: dict[str, pl.DataType] = {"model": pl.String(), "train_bin": pl.Int64(), "eval_bin": pl.Int64()}
_STATE: dict[str, pl.DataType] = {"status": pl.String(), "trained_on_these_items": pl.Boolean()}
_MIXED: dict[str, pl.DataType] = {"model": pl.String(), "mixture": pl.String(), "eval_bin": pl.Int64()}
_RUN: dict[str, pl.DataType] = {"seed": pl.Int64(), **_NUMBERS, **_STATE}
_CELL: dict[str, pl.DataType] = {"n_seeds": pl.Int64(), **_NUMBERS, "p_holm": pl.Float64(), **_STATE}


def generalization(bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]) -> GeneralizationMatrix:
    """Gain over zero-shot of every model, training bin and evaluation bin, with intervals and tests.

    ``zero_shot`` maps each model to the responses of the untouched model. A bin is evaluated on its held-out
    items, or on its training items when ``bins.held_out`` is 0; then the column ``trained_on_these_items``
    is true on the diagonal. Items with a missing response are left out in pairs; a cell over several seeds
    keeps the items that all its seeds answered.

    Every model is expected to have a run for every bin and every seed that occurs in ``runs``: one without
    responses gives rows of status ``failed``, one that is not there ``missing``. A cell is ``done`` when one
    of its seeds is; ``n_seeds`` counts them. Besides the columns of the schema both tables have ``p_value``
    (two-sided, of no gain), and ``cells`` has ``p_holm``, corrected for all cells of its model.

    ``tests[model][test]`` holds ``value, low, high, level, p_value, direction, bins, n_up, sentence``; see
    ``summary.Summary``. ``tests[model]["gain_at_distance"]`` lists ``distance`` (eval_bin - train_bin) and the
    mean gain there with its interval: ``value, low, high``.

    Runs on a mixture of bins take no part in the tests above, which speak of single bins. Their rows go to
    ``mixture_runs`` and ``mixture_cells``, where ``p_holm`` is corrected for all cells of the model's mixtures,
    and each has a test of its own, ``mixture NAME``, against the mean of the single bins.
    ``tests[model]["advice"]`` lists what to train on for a goal, mixtures included; see ``advice.Advice``.
    With several models ``over_models`` has the same tests over all of them; see ``over_models.OverModels``.

    Raises InputError for a run of an unknown model or bin, a run given twice, and responses of more than one
    respondent or without the items of a bin.
    """
    _refuse_bad_runs(bins, zero_shot, runs)
    seeds = sorted({run.seed for run in runs})
    mixtures = list(dict.fromkeys(run.train_bin for run in runs if isinstance(run.train_bin, str)))
    rows: dict[str, list[dict[str, Any]]] = {"runs": [], "cells": [], "mixture_runs": [], "mixture_cells": []}
    tests: dict[str, Any] = {}
    changes: list[Changes] = []
    for model, responses in zero_shot.items():
        mine = [run for run in runs if run.model == model]
        answers = _Answers.collect(model, bins, list(range(bins.count)), responses, mine, seeds)
        mixed = _Answers.collect(model, bins, mixtures, responses, mine, seeds)
        cells, mixed_cells = answers.cell_rows(), mixed.cell_rows()
        p_holm = _add_holm(cells)
        _add_holm(mixed_cells)
        for name, found in zip(rows, (answers.run_rows(seeds), cells, mixed.run_rows(seeds), mixed_cells), strict=True):
            rows[name] += found
        changes.append(answers.changes())
        tests[model] = summarise(changes[-1], p_holm.reshape(bins.count, bins.count), model)
        items = tuple(tuple(evaluation_items(bins, eval_bin)) for eval_bin in range(bins.count))
        tests[model]["slope_redrawn"] = slope_redrawn(changes[-1], bins, items, model).as_dict()
        tests[model]["gap_recovered"] = gap_recovered(changes[-1]).as_dict()
        kept = forgotten_and_fixed(answers.zero_shot, [*map(_all_runs, answers.trained, mixed.trained)])
        tests[model] |= {name: test.as_dict() for name, test in kept.items()}
        tests[model] |= compare_mixtures(changes[-1], mixed.changes(), mixtures)
        names = [*(f"bin {bin_}" for bin_ in range(bins.count)), *(f"the mixture {name!r}" for name in mixtures)]
        tests[model]["advice"] = advise(changes[-1].stacked(mixed.changes()), names)
    return GeneralizationMatrix(
        runs=pl.DataFrame(rows["runs"], schema={**_PLACE, **_RUN}),
        cells=pl.DataFrame(rows["cells"], schema={**_PLACE, **_CELL}),
        mixture_runs=pl.DataFrame(rows["mixture_runs"], schema={**_MIXED, **_RUN}),
        mixture_cells=pl.DataFrame(rows["mixture_cells"], schema={**_MIXED, **_CELL}),
        tests=tests,
        over_models=over_models_table(changes),
    )


def changes_by_model(bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]) -> dict[str, Changes]:
    """What training on single bins changed for every model, item by item, as ``generalization`` takes it.

    The items of a bin are in the order of ``evaluation_items``.
    """
    seeds = sorted({run.seed for run in runs})
    rows = list(range(bins.count))
    return {
        model: _Answers.collect(model, bins, rows, before, [run for run in runs if run.model == model], seeds).changes()
        for model, before in zero_shot.items()
    }


def evaluation_items(bins: Bins, eval_bin: int) -> list[str]:
    """Items that a bin is evaluated on: held out, or those trained on when nothing is held out."""
    return bins.items(eval_bin, "held_out" if bins.held_out else "train")


@dataclass(frozen=True, slots=True)
class _Answers:
    """Responses of one model by evaluation bin: zero-shot [items], trained [rows, seeds, items].

    ``rows`` are what the model was trained on: bins, or names of mixtures.
    """

    model: str
    rows: tuple[int | str, ...]
    zero_shot: tuple[IntArray, ...]
    trained: tuple[IntArray, ...]
    status: dict[tuple[int, int], str]  # by (place of the row, place of the seed)
    same_items: bool

    @classmethod
    def collect(
        cls,
        model: str,
        bins: Bins,
        rows: Sequence[int | str],
        zero_shot: Responses,
        runs: Sequence[TrainedRun],
        seeds: Sequence[int],
    ) -> _Answers:
        """Look up every response of the evaluation items; what failed or is absent stays missing."""
        items = [evaluation_items(bins, eval_bin) for eval_bin in range(bins.count)]
        trained = [np.full((len(rows), len(seeds), len(names)), MISSING, dtype=np.int8) for names in items]
        status = {(row, column): "missing" for row in range(len(rows)) for column in range(len(seeds))}
        for run in (run for run in runs if run.train_bin in rows):
            place = (rows.index(run.train_bin), seeds.index(run.seed))
            status[place] = "failed" if run.responses is None else "done"
            if run.responses is not None:
                where = f"Run of {model!r} {_on(run.train_bin)}, seed {run.seed}"
                for answers, names in zip(trained, items, strict=True):
                    answers[place] = _select(run.responses, names, where)
        before = tuple(_select(zero_shot, names, f"Zero-shot run of {model!r}") for names in items)
        return cls(model, tuple(rows), before, tuple(trained), status, bins.held_out == 0)

    def run_rows(self, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """One row per row, evaluation bin and seed."""
        rows = []
        for place, name in enumerate(self.rows):
            for eval_bin, (before, after) in enumerate(zip(self.zero_shot, self.trained, strict=True)):
                for column, seed in enumerate(seeds):
                    found = paired_gain(after[place, column : column + 1], before)
                    status = self.status[place, column]
                    row = {**self._place(name, eval_bin), "seed": seed}
                    rows.append(row | _numbers(found) | {"status": _status(found, [status])})
        return rows

    def cell_rows(self) -> list[dict[str, Any]]:
        """One row per row and evaluation bin, over its seeds with a result."""
        rows = []
        for place, name in enumerate(self.rows):
            statuses = [status for (row, _), status in self.status.items() if row == place]
            for eval_bin, (before, after) in enumerate(zip(self.zero_shot, self.trained, strict=True)):
                answered = (after[place] != MISSING) & (before != MISSING)
                found = paired_gain(after[place][answered.any(axis=1)], before)
                row = {**self._place(name, eval_bin), "n_seeds": found.n_seeds if found else 0}
                rows.append(row | _numbers(found) | {"status": _status(found, statuses)})
        return rows

    def changes(self) -> Changes:
        """Trained minus zero-shot, NaN where either is missing."""
        pairs = zip(self.trained, self.zero_shot, strict=True)
        return Changes(tuple(_with_nan(after) - _with_nan(before) for after, before in pairs))

    def _place(self, row: int | str, eval_bin: int) -> dict[str, Any]:
        mixture = isinstance(row, str)
        return {
            "model": self.model,
            "mixture" if mixture else "train_bin": row,
            "eval_bin": eval_bin,
            # A mixture may hold items of every bin, so that memory can help in all of them.
            "trained_on_these_items": self.same_items and (mixture or row == eval_bin),
        }


def _numbers(found: PairedGain | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(_NUMBERS)
    return {
        "accuracy": found.accuracy,
        "zero_shot_accuracy": found.zero_shot_accuracy,
        "gain": found.gain,
        "low": found.interval.low,
        "high": found.interval.high,
        "p_value": found.p_value,
        "n": found.n,
    }


def _status(found: PairedGain | None, runs: Sequence[str]) -> str:
    """``done`` with numbers; else ``failed`` if a run failed. A run that answered no item is ``missing``."""
    if found is not None:
        return "done"
    return "failed" if "failed" in runs else "missing"


def _add_holm(cells: list[dict[str, Any]]) -> FloatArray:
    """Give the cells of one model ``p_holm``; return it, NaN without a result."""
    p_holm = np.array([np.nan if cell["p_value"] is None else cell["p_value"] for cell in cells])
    known = ~np.isnan(p_holm)
    p_holm[known] = holm(p_holm[known])
    for cell, value in zip(cells, p_holm, strict=True):
        cell["p_holm"] = None if np.isnan(value) else float(value)
    return p_holm


def _on(train_bin: int | str) -> str:
    return f"on bin {train_bin}" if isinstance(train_bin, int) else f"on the mixture {train_bin!r}"


def _all_runs(single: IntArray, mixed: IntArray) -> IntArray:
    """[runs, items] from two of [rows, seeds, items]."""
    items = single.shape[2]
    return np.concatenate([single.reshape(-1, items), mixed.reshape(-1, items)])


def _with_nan(answers: IntArray) -> FloatArray:
    return np.where(answers == MISSING, np.nan, answers)


def _select(responses: Responses, items: Sequence[str], where: str) -> IntArray:
    """Responses of the one respondent to ``items``. ``where`` begins the error."""
    if len(responses.respondents) != 1:
        raise InputError(
            f"{where}: {len(responses.respondents)} respondents instead of one. Give each run its own Responses."
        )
    try:
        answers: IntArray = responses.select(items).correct[0]
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return answers


def _refuse_bad_runs(bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun]) -> None:
    seen: set[tuple[str, int | str, int]] = set()
    for run in runs:
        key = (run.model, run.train_bin, run.seed)
        if run.model not in zero_shot:
            raise InputError(
                f"No zero-shot responses of {run.model!r}, which has trained runs. Add them to zero_shot: "
                "a gain is measured against them."
            )
        if isinstance(run.train_bin, int) and not 0 <= run.train_bin < bins.count:
            raise InputError(
                f"Run of {run.model!r}, seed {run.seed}: there is no bin {run.train_bin}, only 0 to "
                f"{bins.count - 1}. Give the bins that the runs were trained on."
            )
        if key in seen:
            raise InputError(
                f"Run of {run.model!r} {_on(run.train_bin)}, seed {run.seed} is given twice. Keep one of them."
            )
        seen.add(key)
