"""`easyhard compare`: several studies side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from easyhard.cli.common import AsJson, console, show


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders that studies wrote to; two or more.")],
    as_json: AsJson = False,
) -> None:
    """Put the tests of several studies side by side, and say what they show together.

    Example: easyhard compare runs/gsm8k runs/arc
    """
    from easyhard.study.compare import compare as compare_studies

    found = compare_studies(runs)
    machine = {
        "tests": found.table.to_dicts(),
        "basis": found.basis,
        "over_studies": found.over_studies.to_dicts(),
        "together": list(found.together),
    }
    points = [(100 * pl.col(name)).round(1).alias(f"{name}, points") for name in ("value", "low", "high")]
    show(found.table.select("study", "model", "test", *points), "Studies side by side", machine, as_json)
    if not as_json:
        for sentence in found.together:
            console.print(sentence, markup=False, highlight=False)
