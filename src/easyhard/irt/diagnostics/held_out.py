"""How well a model predicts responses it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from easyhard.chance import cell_rng
from easyhard.irt.counts import Mask, Places
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import posterior_of
from easyhard.schema import MISSING, FloatArray, IntArray

Fit = Callable[[IntArray], ItemModel]
_SURE = 1e-12  # no prediction is surer: one surprise would be infinitely dear


def response_folds(correct: IntArray, folds: int, seed: int) -> Places:
    """Fold of each response, from 0, of ``correct`` [respondents, items]; -1 for missing ones: the same shape.

    Respondents and items are cut at random into ``folds`` parts each, and every fold takes one part of the items
    from each part of the respondents, as in a Latin square: so it hides equally much of all, and leaves few
    patterns of what is seen, which makes fits fast. Responses of an item that are all in one fold stay in all
    fits: fold -1.
    """
    rng = cell_rng(seed, "held out", "folds")
    respondent, item = (rng.permutation(n) % folds for n in correct.shape)
    fold = np.where(correct == MISSING, -1, (respondent[:, None] + item) % folds)
    several = [((fold >= 0) & (fold != number)).any(axis=0) for number in range(folds)]
    return np.where(np.all(several, axis=0), fold, -1)


def held_out_loss(correct: IntArray, fit: Fit, fold: Places) -> FloatArray:
    """Log loss of each response, predicted from those of other folds: [respondents, items], in nats.

    -log of the probability given to the response that came, by the model fitted without its fold and the
    respondent's ability posterior from the same responses. NaN for responses without a fold.
    """
    loss = np.full(correct.shape, np.nan)
    for number in range(int(fold.max()) + 1):
        held_out = fold == number
        rest = np.where(held_out, np.int8(MISSING), correct)
        model = fit(rest)
        posterior = posterior_of(rest, model)
        predicted = posterior.weight @ model.probability(posterior.ability)
        loss[held_out] = _loss(correct, predicted)[held_out]
    return loss


def mean_error(values: FloatArray, counted: Mask) -> float:
    """Standard error of the mean of the ``counted`` of ``values``, both [respondents, items].

    Respondents and items are samples both: values of one respondent go together, and so do values of one item.
    Source: Cameron, Gelbach & Miller (2011), Journal of Business & Economic Statistics 29, 238-249.
    """
    centred = np.where(counted, values - values[counted].mean(), 0.0)
    by_respondent, by_item = (float((centred.sum(axis=axis) ** 2).sum()) for axis in (1, 0))
    both = by_respondent + by_item - float((centred**2).sum())
    return float(np.sqrt(max(both, by_respondent, by_item))) / int(counted.sum())


def _loss(correct: IntArray, predicted: FloatArray) -> FloatArray:
    right = np.clip(predicted, _SURE, 1 - _SURE)
    return -np.log(np.where(correct == 1, right, 1 - right))
