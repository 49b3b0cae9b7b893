"""What the model leaves unexplained of every response, given the respondent's ability posterior.

In single precision: sums of residuals are far noisier than its rounding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from easyhard.irt.counts import Places, row_blocks
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior
from easyhard.schema import IntArray

Single = npt.NDArray[np.float32]


def residuals_of(correct: IntArray, model: ItemModel, posterior: Posterior, items: Places) -> Single:
    """Response less its posterior expectation, 0 where missing: [respondents, ``items``].

    ``correct`` is int8 [respondents, items of ``model``]; ``items`` are the columns wanted.
    """
    expected = _means(_curve(model, posterior, items), posterior)
    for rows in row_blocks(expected.shape):
        responses = correct[rows][:, items]
        np.subtract(responses, expected[rows], out=expected[rows])
        expected[rows] *= responses >= 0
    return expected


def variances_of(correct: IntArray, model: ItemModel, posterior: Posterior, items: Places) -> Single:
    """Posterior mean of p (1 - p), 0 where missing: [respondents, ``items``]."""
    curve = _curve(model, posterior, items)
    variance = _means(curve * (1 - curve), posterior)
    for rows in row_blocks(variance.shape):
        variance[rows] *= correct[rows][:, items] >= 0
    return variance


def _curve(model: ItemModel, posterior: Posterior, items: Places) -> Single:
    """Probability of a correct response: [points, items]."""
    half = (0.5 * model.discrimination[items]).astype(np.float32)
    log_odds = np.multiply.outer(posterior.ability.astype(np.float32), half)
    log_odds -= half * model.difficulty[items].astype(np.float32)
    return np.asarray(0.5 + 0.5 * np.tanh(log_odds, out=log_odds))


def _means(values: Single, posterior: Posterior) -> Single:
    """Posterior means of ``values`` [points, items]: [respondents, items]."""
    means = np.empty((len(posterior.weight), values.shape[1]), dtype=np.float32)
    for rows in row_blocks((len(means), max(values.shape))):
        means[rows] = posterior.weight[rows].astype(np.float32) @ values
    return means
