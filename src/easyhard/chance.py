"""Random streams that depend on what a draw is for, not on when or where it is drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def cell_rng(seed: int, *path: str) -> np.random.Generator:
    """Generator whose stream is fixed by ``seed`` and the name of the work, e.g. ``("bins", "held_out")``.

    Streams of different names are independent, and none depends on the order in which the work is done.
    """
    digest = hashlib.sha256("/".join(path).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
