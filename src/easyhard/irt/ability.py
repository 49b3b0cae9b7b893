"""Ability of respondents on a calibrated scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from easyhard.irt.counts import row_blocks
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import posterior_of
from easyhard.schema import MISSING, FloatArray, IntArray

AbilityMethod = Literal["eap", "mle", "wle"]

_TOLERANCE = 1e-9  # of an ability
_MOST_STEPS = 200
_LONGEST_STEP = 1.0  # by which one step may move an ability, before division by the discrimination


@dataclass(frozen=True, slots=True)
class Ability:
    """Estimate and standard error of each respondent's ability: [respondents], in the model's unit."""

    estimate: FloatArray
    standard_error: FloatArray


def estimate_ability(correct: IntArray, model: ItemModel, method: AbilityMethod = "eap") -> Ability:
    """Abilities of the respondents of ``correct``, int8 [respondents, items], the items of ``model`` being known.

    They need not be those that the model was fitted to. Items without a response (-1) are left out.

    - ``eap``: mean and standard deviation of the posterior, with the model's first population as the prior; a
      respondent without responses gets the prior (Bock & Mislevy 1982, Applied Psychological Measurement 6, 431-444).
    - ``wle``: weighted likelihood, nearly unbiased and finite for everybody with a response (Warm 1989,
      Psychometrika 54, 427-450).
    - ``mle``: maximum likelihood; infinite, with an infinite standard error, where all responses are right or all
      wrong.

    The standard error of the latter two is the inverse root of the information at the estimate; without responses
    both are NaN. Raises InputError unless there is one column for each item.
    """
    posterior = posterior_of(correct, model)
    if method == "eap":
        return Ability(posterior.mean, posterior.sd)
    estimate, standard_error = np.empty((2, len(correct)))
    for rows in row_blocks(correct.shape):
        found = _by_likelihood(correct[rows], model, posterior.mean[rows], weighted=method == "wle")
        estimate[rows], standard_error[rows] = found.estimate, found.standard_error
    return Ability(estimate, standard_error)


def _by_likelihood(correct: IntArray, model: ItemModel, start: FloatArray, weighted: bool) -> Ability:
    """Fisher scoring for every respondent at once."""
    seen = correct != MISSING
    slope = model.discrimination * seen
    right, n_seen = (correct == 1).sum(axis=1), seen.sum(axis=1)
    score = (correct == 1) @ model.discrimination
    solvable = (n_seen > 0) if weighted else (right > 0) & (right < n_seen)
    ability = start.copy()
    longest = _LONGEST_STEP / np.abs(model.discrimination).max()
    for _ in range(_MOST_STEPS):
        p = model.probability(ability)
        information = (slope**2 * p * (1 - p)).sum(axis=1)
        gradient = score - (slope * p).sum(axis=1)
        if weighted:
            gradient += (slope**3 * p * (1 - p) * (1 - 2 * p)).sum(axis=1) / (2 * np.maximum(information, 1e-300))
        step = np.clip(gradient / np.maximum(information, 1e-300), -longest, longest)
        ability = np.where(solvable, ability + step, ability)
        if np.abs(step[solvable]).max(initial=0.0) < _TOLERANCE:
            break
    with np.errstate(divide="ignore"):
        standard_error = 1 / np.sqrt(information)
    ends = np.where(right > 0, np.inf, -np.inf)
    unsolved = np.where(n_seen > 0, ends, np.nan)
    return Ability(
        estimate=np.where(solvable, ability, unsolved),
        standard_error=np.where(solvable, standard_error, np.where(n_seen > 0, np.inf, np.nan)),
    )
