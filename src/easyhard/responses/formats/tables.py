"""Runs from tables of one response a row, which several formats are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, correct_of
from easyhard.tabular import as_text


def header(head: bytes) -> list[str]:
    """The names in the first line of a CSV file, quotes aside."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    return [name.strip().strip('"') for name in line.split(",")]


def add_rows(
    found: FileRead, path: Path, table: pl.DataFrame, asked: Asked, trial: Sequence[int] | None = None
) -> None:
    """Add one run for each respondent of ``table`` (columns ``respondent, item, correct``), its item names as they are.

    Rows that name no respondent or item, or whose response is neither right nor wrong, are noted.
    """
    found.rows += len(table)
    codes = np.full(len(table), 0, dtype=np.int8)
    good = np.ones(len(table), dtype=bool)
    for row, (respondent, item, value) in enumerate(
        zip(as_text(table["respondent"], path), as_text(table["item"], path), table["correct"], strict=True)
    ):
        try:
            codes[row] = correct_of(value, asked.threshold)
            if not (respondent or "").strip() or not (item or "").strip():
                raise NotDichotomous("no name for the respondent or the item")
        except NotDichotomous as problem:
            good[row] = False
            found.broke(row + 2, str(problem))  # the header is line 1
    kept = table.select(pl.col("respondent").cast(pl.String), pl.col("item").cast(pl.String)).with_columns(
        code=codes, trial=pl.Series(trial if trial is not None else [0] * len(table), dtype=pl.Int64)
    )
    for (name,), rows in kept.filter(good).group_by(["respondent"], maintain_order=True):
        items = rows["item"].to_list()
        found.runs.append(
            Run(
                str(name),
                path.name,
                "",
                found.file,
                "correct",
                items,
                items,
                rows["trial"].to_list(),
                rows["code"].to_numpy(),
            )
        )
