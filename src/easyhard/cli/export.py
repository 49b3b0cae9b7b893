"""``easyhard export``: one command for each form, since each takes what it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from easyhard.benchmarks import BenchmarkSpec
from easyhard.cli.adapters import Public, Push, adapters, push_out, refuse_bad_push
from easyhard.cli.common import Columns, ResponsesPath, console, mapping, refuse_bad_target
from easyhard.schema import Bins, InputError, Items

Form = Literal["parquet", "csv", "py-irt", "irw", "eee"]

app = typer.Typer(no_args_is_help=True, help="Write responses, or a benchmark, in the format of another program.")

Out = Annotated[Path, typer.Option("-o", "--out", help="Where it goes.")]
FORMS: dict[Form, str] = {
    "parquet": "Write responses as our own Parquet table, which every command reads.",
    "csv": "Write responses as CSV, in long form.",
    "py-irt": "Write responses as py-irt's JSON lines.",
    "irw": "Write responses as a table of the Item Response Warehouse.",
    "eee": "Write responses as Every Eval Ever keeps them.",
}


def _responses(form: Form, help_: str) -> Callable[..., None]:
    def export(responses: ResponsesPath, out: Out, column: Columns = None) -> None:
        import easyhard
        from easyhard.responses.export import export_responses

        refuse_bad_target(out, [responses])
        table = easyhard.read_responses(responses, mapping(column))
        export_responses(table, out, form)
        console.print(f"{len(table.respondents):,} respondents x {len(table.items):,} items: {out}", markup=False)

    export.__doc__ = f"{help_}\n\n    Example: easyhard export {form} responses.parquet -o out\n    "
    return export


for _form, _help in FORMS.items():
    app.command(_form)(_responses(_form, _help))


@app.command("lm-eval")
def lm_eval(
    what: Annotated[str, typer.Argument(metavar="RUN|BENCHMARK", help="A study's folder, or a benchmark by name.")],
    out: Out,
    items: Annotated[Path | None, typer.Option(help="A benchmark's rows; without it they come from the hub.")] = None,
    bins: Annotated[Path | None, typer.Option(help="Bins of these items, for a task per bin.")] = None,
) -> None:
    """Write a benchmark as tasks for lm-evaluation-harness: one for all its items, and one for each bin.

    Example: easyhard export lm-eval runs/my-study -o tasks
    """
    from easyhard.evaluation.export import command, export_tasks

    folder = Path(what)
    if folder.is_dir():
        if items or bins:
            raise InputError(f"{what} is a study, which has its own items and bins. Leave out --items and --bins.")
        spec, table, cut = _of_study(folder)
    else:
        spec, table, cut = _of_benchmark(what, items, bins)
    names = export_tasks(table, spec, out, cut)
    console.print(f"{len(names)} tasks for {table.table.height:,} items: {out}", markup=False, highlight=False)
    console.print(command(out, names, spec), markup=False, highlight=False, soft_wrap=True)


@app.command()
def dataset(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to.")],
    out: Out,
    push: Push = None,
    public: Public = False,
) -> None:
    """Write a study's difficulties as a data set with a card, which `datasets.load_dataset` reads from the folder.

    Example: easyhard export dataset runs/my-study -o difficulties --push me/my-difficulties
    """
    from easyhard.benchmarks.user_benchmark import read_benchmark
    from easyhard.report.dataset import write_dataset
    from easyhard.study import open_study
    from easyhard.study.analysis import may_publish

    if push:
        refuse_bad_push(push)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, but a data set is a folder. Name another place.")
    config, bank, bins, items = open_study(run.resolve())
    shown = items if may_publish(config) else None
    licence = read_benchmark(config.benchmark).licence if config.benchmark and shown else ""
    write_dataset(out, bank, bins, shown, name=config.name, licence=licence)
    console.print(f"{len(bank.table):,} items: {out}", markup=False, highlight=False)
    if push:
        push_out(out, push, "dataset", public)


app.command()(adapters)


@app.command()
def matrix(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that a study wrote to.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where it goes: .md or .tex.")],
) -> None:
    """Write a study's matrix as a table for a page (.md) or a paper (.tex, with booktabs).

    Example: easyhard export matrix runs/my-study -o matrix.tex
    """
    from easyhard.atomic import write_bytes
    from easyhard.report.matrix_text import matrix_latex, matrix_markdown
    from easyhard.study import analyse

    writers = {".md": matrix_markdown, ".tex": matrix_latex}
    if out.suffix not in writers:
        raise InputError(f"{out.name} is neither .md nor .tex. End the path with one of them.")
    refuse_bad_target(out, [run])
    write_bytes(writers[out.suffix](analyse(run.resolve())[0]).encode(), out)
    console.print(f"{out}", markup=False, highlight=False)


def _of_study(folder: Path) -> tuple[BenchmarkSpec, Items, Bins | None]:
    from easyhard.study import open_study
    from easyhard.study.cells import benchmark

    config, _, bins, items = open_study(folder.resolve())
    if config.benchmark:
        _refuse_to_publish(config.benchmark)
    return benchmark(config, items), items.select(bins.table["item"].to_list()), bins


def _of_benchmark(name: str, items: Path | None, bins: Path | None) -> tuple[BenchmarkSpec, Items, Bins | None]:
    from easyhard.benchmarks.loading import load_items
    from easyhard.benchmarks.user_benchmark import read_benchmark
    from easyhard.files import read_bins

    _refuse_to_publish(name)
    found = read_benchmark(name)
    cut = read_bins(bins) if bins else None
    return found.spec, load_items(found, items), cut


def _refuse_to_publish(name: str) -> None:
    from easyhard.benchmarks.benchmark import refuse_to_publish
    from easyhard.benchmarks.user_benchmark import read_benchmark

    refuse_to_publish(read_benchmark(name), "a folder of tasks")
