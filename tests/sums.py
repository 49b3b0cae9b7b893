"""Sums with four choices, as items for tests."""

from __future__ import annotations

import polars as pl

from easyhard.schema import Items


def sums(count: int) -> Items:
    """``count`` items, what is k + 3 for growing k; answers of one to three digits."""
    answers = [k * k + 3 for k in range(count)]
    return Items(
        pl.DataFrame(
            {
                "item": [f"sums/{k}" for k in range(count)],
                "question": [f"What is {k * k} + 3?" for k in range(count)],
                "answer": [str(a) for a in answers],
                "choices": [[str(a + d) for d in (0, 1, 2, 3)] for a in answers],
                "solution": pl.Series([None] * count, dtype=pl.String),
            }
        )
    )
