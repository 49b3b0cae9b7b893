"""Does each item behave as the model says? Mean squares with their null distribution, and item-rest correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.irt.counts import count_responses
from easyhard.irt.diagnostics.false_discovery import LEVEL, benjamini_hochberg, two_sided
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.rest import RestBlock, rest_blocks
from easyhard.irt.diagnostics.saddlepoint import sum_z
from easyhard.irt.item_fit import mean_squares
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import FloatArray, IntArray
from easyhard.wording import counted, shown

_USEFUL = (0.7, 1.3)  # mean squares of a run-of-the-mill test: Wright & Linacre (1994), Rasch Meas. Trans. 8:3, 370


@dataclass(frozen=True, slots=True)
class ItemFit:
    """Fit of every item: [items] each, NaN where all or none were correct.

    A mean square of 1 is expected; above, responses are noisier than the model says, below, more regular. ``z``
    are standard normal if the model holds. ``item_rest`` correlates the response with the share correct of the
    respondent's other responses, ``item_rest_expected`` is what the model says it should be.
    """

    items: tuple[str, ...]
    n_responses: FloatArray
    proportion_correct: FloatArray
    infit_mnsq: FloatArray
    infit_z: FloatArray
    outfit_mnsq: FloatArray
    outfit_z: FloatArray
    item_rest: FloatArray
    item_rest_expected: FloatArray

    @property
    def infit_p(self) -> FloatArray:
        """Two-sided p-values of ``infit_z``."""
        return two_sided(self.infit_z)

    @property
    def outfit_p(self) -> FloatArray:
        """Two-sided p-values of ``outfit_z``."""
        return two_sided(self.outfit_z)

    def frame(self) -> pl.DataFrame:
        """One row per item; ``_p_bh`` are adjusted for the false-discovery rate over items."""
        return pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "n_responses": self.n_responses.astype(np.int64),
                "proportion_correct": self.proportion_correct,
                "infit_mnsq": self.infit_mnsq,
                "infit_z": self.infit_z,
                "infit_p": self.infit_p,
                "infit_p_bh": benjamini_hochberg(self.infit_p),
                "outfit_mnsq": self.outfit_mnsq,
                "outfit_z": self.outfit_z,
                "outfit_p": self.outfit_p,
                "outfit_p_bh": benjamini_hochberg(self.outfit_p),
                "item_rest": self.item_rest,
                "item_rest_expected": self.item_rest_expected,
            },
            nan_to_null=True,
        )

    def reading(self) -> str:
        """What the figures say, in a few sentences."""
        tested = ~np.isnan(self.infit_z)
        if not tested.any():
            return "No item can be tested: each was answered alike by all its respondents."
        found = benjamini_hochberg(self.infit_p) < LEVEL
        noisy, regular = found & (self.infit_mnsq > 1), found & (self.infit_mnsq < 1)
        far = found & ((self.infit_mnsq < _USEFUL[0]) | (self.infit_mnsq > _USEFUL[1]))
        at = int(np.nanargmax(self.infit_mnsq))
        negative = tested & (self.item_rest < 0)
        return (
            f"Of {counted(int(tested.sum()), 'item')}, {noisy.sum():,} are noisier and {regular.sum():,} more "
            f"regular than the model allows (infit, false-discovery rate {LEVEL:.0%}); {far.sum():,} of these have an "
            f"infit outside {_USEFUL[0]} to {_USEFUL[1]}, far enough to matter. The noisiest item is "
            f"{shown(self.items[at])}: infit {self.infit_mnsq[at]:.2f} (z {self.infit_z[at]:+.1f}), item-rest "
            f"correlation {self.item_rest[at]:.2f} where {self.item_rest_expected[at]:.2f} is expected. "
            f"{negative.sum():,} correlate negatively with the rest."
        )


def item_fit(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    items: Sequence[str] | None = None,
) -> ItemFit:
    """Fit of the items of ``model`` to ``correct``, int8 [respondents, items], which it was fitted to.

    The mean squares are those of ``mean_squares``. What they deviate from 1 by is a weighted sum of responses
    less their predictions from the respondents' other responses (see ``rest``), so its null distribution needs
    neither known abilities nor the chi-square approximation of Wright & Masters (1982, ch. 5): ``z`` is the
    saddlepoint deviate of that sum, after the part that fitting the item's own parameters takes up is removed.
    ``posterior`` is that of ``posterior_of``, to save its computation. Raises InputError as that does, and if
    the number of names ``items`` is not that of the items.
    """
    names = names_of("item", items, correct.shape[1])
    posterior = posterior or posterior_of(correct, model)
    counts = count_responses(correct)
    squares = mean_squares(correct, model, posterior)
    infit_z, outfit_z, item_rest, expected = np.full((4, correct.shape[1]), np.nan)
    right, seen = counts.respondent_right[:, None], counts.respondent_seen[:, None]
    for block in rest_blocks(correct, model, posterior):
        infit_z[block.items] = _z(block, _infit_gain(block))
        outfit_z[block.items] = _z(block, _outfit_gain(block))
        rest = (right - block.right) / np.maximum(seen - 1, 1)
        weight = (block.seen & (seen > 1)).astype(float)
        item_rest[block.items] = _correlation(block.right.astype(float), rest, weight)
        expected[block.items] = _correlation(block.predicted, rest, weight, block.variance)
    return ItemFit(
        items=names,
        n_responses=counts.item_seen.astype(float),
        proportion_correct=counts.item_right / np.maximum(counts.item_seen, 1),
        infit_mnsq=squares.infit_mnsq,
        infit_z=infit_z,
        outfit_mnsq=squares.outfit_mnsq,
        outfit_z=outfit_z,
        item_rest=item_rest,
        item_rest_expected=expected,
    )


def _z(block: RestBlock, gain: FloatArray) -> FloatArray:
    return sum_z(block.free_of_own(gain), block.right, block.predicted)


def _infit_gain(block: RestBlock) -> FloatArray:
    """Gain of the sum of (x - p)^2 - p (1 - p), of which infit less 1 is a multiple."""
    mean, variance = block.mean(block.curve), block.mean(block.curve * (1 - block.curve))
    return block.gain(1 - mean - 2 * variance, mean - 2 * variance)


def _outfit_gain(block: RestBlock) -> FloatArray:
    """Gain of the sum of (x - p)^2 / (p (1 - p)) - 1.

    Its posterior mean is the same expression with the prediction in place of p: with a correct response it is
    the mean of 1 / p, less 2, and the prediction is the inverse of that mean.
    """
    p = block.predicted
    return np.where(block.seen, (1 - 2 * p) / (p * (1 - p)), 0.0)


def _correlation(
    values: FloatArray, rest: FloatArray, weight: FloatArray, variance: FloatArray | None = None
) -> FloatArray:
    """Correlation down the columns; ``variance`` is what ``values``, being means, lack in variance."""
    n = weight.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = values - (weight * values).sum(axis=0) / n
        rest = rest - (weight * rest).sum(axis=0) / n
        own = (weight * values**2).sum(axis=0)
        if variance is not None:
            own = own + (weight * variance).sum(axis=0)
        return np.asarray((weight * values * rest).sum(axis=0) / np.sqrt(own * (weight * rest**2).sum(axis=0)))
