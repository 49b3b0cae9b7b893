"""A small made-up study for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from easyhard.generalization import TrainedRun
from easyhard.schema import Bins, Calibration, IntArray, ItemBank, Responses


class Study:
    """A made-up study: ``count`` bins of ``n_items`` items, all of them evaluated on."""

    def __init__(self, count: int = 5, n_items: int = 40, held_out: float = 0.3) -> None:
        self.count, self.n_items = count, n_items
        self.items = tuple(f"item/{number}" for number in range(count * n_items))
        self.bin_of = np.repeat(np.arange(count), n_items)
        difficulty = np.linspace(-2, 2, count * n_items)
        self.table = pl.DataFrame(
            {
                "item": self.items,
                "bin": self.bin_of,
                "split": ["held_out" if held_out else "train"] * len(self.items),
                "difficulty": difficulty,
                "standard_error": 0.1,
                "membership": 0.9,
            }
        )
        inner = difficulty[n_items::n_items].tolist()
        self.bins = Bins(self.table, (-np.inf, *inner, np.inf), held_out)
        self.bank = ItemBank(
            self.table.select("item", "difficulty").with_columns(outfit_mnsq=pl.lit(1.0)),
            Calibration("rasch", 100, len(self.items), 0.0, 1.0, -1.0, 5, "converged"),
        )

    def responses(self, correct: IntArray) -> Responses:
        return Responses(np.asarray(correct, dtype=np.int8)[None], ("checkpoint",), self.items)

    def pattern(self, n_right: Callable[[int], int]) -> Responses:
        """The first ``n_right(bin)`` items of each bin right, the others wrong."""
        wanted = np.array([n_right(bin_) for bin_ in range(self.count)])
        return self.responses((np.tile(np.arange(self.n_items), self.count) < wanted[self.bin_of]).astype(np.int8))

    def runs(self, n_right: Callable[[int, int], int], seeds: int = 1, model: str = "m") -> list[TrainedRun]:
        """One run per bin and seed; the run on bin i has ``n_right(i, j)`` items of bin j right."""
        return [
            TrainedRun(model, i, seed, self.pattern(partial(n_right, i)))
            for i in range(self.count)
            for seed in range(seeds)
        ]
