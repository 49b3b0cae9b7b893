"""Every response against its prediction from the same respondent's other responses.

Under the model, with its parameters known, a response is, given all others of its respondent, a coin with

    P(correct | other responses) = integral of P(correct | ability) over the ability posterior without it

and the coins of different respondents are independent. A statistic of an item that is a sum over respondents
of posterior means of some function whose expectation at every ability is 0 is therefore a sum of

    gain * (correct - predicted)

with gains and predictions that depend on the other responses alone. Its distribution is known exactly. That
the item's own parameters were fitted to the same responses is allowed for by Neyman's C(alpha) (1959): the
part of the gains that lies along the item's own scores is taken out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from easyhard.irt.counts import Mask, Places, count_responses
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior
from easyhard.schema import FloatArray, IntArray

_ENTRIES = 1_000_000  # of one array of a block: 8 MB
_STEEPEST = 50.0  # log-odds beyond which a curve is 0 or 1 for all purposes
_SURE = 1e-12  # no prediction is surer


@dataclass(frozen=True, slots=True)
class RestBlock:
    """Some items with all respondents; what is missing has residual, variance and gains 0."""

    items: Places  # [items], their columns
    right: Mask  # [respondents, items]
    seen: Mask  # [respondents, items]
    predicted: FloatArray  # [respondents, items]
    curve: FloatArray  # [points, items], probability of a correct response
    posterior: Posterior
    own: FloatArray  # [parameters, respondents, items], gains of the scores of the item's own parameters

    @property
    def residual(self) -> FloatArray:
        """Response less prediction: [respondents, items]."""
        return np.where(self.seen, self.right - self.predicted, 0.0)

    @property
    def variance(self) -> FloatArray:
        """Variance of the response given the respondent's others: [respondents, items]."""
        return np.where(self.seen, self.predicted * (1 - self.predicted), 0.0)

    def mean(self, values: FloatArray) -> FloatArray:
        """Posterior mean of a function of ability, ``values`` [points, items]: [respondents, items]."""
        return np.asarray(self.posterior.weight @ values)

    def gain(self, if_right: FloatArray, if_wrong: FloatArray) -> FloatArray:
        """Gain of a statistic from its posterior means [respondents, items], given the response as it was."""
        return _gain(self.right, self.seen, self.predicted, if_right, if_wrong)

    def free_of_own(self, gain: FloatArray) -> FloatArray:
        """``gain`` [respondents, items] without the part that fitting the item has used up."""
        variance = self.variance
        weighted = self.own * variance
        cross = np.einsum("pji,ji->ip", weighted, gain)
        own = np.einsum("pji,qji->ipq", weighted, self.own)
        slopes = np.einsum("ipq,iq->ip", np.linalg.pinv(own, hermitian=True), cross)
        return np.asarray(gain - np.einsum("ip,pji->ji", slopes, self.own))


def rest_blocks(correct: IntArray, model: ItemModel, posterior: Posterior) -> Iterator[RestBlock]:
    """Blocks of the items of ``correct`` [respondents, items] that vary, as many as fit in memory."""
    items = np.flatnonzero(count_responses(correct).varies)
    width = max(1, _ENTRIES // max(len(correct), len(posterior.ability)))
    for at in range(0, len(items), width):
        yield _block(correct, model, posterior, items[at : at + width])


def _block(correct: IntArray, model: ItemModel, posterior: Posterior, items: Places) -> RestBlock:
    """The block of ``items``.

    The posterior without a correct response is the posterior divided by the curve, so the prediction is the
    harmonic mean of the curve over the posterior; for a wrong response the same holds of the curve's complement.
    """
    responses = correct[:, items]
    right, seen = responses == 1, responses >= 0
    log_odds = model.discrimination[items] * (posterior.ability[:, None] - model.difficulty[items])
    odds = np.exp(np.clip(log_odds, -_STEEPEST, _STEEPEST))
    curve = odds / (1 + odds)
    if_right = 1 / (posterior.weight @ (1 + 1 / odds))
    if_wrong = 1 - 1 / (posterior.weight @ (1 + odds))
    predicted = np.clip(np.where(right, if_right, np.where(seen, if_wrong, 0.5)), _SURE, 1 - _SURE)
    mean = posterior.weight @ curve
    own = [_gain(right, seen, predicted, 1 - mean, -mean)]
    if model.name == "2pl":
        ability = posterior.ability[:, None]
        joint = posterior.weight @ (ability * curve)
        own.append(_gain(right, seen, predicted, posterior.weight @ ability - joint, -joint))
    return RestBlock(items, right, seen, predicted, curve, posterior, np.stack(own))


def _gain(right: Mask, seen: Mask, predicted: FloatArray, if_right: FloatArray, if_wrong: FloatArray) -> FloatArray:
    gain = np.where(right, if_right, if_wrong) / (right - predicted)
    return np.where(seen, gain, 0.0)
