"""The matrix on a terminal: gains in points with half their interval, and the checks that found an issue."""

from __future__ import annotations

import sys
from typing import Any

import polars as pl
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from easyhard.report.heat_map import heat_map_table, look
from easyhard.report.text import plain, signed_points
from easyhard.schema import GeneralizationMatrix

LOG_WIDTH = 160  # characters of a line where there is no terminal to ask: ten bins and more

_STYLES = {"clear": "bold", "unclear": "dim", "failed": "red", "missing": "dim"}
_ASCII = str.maketrans("−–±†…’", "--~*.'")  # one for one, so that columns stay aligned


def print_matrix(matrix: GeneralizationMatrix, console: Console | None = None) -> None:
    """Print every model's matrix, what its marks mean, and the checks that are issues.

    Without a terminal, as in a pipe or a log, it comes as plain text; in ASCII where the encoding is narrow.
    A terminal too narrow for the intervals gets the gains alone.
    """
    console = console or Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    ascii_only = console.options.ascii_only
    models = matrix.cells["model"].unique(maintain_order=True)
    tables = [matrix_table(matrix, model, ascii_only=ascii_only) for model in models]
    intervals = all(_width(table) <= console.width for table in tables)
    if not intervals:
        tables = [matrix_table(matrix, model, intervals=False, ascii_only=ascii_only) for model in models]
    for table in tables:
        console.print(table)
        console.print()
    _print(console, _legend(matrix, intervals), "dim")
    if len(matrix.over_models):
        _print(console, "\nThe models together", "bold")
        for sentence in matrix.over_models["sentence"]:
            _print(console, sentence, indent=2)
    for check in matrix.checks:
        if check.status == "issue":
            _print(console, f"\n{check.code} {check.title}", "bold")
            _print(console, check.finding, indent=2)
            _print(console, check.next_step, indent=2)


def matrix_table(
    matrix: GeneralizationMatrix, model: str, *, intervals: bool = True, ascii_only: bool = False
) -> Table:
    """One model's matrix: zero-shot, then a row per bin trained on (bin 0 is the easiest), then per mixture.

    A cell is the gain in points and half its 95% interval, such as ``+12 ±4``; dim when the interval includes
    zero; ``failed``, or a dash where nothing was run. ``intervals=False`` leaves the halves out.
    """
    cells = matrix.cells.filter(pl.col("model") == model).sort("train_bin", "eval_bin")
    bins = cells["eval_bin"].unique().sort().to_list()
    zero_shot = heat_map_table(matrix).filter((pl.col("model") == model) & (pl.col("look") == "zero_shot"))
    accuracy = dict(zip(zero_shot["evaluated_on"], zero_shot["label"], strict=True))

    title = Text(_worded(plain(model), ascii_only), style="bold")
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("trained on", no_wrap=True)
    for eval_bin in bins:
        table.add_column(f"bin {eval_bin}" if intervals else str(eval_bin), justify="right", no_wrap=True)
    first = (Text(_worded(accuracy.get(str(eval_bin), "–"), ascii_only)) for eval_bin in bins)
    table.add_row("zero-shot", *first)
    rows = [(f"bin {row['train_bin'][0]}", row) for row in cells.partition_by("train_bin", maintain_order=True)]
    if len(matrix.mixture_cells):
        mixed = matrix.mixture_cells.filter(pl.col("model") == model)
        rows += [(plain(row["mixture"][0]), row) for row in mixed.partition_by("mixture", maintain_order=True)]
    for name, row in rows:
        texts = [
            Text(_worded(_cell(cell, intervals), ascii_only), style=_STYLES[look(cell)])
            for cell in row.iter_rows(named=True)
        ]
        table.add_row(name, *texts)
    return table


def _cell(cell: dict[str, Any], intervals: bool) -> str:
    if cell["status"] != "done":
        return "failed" if cell["status"] == "failed" else "–"
    gain, low, high = (cell[name] for name in ("gain", "low", "high"))
    mark = "†" if cell["trained_on_these_items"] else ""
    half = f" ±{50 * (high - low):.0f}" if intervals and low is not None and high is not None else ""
    return f"{signed_points(gain)}{mark}{half}"


def _width(table: Table) -> int:
    """Characters of a line that ``table`` needs to lose nothing."""
    endless = Console(width=10_000)
    return Measurement.get(endless, endless.options, table).maximum


def _legend(matrix: GeneralizationMatrix, intervals: bool) -> str:
    half = ", ± half its 95% interval" if intervals else ""
    text = (
        "Columns: the bin evaluated on; bin 0 is the easiest. First row: accuracy of the untouched model; "
        f"below it the gain over that in points{half}, dim where the interval includes zero."
    )
    own = " † evaluated on the very items it was trained on."
    return text + (own if matrix.cells["trained_on_these_items"].any() else "")


def _print(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    if text:
        line = Text(_worded(text, console.options.ascii_only), style=style)
        console.print(Padding(line, (0, 0, 0, indent)))


def _worded(text: str, ascii_only: bool) -> str:
    return text.translate(_ASCII).encode("ascii", "replace").decode() if ascii_only else text
