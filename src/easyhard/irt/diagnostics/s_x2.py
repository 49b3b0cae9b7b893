"""Has each item's curve the shape the model says? A chi-square over groups of respondents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import chi2

from easyhard.irt.counts import Counts, Places, count_responses
from easyhard.irt.diagnostics.false_discovery import LEVEL, benjamini_hochberg
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.rest import RestBlock, rest_blocks
from easyhard.irt.diagnostics.summed import correct_given_total
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import FloatArray, IntArray
from easyhard.wording import counted, shown

_LEAST = 5.0  # variance of the right answers of a group: their number and that of the wrong ones are then above 5
_MOST_GROUPS = 10  # of rest groups: deciles, as Hosmer & Lemeshow (1980) have them for logistic regression
_LONGEST = 300  # items for which summed totals are worth their cost; few respondents share one beyond


@dataclass(frozen=True, slots=True)
class ItemChiSquare:
    """Chi-square fit of every item: [items] each, NaN where there are too few responses for one.

    ``rms_difference`` is the root mean square difference between the observed and expected share correct of a
    group of respondents, less what chance adds: the size of the misfit, in proportion correct.
    """

    items: tuple[str, ...]
    method: str  # "S-X2" or "rest groups"
    chi_square: FloatArray
    degrees_of_freedom: FloatArray
    p: FloatArray
    rms_difference: FloatArray

    def frame(self) -> pl.DataFrame:
        """One row per item; ``p_bh`` is adjusted for the false-discovery rate over items."""
        return pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "chi_square": self.chi_square,
                "degrees_of_freedom": self.degrees_of_freedom,
                "p": self.p,
                "p_bh": benjamini_hochberg(self.p),
                "rms_difference": self.rms_difference,
            },
            nan_to_null=True,
        )

    def reading(self) -> str:
        """What the figures say, in a few sentences."""
        tested = ~np.isnan(self.p)
        if not tested.any():
            return "No item can be tested: its responses are too few, or too much alike, to form groups."
        found = benjamini_hochberg(self.p) < LEVEL
        at = int(np.nanargmax(self.rms_difference))
        text = (
            f"By {self.method}, the curve of {found.sum():,} of {counted(int(tested.sum()), 'item')} is not of the "
            f"model's shape (false-discovery rate {LEVEL:.0%})."
        )
        if not found.any():
            return text
        at = int(np.argmax(np.where(found, self.rms_difference, -1.0)))
        return (
            f"{text} The median of these is {100 * np.median(self.rms_difference[found]):.1f} points of proportion "
            f"correct off, the worst, {shown(self.items[at])}, {100 * self.rms_difference[at]:.1f}."
        )


def s_x2(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    items: Sequence[str] | None = None,
) -> ItemChiSquare:
    """Observed against expected right answers to each item of ``correct``, int8 [respondents, items].

    Complete data of up to 300 items: S-X2 of Orlando & Thissen (2000), Applied Psychological Measurement 24,
    50-64. Respondents are grouped by their number of right answers and the expected share correct in a group
    comes from the recursion of Lord & Wingersky; abilities are distributed as the posteriors are on average.

    With missing responses or more items: respondents are grouped by the prediction of their response from their
    other responses (see ``rest``), up to ten groups an item. The groups' sums are independent with known
    variance, and corrected for the fit of the item's own parameters.

    Either way neighbouring groups are merged until at least 5 right and 5 wrong answers are expected in each, and
    the degrees of freedom are the groups less the item's parameters (1 under Rasch, 2 under 2PL). ``posterior``
    is that of ``posterior_of``. Raises InputError as that does, and if there is not one name an item.
    """
    names = names_of("item", items, correct.shape[1])
    posterior = posterior or posterior_of(correct, model)
    counts = count_responses(correct)
    summed = counts.complete and correct.shape[1] <= _LONGEST
    if summed and counts.varies.any():
        found = [_by_total(correct, model, posterior, counts)]
    else:
        found = [_by_rest(block) for block in rest_blocks(correct, model, posterior)]
    chi_square, df, rms = np.full((3, correct.shape[1]), np.nan)
    for part in found:
        chi_square[part.items], df[part.items], rms[part.items] = part.chi_square, part.df, part.rms
    return ItemChiSquare(names, "S-X2" if summed else "rest groups", chi_square, df, chi2.sf(chi_square, df), rms)


@dataclass(frozen=True, slots=True)
class _Found:
    """Chi-square, degrees of freedom and size of misfit of some items: [items] each."""

    items: Places
    chi_square: FloatArray
    df: FloatArray
    rms: FloatArray


def _by_total(correct: IntArray, model: ItemModel, posterior: Posterior, counts: Counts) -> _Found:
    """Over groups of the same number right, for the items that vary."""
    items = np.flatnonzero(counts.varies)
    total = counts.respondent_right - np.count_nonzero(counts.item_right == counts.item_seen)
    density = posterior.weight.mean(axis=0)
    expected = correct_given_total(model.probability(posterior.ability)[:, items], density)
    n = np.bincount(total, minlength=len(items) + 1).astype(float)
    order = np.argsort(total, kind="stable")
    observed = np.zeros_like(expected)
    observed[n > 0] = np.add.reduceat(
        correct[np.ix_(order, items)], np.flatnonzero(np.diff(total[order], prepend=-1)), axis=0, dtype=float
    )
    variance = n[:, None] * expected * (1 - expected)
    group = _groups(variance, len(items) + 1)
    off = _group_sums(observed - n[:, None] * expected, group)
    n_own = 2 if model.name == "2pl" else 1
    return _chi_square(items, off, _group_sums(variance, group), _group_sums(n[:, None] * (variance > 0), group), n_own)


def _by_rest(block: RestBlock) -> _Found:
    """Over groups of like prediction."""
    variance, residual = block.variance, block.residual
    # Rounded, so that equal predictions stay equal whichever response they were computed from.
    order = np.argsort(np.where(block.seen, np.round(block.predicted, 9), 2.0), axis=0, kind="stable")
    group = np.empty_like(order)
    np.put_along_axis(group, order, _groups(np.take_along_axis(variance, order, axis=0), _MOST_GROUPS), axis=0)
    fitted = np.stack([_group_sums(own * variance, group) for own in block.own])  # [parameters, groups, items]
    information = np.einsum("pji,qji->ipq", block.own * variance, block.own)
    surplus = np.einsum("pji,ji->ip", block.own, residual)
    slopes = np.einsum("ipq,iq->ip", np.linalg.pinv(information, hermitian=True), surplus)
    off = _group_sums(residual, group) - np.einsum("pgi,ip->gi", fitted, slopes)
    n = _group_sums(block.seen.astype(float), group)
    return _chi_square(block.items, off, _group_sums(variance, group), n, len(block.own))


def _groups(variance: FloatArray, most: int) -> Places:
    """Groups of equal variance down each column of ``variance`` [ordered, items], each at least ``_LEAST``."""
    upto = np.cumsum(variance, axis=0)
    total = np.maximum(upto[-1], 1e-300)
    n_groups = np.clip(np.floor(total / _LEAST), 1, most)
    group = np.floor(n_groups * (upto - variance / 2) / total).astype(np.intp)
    return np.asarray(np.minimum(group, n_groups.astype(np.intp) - 1))


def _group_sums(values: FloatArray, group: Places) -> FloatArray:
    """Sums of ``values`` [n, items] over the groups of each column: [groups, items]."""
    n_groups, n_items = int(group.max()) + 1, values.shape[1]
    place = group * n_items + np.arange(n_items)
    return np.bincount(place.ravel(), values.ravel(), n_groups * n_items).reshape(n_groups, n_items).astype(float)


def _chi_square(items: Places, off: FloatArray, variance: FloatArray, n: FloatArray, n_own: int) -> _Found:
    """From the groups' surplus of right answers, its variance, and responses: [groups, items] each."""
    real = variance > _LEAST / 2
    df = real.sum(axis=0).astype(float) - n_own
    chi_square = np.where(real, off**2 / np.where(real, variance, 1.0), 0.0).sum(axis=0)
    per_group = np.where(real, (off**2 - variance) / np.maximum(n, 1), 0.0)
    rms = np.sqrt(np.maximum(per_group.sum(axis=0) / np.maximum(n.sum(axis=0), 1), 0))
    chi_square[df < 1] = rms[df < 1] = df[df < 1] = np.nan
    return _Found(items, chi_square, df, rms)
