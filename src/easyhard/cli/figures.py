"""`easyhard figures`: a report's figures as pictures, and their data as tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from easyhard.cli.common import console
from easyhard.schema import InputError


class FigureForm(StrEnum):
    """What a figure can be written as."""

    png = "png"
    svg = "svg"
    parquet = "parquet"
    csv = "csv"


class FigureScheme(StrEnum):
    """Colours for light or for dark paper."""

    light = "light"
    dark = "dark"


def figures(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to, or a report's HTML.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the files.")],
    form: Annotated[
        list[FigureForm] | None, typer.Option("--format", help="Write only this; may be given several times.")
    ] = None,
    scheme: Annotated[FigureScheme, typer.Option(help="Colours of the pictures.")] = FigureScheme.light,
) -> None:
    """Write every figure of a study's report as PNG and SVG, and the data it draws as Parquet and CSV.

    Example: easyhard figures runs/my-study -o figures --format png --format csv
    """
    from easyhard.report.figures import FORMATS, figures_of, write_figures

    page = run if run.is_file() else run / "report" / "index.html"
    if not page.is_file():
        raise InputError(f"{page} is not there. Write the report first: easyhard report {run}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, but figures go into a folder. Name another place.")
    try:
        text = page.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{page} is not a report: {error}. Give a study's folder.") from error
    chosen = [one for one in FORMATS if not form or FigureForm(one) in form]
    found = figures_of(text)
    write_figures(out, found, chosen, scheme.value)
    console.print(f"{len(found)} figures as {', '.join(chosen)}: {out}", markup=False, highlight=False)
