"""Items whose parameters are known: whether they can be used, and whether they agree on a scale."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from easyhard.irt.counts import Places
from easyhard.irt.information import derivatives
from easyhard.irt.search import Maximum, Search
from easyhard.irt.start import log_odds
from easyhard.schema import FloatArray, InputError

_LEAST_EXPLAINED = 0.25  # share of the spread of difficulties; below, the items have no scale in common
_CHANCE = 1e-6  # probability of differences as large as that by chance alone


def check_anchor(anchor: FloatArray | None, n_items: int) -> FloatArray:
    """Anchors [items] with NaN for free items. Raises InputError if they do not fit the items."""
    if anchor is None:
        return np.full(n_items, np.nan)
    values = np.asarray(anchor, dtype=float)
    if values.shape != (n_items,) or np.isinf(values).any() or np.isnan(values).all():
        raise InputError(
            f"anchor has shape {values.shape} and {int(np.isfinite(values).sum())} finite values for {n_items} items. "
            "Give the difficulty of each item that is known, at least one, and NaN for the others."
        )
    return values


def check_discrimination(
    discrimination: FloatArray | None, anchor: FloatArray, log_discrimination_sd: float | None
) -> FloatArray:
    """Discriminations of the anchors [items], NaN for free items. Raises InputError if they do not fit ``anchor``.

    With a prior, of standard deviation ``log_discrimination_sd``, discriminations are above 0.
    """
    held = np.isfinite(anchor)
    values = np.full(len(anchor), np.nan) if discrimination is None else np.asarray(discrimination, dtype=float)
    if values.shape != anchor.shape or not np.array_equal(np.isfinite(values), held) or np.isinf(values).any():
        raise InputError(
            f"{int(np.isfinite(values).sum())} discriminations of anchors are given for {int(held.sum())} difficulties "
            f"of {len(anchor)} items. Under 2PL an anchor holds both: give anchor_discrimination where anchor has a "
            "difficulty, and NaN for the others."
        )
    if held.sum() == 1:
        raise InputError(
            "1 item is an anchor; under 2PL it alone would set the unit of the scale. Give at least 2, better 20."
        )
    refused = held & (values == 0 if log_discrimination_sd is None else values <= 0)
    if refused.any():
        place = int(np.flatnonzero(refused)[0])
        raise InputError(
            f"{int(refused.sum())} anchors have a discrimination that cannot be held (first: {values[place]:g} in "
            f"column {place}). Take them out: an item that the able do not solve more often than others tells nothing "
            "of the scale."
        )
    return values


def check_agreement(search: Search, maximum: Maximum, columns: Places) -> None:
    """Raise InputError if the anchors have no scale in common on which these respondents can be put.

    What is compared, in logits, is the share of right answers to each with that expected where its difficulty is
    held. ``columns`` [groups] names a column of each group.
    """
    items, held = search.items, np.isfinite(search.items.anchor)
    size = items.size[held]
    if size.sum() < 2:
        return
    slopes = derivatives(maximum.at.point, search.design, items, maximum.at.sums, None)
    k = slopes.items.shape[1]
    excess, information = slopes.gradient[: len(held) * k].reshape(-1, k)[held, 0], slopes.items[held, 0, 0]
    right, asked = items.total[held], (items.asked * items.size)[held]
    expected = log_odds(right - excess, asked)
    off = log_odds(right, asked) - expected
    if contradict(off, expected, size, float((excess**2 / information).sum())):
        worst = int(np.abs(off).argmax())
        raise InputError(
            f"the {int(size.sum())} anchors contradict each other: wherever these respondents are put, the shares of "
            f"right answers are not those that the difficulties tell (column {columns[held][worst]}: "
            f"{right[worst] / asked[worst]:.0%} right, {(right - excess)[worst] / asked[worst]:.0%} expected). See "
            "that the items and their answer keys are the same in both, or leave out those that changed: link_banks "
            "finds them."
        )


def contradict(off: FloatArray, expected: FloatArray, size: FloatArray, chi_square: float) -> bool:
    """Whether values that are ``off`` [groups] what is ``expected``, ``size`` items each, are as good as unrelated.

    With many respondents every item is off by more than chance; that alone is no contradiction.
    """
    spread = float(size @ (expected - np.average(expected, weights=size)) ** 2)
    by_chance = float(chdtrc(size.sum(), chi_square))
    return float(size @ off**2) > (1 - _LEAST_EXPLAINED) * spread and by_chance < _CHANCE
