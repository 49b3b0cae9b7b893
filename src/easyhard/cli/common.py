"""What the commands share: where they print, the arguments that several take, and how a table is shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from easyhard.schema import InputError

console = Console()
errors = Console(stderr=True)

ResponsesPath = Annotated[Path, typer.Argument(help="Responses: CSV, Parquet or JSON lines, long form.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="What the file calls a column, e.g. --column respondent=model.")
]


def refuse_bad_target(out: Path, read: Sequence[Path]) -> None:
    """Raise InputError, before any work, unless a file may be put at ``out`` without losing one of ``read``."""
    try:
        target = out.resolve()
        if target in [path.resolve() for path in read]:
            raise InputError(f"{out} is also read, and would be lost. Name another file to write to.")
        if target.exists() and not target.is_file():
            raise InputError(f"{out} exists and is not an ordinary file. Name a file to write to.")
        folder = next(parent for parent in target.parents if parent.exists())
    except (OSError, ValueError) as error:  # too long, not to be seen, or no name at all
        raise InputError(f"{out} cannot be written: {error}. Name another file to write to.") from error
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise InputError(
            f"{out} cannot be written: {folder} is not a folder that you may write to. Name another place."
        )


def mapping(columns: list[str] | None) -> dict[str, str]:
    """What a file calls our columns, from ``ours=theirs`` on the command line."""
    pairs = {}
    for column in columns or []:
        ours, separator, theirs = column.partition("=")
        if not separator:
            raise InputError(f"--column {column!r} has no '='. Write --column ours=theirs, e.g. respondent=model.")
        pairs[ours] = theirs
    return pairs


def facts_table(facts: dict[str, Any]) -> pl.DataFrame:
    """Named facts as a table of two columns, for :func:`show`."""
    shown = [_fact(value) for value in facts.values()]
    return pl.DataFrame({"": [name.replace("_", " ") for name in facts], "value": shown})


def _fact(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(table: pl.DataFrame, title: str, machine: Any, as_json: bool) -> None:
    """Print a table, or what is said of it to a machine."""
    if as_json:
        print_json(machine)
        return
    shown = Table(title=escape(title), title_justify="left", box=None, header_style="bold")
    for name in table.columns:
        shown.add_column(name, justify="right" if table.schema[name].is_numeric() else "left", overflow="fold")
    for row in table.rows():
        shown.add_row(*(_cell(value) for value in row))
    console.print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know becomes text."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")
