"""The command line: a thin face over the public functions."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from easyhard.cli import comparison, covariates, data, difficulty, export, figures, studies
from easyhard.cli.common import errors
from easyhard.schema import EasyhardError, InputError, WorkError


class _Commands(TyperGroup):
    """All commands; left to itself, typer ends an interrupted one without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            errors.print("Interrupted. Give the same command again to go on where it stopped.")
            sys.exit(130)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Measure how language models generalise across example difficulty.",
)

# In the order of a first acquaintance, which is the order of --help.
app.command()(studies.demo)
app.command()(data.ingest)
app.command()(data.pull)
app.add_typer(export.app, name="export")
app.command("near-copies")(data.near_copies_)
app.command()(difficulty.calibrate)
app.command()(difficulty.diagnose)
app.command()(covariates.covariates)
app.command("bin")(difficulty.bin_)
app.command()(studies.run)
app.command()(studies.validate)
app.command()(studies.status)
app.command()(studies.verify)
app.command()(studies.report)
app.command()(figures.figures)
app.command()(comparison.compare)


def main() -> None:
    """Run the command line; errors end in one message and exit code 1 (failed) or 2 (called wrongly)."""
    try:
        app()
    except InputError as error:
        _fail(error, 2)
    except WorkError as error:
        _fail(error, 1)


def _fail(error: EasyhardError, code: int) -> None:
    errors.print(f"Error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)
