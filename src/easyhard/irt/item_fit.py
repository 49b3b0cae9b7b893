"""How well each item follows the model: infit and outfit mean squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyhard.irt.counts import count_responses, row_blocks
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Mean squares of the items: [items], 1 expected, larger is noisier, NaN if all or none were correct."""

    infit_mnsq: FloatArray
    outfit_mnsq: FloatArray


def mean_squares(correct: IntArray, model: ItemModel, posterior: Posterior | None = None) -> MeanSquares:
    """Infit and outfit mean squares of the items of ``model``, on the responses it was fitted to.

    With x a response, p its probability and v = p (1 - p), outfit is the mean of (x - p)^2 / v over
    respondents and infit the sum of (x - p)^2 over the sum of v (Wright & Masters 1982, Rating Scale
    Analysis, ch. 5). Abilities are not known, so each term is replaced by its expectation over the
    respondent's ability posterior. A model-conform response and an ability drawn from the posterior follow
    the model jointly, so at the true parameters outfit, and numerator and denominator of infit, have exactly
    the expectation they would have with known abilities: 1 for the ratio. A point estimate put in for the
    ability would not have this property. On tests of a few items the posterior depends on the response
    itself, which pulls both towards 1.
    """
    if posterior is None:
        posterior = posterior_of(correct, model)
    counts = count_responses(correct)
    right, wrong = _weights(correct, posterior)
    p = model.probability(posterior.ability).T
    v = p * (1 - p)
    # (x - p)^2 / v is (1 - p) / p for a correct response and its inverse for a wrong one.
    odds = np.exp(np.clip(model.discrimination[:, None] * (posterior.ability - model.difficulty[:, None]), -50, 50))
    infit = (right * (1 - p) ** 2 + wrong * p**2).sum(axis=1) / ((right + wrong) * v).sum(axis=1)
    outfit = (right / odds + wrong * odds).sum(axis=1) / counts.item_seen
    infit[~counts.varies] = outfit[~counts.varies] = np.nan
    return MeanSquares(infit, outfit)


def _weights(correct: IntArray, posterior: Posterior) -> tuple[FloatArray, FloatArray]:
    """Posterior weights summed over those right on an item, and those wrong: [items, points] each."""
    right, wrong = np.zeros((2, correct.shape[1], len(posterior.ability)))
    for rows in row_blocks(correct.shape):
        right += (correct[rows] == 1).astype(float).T @ posterior.weight[rows]
        wrong += (correct[rows] == 0).astype(float).T @ posterior.weight[rows]
    return right, wrong
