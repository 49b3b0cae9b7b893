"""`easyhard export adapters`: what a study trained, for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from easyhard.cli.common import console
from easyhard.schema import InputError

Push = Annotated[
    str | None, typer.Option(metavar="OWNER/NAME", help="Also upload the folder to this repository on the hub.")
]
Public = Annotated[bool, typer.Option("--public", help="Make a new repository public; else it is private.")]


def adapters(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the adapters, one below it for each.")],
    push: Push = None,
    public: Public = False,
) -> None:
    """Write a study's adapters, each with a model card: what it was trained on, and its row of the matrix.

    Example: easyhard export adapters runs/my-study -o adapters --push me/my-adapters
    """
    from easyhard.study.adapters import write_adapters

    if push:
        refuse_bad_push(push)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, but adapters are folders. Name another place.")
    written = write_adapters(run.resolve(), out)
    console.print(f"{len(written)} adapters: {out}", markup=False, highlight=False)
    if push:
        push_out(out, push, "model", public)


def refuse_bad_push(name: str) -> None:
    """Raise InputError, before any work, where nothing can be pushed to ``name``."""
    from easyhard.report.push import refuse_bad_name

    refuse_bad_name(name)


def push_out(folder: Path, name: str, kind: str, public: bool) -> None:
    """Upload a folder and say where it went."""
    from easyhard.report.push import push_folder

    address = push_folder(folder, name, "dataset" if kind == "dataset" else "model", private=not public)
    console.print(f"Pushed to {address}", markup=False, highlight=False, soft_wrap=True)
