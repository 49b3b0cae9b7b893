"""How far two difficulties of the same items agree: in order, and in the bins they make."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from easyhard.irt.counts import Places
from easyhard.schema import FloatArray, InputError

_TIE_DIGITS = 6  # decimals of a logit, as for bins: finer differences are rounding, not difficulty


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two difficulties of the same items. NaN if too few items have both."""

    spearman: float  # rank correlation
    same_bin: float  # share of items in the same bin
    rank_move: float  # mean absolute change of rank, as a share of the number of items


def agreement(first: FloatArray, second: FloatArray, count: int, rng: np.random.Generator) -> Agreement:
    """Agreement of two difficulties [items], each cut into ``count`` equal-sized bins; items with a NaN are left out.

    Ties are broken by chance, for each apart: what does not tell items apart must not pass for agreement.
    """
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if len(first) < count:
        return Agreement(np.nan, np.nan, np.nan)
    one, other = ranks(first, rng), ranks(second, rng)
    return Agreement(
        spearman=rank_correlation(first, second),
        same_bin=float((bins_of_ranks(one, count) == bins_of_ranks(other, count)).mean()),
        rank_move=float(np.abs(one - other).mean()) / len(one),
    )


def mean_agreement(several: list[Agreement]) -> Agreement:
    """The mean of each figure, over those that are not NaN."""
    columns = [np.array([getattr(one, name.name) for one in several]) for name in fields(Agreement)]
    return Agreement(
        *(float(column[np.isfinite(column)].mean()) if np.isfinite(column).any() else np.nan for column in columns)
    )


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Spearman's correlation of two difficulties [items]; NaN if one of them is constant."""
    one, other = (stats.rankdata(np.round(values, _TIE_DIGITS)) - (len(values) + 1) / 2 for values in (first, second))
    scale = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / scale) if scale > 0 else np.nan


def ranks(difficulty: FloatArray, rng: np.random.Generator | None = None) -> Places:
    """Rank of each item [items] by difficulty, from 0; ties are broken by ``rng``, or else by place."""
    tie = np.arange(len(difficulty)) if rng is None else rng.permutation(len(difficulty))
    rank = np.empty(len(difficulty), dtype=np.intp)
    rank[np.lexsort((tie, np.round(difficulty, _TIE_DIGITS)))] = np.arange(len(difficulty))
    return rank


def bins_of_ranks(rank: Places, count: int) -> Places:
    """Bin of each item by its rank [items], both from 0: equally many items each, as ``make_bins`` cuts them."""
    return rank * count // len(rank)


def check_count(count: int, n_items: int) -> None:
    """Raise InputError unless ``n_items`` can be cut into ``count`` bins."""
    if not 2 <= count <= n_items:
        raise InputError(
            f"count is {count} for {n_items} items. Ask for at least 2 bins, and no more than there are items."
        )
