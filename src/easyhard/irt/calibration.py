"""Responses to an item bank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.irt.connected import islands
from easyhard.irt.item_fit import mean_squares
from easyhard.irt.item_model import AbilityShape, ItemModel, ModelName
from easyhard.irt.rasch import fit_rasch
from easyhard.irt.two_parameter import fit_2pl
from easyhard.schema import MISSING, Calibration, FloatArray, InputError, IntArray, ItemBank, Responses


def calibrate(
    responses: Responses,
    model: ModelName = "rasch",
    onto: ItemBank | None = None,
    weight: FloatArray | None = None,
    ability: AbilityShape = "normal",
) -> ItemBank:
    """Item bank of ``responses``, one row per item in their order.

    ``model`` is ``"rasch"`` or ``"2pl"``; see ``fit_rasch`` and ``fit_2pl`` for what they estimate and in which
    unit. With ``onto``, a bank of the same model, items known by name there keep their difficulty, and under 2PL their
    discrimination; the others are put on its scale. ``weight`` [respondents] says how often each counts. ``ability``
    is the shape of their distribution: ``"normal"``, or ``"free"`` for one that is estimated too.

    Items that every respondent, or none, answered correctly are kept and flagged ``all_correct`` or
    ``none_correct``: their difficulty and standard error are a posterior mean and sd, and their mean squares are
    null. Raises InputError if an item has no response, if fewer than 2 items vary, or if ``onto`` is of the other
    model, shares too few items (none; 2PL: 1) or holds difficulties of them that contradict each other.
    """
    correct = responses.correct
    n_responses = (correct != MISSING).sum(axis=0)
    _check_all_answered(responses, n_responses)
    anchor, discrimination = _anchors(responses, model, onto) if onto else (None, None)
    if model == "rasch":
        fit = fit_rasch(correct, weight=weight, anchor=anchor, ability=ability)
    else:
        fit = fit_2pl(correct, weight=weight, ability=ability, anchor=anchor, anchor_discrimination=discrimination)
    return ItemBank(_table(responses, fit, n_responses), _account(responses, fit))


def _table(responses: Responses, fit: ItemModel, n_responses: npt.NDArray[np.intp]) -> pl.DataFrame:
    squares = mean_squares(responses.correct, fit)
    n_correct = (responses.correct == 1).sum(axis=0)
    flag = np.where(n_correct == n_responses, "all_correct", np.where(n_correct == 0, "none_correct", ""))
    return pl.DataFrame(
        {
            "item": pl.Series(responses.items, dtype=pl.String),
            "difficulty": fit.difficulty,
            "standard_error": fit.standard_error,
            "discrimination": fit.discrimination,
            "n_responses": n_responses,
            "proportion_correct": n_correct / n_responses,
            "infit_mnsq": squares.infit_mnsq,
            "outfit_mnsq": squares.outfit_mnsq,
            "flag": pl.Series(flag.tolist(), dtype=pl.String),
        }
    ).with_columns(pl.col("infit_mnsq", "outfit_mnsq").fill_nan(None))


def _account(responses: Responses, fit: ItemModel) -> Calibration:
    return Calibration(
        model=fit.name,
        n_respondents=len(responses.respondents),
        n_items=len(responses.items),
        ability_mean=fit.ability_mean,
        ability_sd=fit.ability_sd,
        log_likelihood=fit.log_likelihood,
        iterations=fit.iterations,
        convergence=fit.convergence,
        notes=tuple(_notes(responses)),
    )


def _notes(responses: Responses) -> list[str]:
    """Sentences on what is unusual about the responses, and what became of it."""
    right, seen = (responses.correct == 1).sum(axis=1), (responses.correct != MISSING).sum(axis=1)
    notes = []
    for count, what in (
        (int((seen == 0).sum()), "without any response: counted for nothing"),
        (int(((right == seen) & (seen > 0)).sum()), "with every response right: kept"),
        (int(((right == 0) & (seen > 0)).sum()), "with every response wrong: kept"),
    ):
        if count:
            notes.append(f"{count} of {len(seen)} respondents {what}.")
    return notes + _islands(responses.correct, responses.items)


def _islands(correct: IntArray, items: tuple[str, ...]) -> list[str]:
    found = islands(correct)
    if found.count < 2:
        return []
    sizes = [int((found.item == number).sum()) for number in range(found.count)]
    first = items[int(np.flatnonzero(found.item == 1)[0])]
    return [
        f"{found.count} sets of items ({', '.join(map(str, sizes[:5]))} items) share no respondent (the second holds "
        f"{first!r}): their difficulties compare only if all respondents are from one population."
    ]


def _anchors(responses: Responses, model: ModelName, onto: ItemBank) -> tuple[FloatArray, FloatArray]:
    """Difficulty and discrimination [items] of those that ``onto`` has, flagged ones aside; NaN for the others."""
    if onto.calibration.model != model:
        raise InputError(
            f"the bank to calibrate onto is {onto.calibration.model}, the model asked for {model}. "
            "Calibrate with the model of the bank."
        )
    columns = ("difficulty", "discrimination")
    table = onto.table.filter(pl.col("flag") == "").select("item", pl.col(columns).cast(pl.Float64))
    items = pl.DataFrame({"item": responses.items}, schema={"item": pl.String})
    known = items.join(table, on="item", how="left", maintain_order="left")
    difficulty, discrimination = (known[name].fill_null(np.nan).to_numpy() for name in columns)
    if np.isnan(difficulty).all():
        raise InputError(
            f"none of {len(responses.items)} items is in the bank to calibrate onto (first: {responses.items[0]!r}). "
            "See that items have the same names in both."
        )
    return difficulty, discrimination


def _check_all_answered(responses: Responses, n_responses: npt.NDArray[np.intp]) -> None:
    """Raise InputError, naming the first, if an item has no response."""
    empty = np.flatnonzero(n_responses == 0)
    if len(empty):
        raise InputError(
            f"{len(empty)} of {len(responses.items)} items have no response "
            f"(first: {responses.items[empty[0]]!r}). Drop them, or add respondents who answered them."
        )
