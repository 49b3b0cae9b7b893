"""Responses to an item bank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.irt.item_fit import mean_squares
from easyhard.irt.rasch import fit_rasch
from easyhard.schema import MISSING, Calibration, InputError, ItemBank, Responses


def calibrate(responses: Responses) -> ItemBank:
    """Item bank of ``responses`` under the Rasch model, one row per item in their order.

    Items that every respondent, or none, answered correctly are kept and flagged ``all_correct`` or
    ``none_correct``: their difficulty and standard error are a posterior mean and sd (see ``fit_rasch``) and
    their mean squares are null. Raises InputError if an item has no response, or if fewer than 2 items vary.
    """
    correct = responses.correct
    n_responses = (correct != MISSING).sum(axis=0)
    _check_all_answered(responses, n_responses)
    fit = fit_rasch(correct)
    squares = mean_squares(correct, fit)
    n_correct = (correct == 1).sum(axis=0)
    flag = np.where(n_correct == n_responses, "all_correct", np.where(n_correct == 0, "none_correct", ""))
    table = pl.DataFrame(
        {
            "item": pl.Series(responses.items, dtype=pl.String),
            "difficulty": fit.difficulty,
            "standard_error": fit.standard_error,
            "discrimination": np.ones(len(flag)),
            "n_responses": n_responses,
            "proportion_correct": n_correct / n_responses,
            "infit_mnsq": squares.infit_mnsq,
            "outfit_mnsq": squares.outfit_mnsq,
            "flag": pl.Series(flag.tolist(), dtype=pl.String),
        }
    ).with_columns(pl.col("infit_mnsq", "outfit_mnsq").fill_nan(None))
    calibration = Calibration(
        model="rasch",
        n_respondents=len(responses.respondents),
        n_items=len(responses.items),
        ability_mean=fit.ability_mean,
        ability_sd=fit.ability_sd,
        log_likelihood=fit.log_likelihood,
        iterations=fit.iterations,
        convergence=fit.convergence,
    )
    return ItemBank(table, calibration)


def _check_all_answered(responses: Responses, n_responses: npt.NDArray[np.intp]) -> None:
    """Raise InputError, naming the first, if an item has no response."""
    empty = np.flatnonzero(n_responses == 0)
    if len(empty):
        raise InputError(
            f"{len(empty)} of {len(responses.items)} items have no response "
            f"(first: {responses.items[empty[0]]!r}). Drop them, or add respondents who answered them."
        )
