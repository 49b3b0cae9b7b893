"""Which items a training sees when it is not on one bin: mixtures of bins, at the same number of examples."""

from __future__ import annotations

import numpy as np

from easyhard.chance import cell_rng
from easyhard.schema import Bins, InputError
from easyhard.study.settings import MixtureConfig


def mixed_items(bins: Bins, mixture: MixtureConfig, size: int, seed: int) -> list[str]:
    """Names of ``size`` training items for a mixture; with ``in_order``, in the order they are to be seen in.

    The draw depends on ``seed`` and not on the order of the bins' table. Raises InputError for a target that is no
    bin, and for more items than the bins have.
    """
    if mixture.recipe == "proportional":
        pool = [name for bin_ in range(bins.count) for name in sorted(bins.items(bin_, "train"))]
        return _drawn(pool, size, seed)
    chosen = _bins(bins, mixture)
    shares = [size // len(chosen) + (place < size % len(chosen)) for place in range(len(chosen))]
    # Which bins get one item more than the others is drawn too, else the easiest always would.
    cell_rng(seed, "mixture-shares").shuffle(shares)
    names = [
        name
        for bin_, share in zip(chosen, shares, strict=True)
        for name in _drawn(sorted(bins.items(bin_, "train")), share, seed, str(bin_))
    ]
    if not mixture.in_order:
        return names
    difficulty = dict(zip(bins.table["item"], bins.table["difficulty"], strict=True))
    return sorted(names, key=lambda name: (difficulty[name], name), reverse=mixture.recipe == "hard_to_easy")


def _bins(bins: Bins, mixture: MixtureConfig) -> list[int]:
    if mixture.recipe != "around":
        return list(range(bins.count))
    target, width = mixture.target or 0, mixture.width
    if target >= bins.count or width > bins.count:
        raise InputError(
            f"mixture {mixture.label!r}: there are only bins 0 to {bins.count - 1}. "
            "Choose a target and a width among them, or cut more bins."
        )
    first = min(max(target - (width - 1) // 2, 0), bins.count - width)
    return list(range(first, first + width))


def _drawn(pool: list[str], size: int, seed: int, *path: str) -> list[str]:
    if size > len(pool):
        raise InputError(
            f"a mixture needs {size} items of a pool of {len(pool)}. Lower training.max_items, or cut fewer bins."
        )
    places = np.sort(cell_rng(seed, "mixture", *path).choice(len(pool), size=size, replace=False))
    return [pool[place] for place in places]
