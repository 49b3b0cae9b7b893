"""Items cut into equal-sized bins by difficulty."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr

from easyhard.chance import cell_rng
from easyhard.schema import Bins, FloatArray, InputError, ItemBank

_TIE_DIGITS = 6  # decimals of a logit: finer differences are rounding, not difficulty


def make_bins(bank: ItemBank, count: int = 10, held_out: float = 0.3, seed: int = 0) -> Bins:
    """Cut the items of ``bank`` into ``count`` bins by difficulty and split each into train and held out.

    The item of rank r among n, from 0, has quantile q = r / n and goes to bin k with
    k / count <= q < (k + 1) / count, so bin sizes differ by at most one. The default of ten is that of
    arXiv:2511.21692. Items whose difficulties agree to six decimals are tied; their order is that of a hash
    of their names, which neither file order nor naming scheme can bend. An edge is the midpoint of the two
    difficulties beside it; the outer edges are infinite.

    ``held_out`` is the share of every bin that is never trained on, to the nearest item, but at least one
    item on either side; 0 trains and evaluates on the same items. Which items are held out depends on
    ``seed``, the bin and the items' names only. Rows come in order of difficulty.

    Raises InputError for fewer than 2 bins, a share outside [0, 1), too few items, or a difficulty that is
    not a number.
    """
    table = bank.table.select("item", "difficulty", "standard_error")
    _check(table, count, held_out)
    table = table.select(pl.all().gather(_order(table)))
    n_items = len(table)
    bin_ = np.arange(n_items) * count // n_items
    edges = _edges(table["difficulty"].to_numpy(), bin_)
    split = _split(table["item"].to_list(), bin_, held_out, seed)
    return Bins(
        table=table.select(
            "item",
            pl.Series("bin", bin_),
            pl.Series("split", split, dtype=pl.String),
            "difficulty",
            "standard_error",
            pl.Series("membership", _membership(table, edges[bin_], edges[bin_ + 1])),
        ),
        edges=tuple(edges.tolist()),
        held_out=held_out,
    )


def ties_across_edges(bins: Bins) -> int:
    """Number of items tied with an item of another bin: for them the bin is chance, not difficulty."""
    difficulty = pl.col("difficulty").round(_TIE_DIGITS)
    return bins.table.filter(pl.col("bin").n_unique().over(difficulty) > 1).height


def held_out_size(bin_size: int, held_out: float) -> int:
    """Items held out of a bin: the share, rounded half up, but at least one and not all; 0 for a share of 0."""
    if not held_out:
        return 0
    return min(max(math.floor(held_out * bin_size + 0.5), 1), bin_size - 1)


def _check(table: pl.DataFrame, count: int, held_out: float) -> None:
    """Raise InputError unless ``table`` can be cut as asked."""
    if count < 2:
        raise InputError(f"count is {count}, but a bin is easy or hard only beside another. Ask for 2 or more.")
    if not 0 <= held_out < 1:
        raise InputError(
            f"held_out is {held_out}, but it is the share of a bin that is not trained on. "
            "Give 0 or more and less than 1, for instance 0.3."
        )
    needed = 2 if held_out else 1
    if len(table) < count * needed:
        each = "2 items each (one to train on, one held out)" if held_out else "1 item each"
        fitting = len(table) // needed
        advice = f"Ask for count={fitting} or fewer." if fitting >= 2 else "Calibrate more items."
        raise InputError(f"{count} bins need {each}, {count * needed} in all, but the bank has {len(table)}. {advice}")
    good = pl.col("difficulty").is_finite() & (pl.col("standard_error") > 0)
    bad = table.filter(~good.fill_null(False))["item"]
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(table)} items lack a finite difficulty or a positive standard error "
            f"(first: {bad[0]!r}). Drop them, or calibrate them."
        )


def _order(table: pl.DataFrame) -> list[int]:
    """Places of the items from easiest to hardest, ties by a hash of the name."""
    difficulty = table["difficulty"].round(_TIE_DIGITS).to_list()
    name = [hashlib.sha256(item.encode()).digest() for item in table["item"]]
    return sorted(range(len(table)), key=lambda row: (difficulty[row], name[row]))


def _edges(difficulty: FloatArray, bin_: npt.NDArray[np.intp]) -> FloatArray:
    """Edges [bins + 1] of sorted ``difficulty`` [items] in ``bin_`` [items]."""
    first = np.flatnonzero(np.diff(bin_)) + 1
    return np.concatenate([[-math.inf], (difficulty[first - 1] + difficulty[first]) / 2, [math.inf]])


def _membership(table: pl.DataFrame, low: FloatArray, high: FloatArray) -> FloatArray:
    """Probability [items] that each true difficulty, normal about its estimate, lies between two edges."""
    difficulty, standard_error = table["difficulty"].to_numpy(), table["standard_error"].to_numpy()
    below = ndtr((low - difficulty) / standard_error)
    return np.asarray(ndtr((high - difficulty) / standard_error) - below)


def _split(items: list[str], bin_: npt.NDArray[np.intp], held_out: float, seed: int) -> list[str]:
    """``train`` or ``held_out`` for each item."""
    chosen: set[str] = set()
    if held_out:
        for k in range(int(bin_[-1]) + 1):
            names = sorted(items[place] for place in np.flatnonzero(bin_ == k))
            n_held_out = held_out_size(len(names), held_out)
            order = cell_rng(seed, "bins", "held_out", str(k)).permutation(len(names))
            chosen.update(names[place] for place in order[:n_held_out])
    return ["held_out" if item in chosen else "train" for item in items]
