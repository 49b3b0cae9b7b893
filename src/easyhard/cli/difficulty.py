"""Commands about difficulty: estimating it, asking whether it can be trusted, cutting it into bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import typer
from rich.progress import Progress

from easyhard.cli.common import (
    AsJson,
    Columns,
    ResponsesPath,
    console,
    errors,
    facts_table,
    mapping,
    print_json,
    refuse_bad_target,
    show,
)
from easyhard.schema import InputError

ItemModelName = Literal["rasch", "2pl"]
AbilityName = Literal["normal", "free"]


def calibrate(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the item bank goes, as Parquet.")],
    model: Annotated[ItemModelName, typer.Option(help="rasch, or 2pl: a discrimination for each item.")] = "rasch",
    onto: Annotated[
        Path | None, typer.Option(help="An older bank of the same model, whose items keep their parameters.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of respondents, from `easyhard near-copies`.")] = None,
    ability: Annotated[
        AbilityName, typer.Option(help="Shape of the respondents' abilities; free where they may be skewed.")
    ] = "normal",
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the difficulty of every item by marginal maximum likelihood, with standard errors.

    Example: easyhard calibrate responses.parquet -o bank.parquet
    """
    import easyhard
    from easyhard.files import read_bank, write_bank

    refuse_bad_target(out, [responses, onto] if onto else [responses])
    older = read_bank(onto) if onto else None
    table = easyhard.read_responses(responses, mapping(column))
    weight = _weights(weights, table.respondents) if weights else None
    bank = easyhard.calibrate(table, model, older, weight, ability)
    write_bank(bank, out)
    flagged = bank.table.filter(pl.col("flag") != "").height
    facts = {**asdict(bank.calibration), "unit": bank.calibration.unit, "n_flagged": flagged, "item_bank": str(out)}
    show(facts_table(facts), "Calibration", facts, as_json)


def _weights(path: Path, respondents: Sequence[str]) -> Any:
    """The weight of each respondent from a table with columns ``respondent, weight``. InputError where one has none."""
    from easyhard.tabular import read_table

    table, _ = read_table(path, ("respondent", "weight"))
    known = dict(table.select("respondent", pl.col("weight").cast(pl.Float64, strict=False)).iter_rows())
    unknown = [name for name in respondents if known.get(name) is None]
    if unknown:
        raise InputError(
            f"{path} has no weight for {len(unknown)} of {len(respondents)} respondents (first: {unknown[0]!r}). "
            "Make it anew from these responses: easyhard near-copies."
        )
    return pl.Series([known[name] for name in respondents], dtype=pl.Float64).to_numpy()


def diagnose(
    responses: ResponsesPath,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the tables, one a question.")],
    group: Annotated[
        str | None, typer.Option(help="Compare respondents whose name contains this with the others, item by item.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of simulations and subsamples.")] = 0,
    column: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Ask whether the difficulties can be trusted: fit, wrong keys, duplicates, dimensions, stability.

    Example: easyhard diagnose responses.parquet -o diagnosis --group llama
    """
    import numpy as np

    import easyhard
    from easyhard.atomic import write_parquet
    from easyhard.files import write_json

    table = easyhard.read_responses(responses, mapping(column))
    members = None if group is None else np.array([group in name for name in table.respondents])
    if members is not None and (members.all() or not members.any()):
        raise InputError(
            f"--group {group!r} is in the names of {int(members.sum())} of {len(members)} respondents "
            f"(first: {table.respondents[0]!r}). Give a part of the names of some."
        )
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("Diagnosing", total=None)
        answers = easyhard.diagnose(table, members, seed, lambda n, of: bar.update(task, completed=n, total=of))
    readings = {answer.name: {"question": answer.question, "reading": answer.reading} for answer in answers}
    for answer in answers:
        write_parquet(answer.table, out / f"{answer.name}.parquet")
    write_json(readings, out / "readings.json")
    if as_json:
        print_json(readings)
        return
    for answer in answers:
        console.print(answer.question, style="bold", markup=False, highlight=False)
        console.print(f"{answer.reading}\n", markup=False, highlight=False)
    console.print(f"Tables: {out}", markup=False, highlight=False, soft_wrap=True)


def bin_(
    bank: Annotated[Path, typer.Argument(help="Item bank from `easyhard calibrate`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the bins go, as Parquet.")],
    count: Annotated[int, typer.Option(help="Number of bins.")] = 10,
    held_out: Annotated[float, typer.Option(help="Share of every bin that is never trained on.")] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Of the held-out draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Cut calibrated items into equal-sized bins by difficulty, each with a held-out part.

    Example: easyhard bin bank.parquet -o bins.parquet --count 10 --held-out 0.3
    """
    import easyhard
    from easyhard.files import read_bank, write_bins

    refuse_bad_target(out, [bank])
    item_bank = read_bank(bank)
    bins = easyhard.make_bins(item_bank, count, held_out, seed)
    write_bins(bins, out)
    summary = bins.table.group_by("bin", maintain_order=True).agg(
        items=pl.len(),
        held_out=(pl.col("split") == "held_out").sum(),
        easiest=pl.col("difficulty").min(),
        hardest=pl.col("difficulty").max(),
        membership=pl.col("membership").mean(),
    )
    summary = summary.sort("bin")
    show(summary, f"Bins (difficulty in {item_bank.calibration.unit})", summary.to_dicts(), as_json)
