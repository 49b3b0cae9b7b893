"""Commands about responses: reading them, fetching them, writing them for others, finding copies among them."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import polars as pl
import typer
from rich.progress import Progress

from easyhard.cli.common import (
    AsJson,
    Columns,
    ResponsesPath,
    console,
    errors,
    mapping,
    print_json,
    refuse_bad_target,
    show,
)
from easyhard.schema import EasyhardError, InputError, Responses, WorkError
from easyhard.wording import counted

if TYPE_CHECKING:
    from easyhard.responses.audit import Audit
    from easyhard.responses.hub import Pulled

TrialsName = Literal["majority", "mean", "first"]
Metric = Annotated[str | None, typer.Option(help="The score that counts, where a log has several.")]
ThresholdFrom = Annotated[float | None, typer.Option(help="A score from here on is correct.")]
Graded = Annotated[
    bool, typer.Option("--graded", help="A score between 0 and 1 is the probability of a correct response.")
]


def ingest(
    path: Annotated[list[Path], typer.Argument(help="Result logs or tables, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the responses go, as Parquet.")],
    column: Columns = None,
    format_: Annotated[str | None, typer.Option("--format", help="The logs' format, if not to be told apart.")] = None,
    metric: Metric = None,
    filter_: Annotated[str | None, typer.Option("--filter", help="The answer filter that counts.")] = None,
    threshold: ThresholdFrom = None,
    graded: Graded = False,
    trials: Annotated[TrialsName, typer.Option(help="What makes one response of repeats and epochs.")] = "majority",
    coverage: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of a task's items that a model must have. Logs: 0.9.")
    ] = None,
    respondent: Annotated[str | None, typer.Option(help="The model, for logs that do not name it.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first line that cannot be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read per-example results of many models, of any known format, into one audited table of responses.

    Example: easyhard ingest logs/ --metric acc_norm -o responses.parquet
    """
    from easyhard.responses import Asked, ingest_logs, only_tables, read_responses_audited

    refuse_bad_target(out, path)
    asked = Asked(metric, filter_, _threshold(threshold, graded), respondent, strict)
    plain = asked == Asked() and format_ is None and trials == "majority" and coverage is None
    if column and not plain:
        raise InputError(
            "--column is for plain tables, which have one score. Leave it out, or leave out what logs need."
        )
    if column or (plain and only_tables(path)):
        responses, audit = read_responses_audited(path, mapping(column))
    else:
        with Progress(console=errors, transient=True) as bar:
            task = bar.add_task("Reading", total=None)
            responses, audit = ingest_logs(
                path,
                asked,
                format=format_,
                trials=trials,
                coverage=coverage,
                leave=out,
                processes=os.cpu_count() or 1,
                progress=lambda n, of: bar.update(task, completed=n, total=of),
            )
    _write(responses, audit, out)
    show(audit.frame(), "What was read", audit.as_dict(), as_json)


def pull(
    source: Annotated[Literal["leaderboard-v1", "leaderboard-v2"], typer.Argument(help="docs/pull.md tells them.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the files, and the responses in them.")],
    benchmark: Annotated[str, typer.Option(help="One or more, with commas between: bbh,math.")],
    models: Annotated[Path | None, typer.Option(help="A text file, one org/name a line.")] = None,
    top: Annotated[int | None, typer.Option(min=1, help="The so many whose details are downloaded most.")] = None,
    quota_gb: Annotated[float | None, typer.Option(min=0, help="Stop before the files take up more.")] = None,
    metric: Metric = None,
    threshold: ThresholdFrom = None,
    graded: Graded = False,
    as_json: AsJson = False,
) -> None:
    """Download per-example results of the Open LLM Leaderboard, and read them; called again, it goes on.

    Example: easyhard pull leaderboard-v2 --benchmark bbh,math --top 100 -o details
    """
    from easyhard.responses import Asked
    from easyhard.responses.hub_plan import read_models
    from easyhard.responses.hub_reading import pull_responses

    asked = Asked(metric, threshold=_threshold(threshold, graded))
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Pulling", total=None)
        pulled, read = pull_responses(
            source,
            [name.strip() for name in benchmark.split(",") if name.strip()],
            out,
            read_models(models) if models else None,
            top,
            None if quota_gb is None else int(quota_gb * 1e9),
            lambda done, total: bar.update(task, completed=done, total=total),
            asked,
        )
    _show_pulled(pulled, read, out / "responses.parquet", as_json)


def _show_pulled(pulled: Pulled, read: Any, responses: Path, as_json: bool) -> None:
    """Write what was read, tell what came, and end with what did not, if there is any."""
    table, audit = read if isinstance(read, tuple) else (None, None)
    if table is not None and audit is not None:
        _write(table, audit, responses)
    if as_json:
        print_json({**_facts_of(pulled), "audit": audit.as_dict() if audit else None})
    else:
        console.print(pulled.summary(), markup=False, highlight=False, soft_wrap=True)
        if audit is not None:
            show(audit.frame(), "What was read", None, False)
    if isinstance(read, EasyhardError):
        raise WorkError(
            f"The files are there, but no responses of them yet: {read} Pull again so, which downloads nothing anew, "
            f"or read them with more options: easyhard ingest {responses.parent} -o {responses}"
        )
    if pulled.refused:
        raise WorkError(
            f"{counted(len(pulled.refused), 'refusal')}: not all was to be had. {pulled.refused[0].finding}"
        )


def _facts_of(pulled: Pulled) -> dict[str, Any]:
    return {
        "files": [str(path) for path in pulled.files],
        "n_downloaded": pulled.n_downloaded,
        "bytes_downloaded": pulled.bytes_downloaded,
        "n_over_quota": pulled.n_over_quota,
        "refused": [asdict(one) for one in pulled.refused],
    }


def _write(responses: Responses, audit: Audit, out: Path) -> None:
    from easyhard.files import write_json
    from easyhard.responses import write_responses

    write_responses(responses, out)
    write_json(audit.as_dict(), out.with_suffix(".audit.json"))


def _threshold(threshold: float | None, graded: bool) -> float | Literal["graded"] | None:
    if graded and threshold is not None:
        raise InputError("--graded and --threshold are two answers to one question. Give one of them.")
    return "graded" if graded else threshold


def near_copies_(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where each respondent's group and weight go, as Parquet.")],
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Group models that answer too much alike to be counted as several: merges, quantisations, uploads made twice.

    Example: easyhard near-copies responses.parquet -o copies.parquet
    """
    import easyhard
    from easyhard.atomic import write_parquet
    from easyhard.irt import fit_rasch, near_copies

    refuse_bad_target(out, [responses])
    table = easyhard.read_responses(responses, mapping(column))
    found = near_copies(table.correct, fit_rasch(table.correct), respondents=table.respondents)
    group = {row: number for number, rows in enumerate(found.groups) for row in rows}
    weights = pl.DataFrame(
        {
            "respondent": table.respondents,
            "group": [group.get(row) for row in range(len(table.respondents))],
            "weight": found.weights(),
        },
        schema_overrides={"group": pl.Int64},
    )
    write_parquet(weights, out)
    if as_json:
        print_json(
            {"reading": found.reading(), "effective_number": found.effective_number, "groups": len(found.groups)}
        )
    else:
        console.print(found.reading(), markup=False, highlight=False)
