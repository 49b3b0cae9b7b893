"""`easyhard covariates`: how far what people count in an item goes with the difficulty that models show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
import typer

from easyhard.cli.common import AsJson, Columns, console, mapping, print_json, refuse_bad_target, show
from easyhard.schema import InputError

if TYPE_CHECKING:
    from easyhard.benchmarks.covariates import CountTokens
    from easyhard.generalization.covariates import CovariateStudy
    from easyhard.schema import ItemBank, Items

AnswerIsName = Literal["text", "letter", "index"]


def covariates(
    items: Annotated[Path, typer.Argument(help="Item text: CSV, Parquet or JSON lines; other columns are covariates.")],
    bank: Annotated[Path, typer.Argument(help="Item bank from `easyhard calibrate`.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Where the covariates of each item go, as .csv or .parquet.")
    ] = None,
    column: Columns = None,
    answer_is: Annotated[AnswerIsName, typer.Option(help="How answers name a choice.")] = "text",
    tokenizer: Annotated[
        Path | None, typer.Option(help="A tokenizer.json, or its folder, to count tokens as well.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds of the prediction.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Correlate difficulty with lengths, readability, steps, options and your own columns; predict it from them all.

    Example: easyhard covariates items.csv bank.parquet -o covariates.csv
    """
    import easyhard
    from easyhard.benchmarks.covariates import with_covariates
    from easyhard.files import read_bank
    from easyhard.generalization.covariates import covariate_study

    if out:
        refuse_bad_target(out, [items, bank])
    called = mapping(column)
    item_bank = read_bank(bank)
    table = _with_lists(easyhard.read_items(items, called, answer_is), items, called)
    table = with_covariates(table, token_counter(tokenizer) if tokenizer else None)
    study = covariate_study(item_bank, table, seed)
    if out:
        _write(_per_item(study, item_bank, table), out)
    if as_json:
        print_json(study.as_dict())
    else:
        _tell(study, item_bank.calibration.unit)


def token_counter(path: Path) -> CountTokens:
    """Counts tokens, special ones aside, by the tokenizer.json at ``path`` or in its folder. Runs none of its code."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise InputError("tokenizers is not installed, which counts tokens: pip install tokenizers") from error
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more special
        raise InputError(
            f"{file} could not be read as a tokenizer: {error}. "
            "Give a tokenizer.json, as model folders have one, or the folder that holds it."
        ) from error
    tokenizer.no_truncation()  # what a model would cut off counts as well
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        return [len(found.ids) for found in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    return count


def _with_lists(items: Items, path: Path, called: dict[str, str]) -> Items:
    """``items`` with the lists of the file that are counted, which are no covariates themselves."""
    from easyhard.benchmarks.covariates import COUNTED
    from easyhard.schema import Items
    from easyhard.tabular import read_table

    names = tuple(name for name in COUNTED if name not in items.table.columns)
    own = {name: theirs for name, theirs in called.items() if name == "item"}
    lists, _ = read_table(path, ("item",), names, own)
    lists = lists.with_columns(pl.col("item").cast(pl.String)) if len(lists.columns) > 1 else lists.head(0)
    return items if lists.is_empty() else Items(items.table.join(lists, on="item", how="left"), items.covariates)


def _per_item(study: CovariateStudy, bank: ItemBank, items: Items) -> pl.DataFrame:
    """One row per item: covariates, calibrated difficulty and, from items in other folds, the predicted one."""
    chosen = items.select(study.items).table
    difficulty = pl.DataFrame({"item": study.items}).join(bank.table, on="item", how="left", maintain_order="left")
    own = [difficulty[name] for name in ("difficulty", "standard_error")]
    if study.prediction:
        own.append(pl.Series("predicted", study.prediction.predicted).fill_nan(None))
    taken = {"item", *(column.name for column in own)}
    columns = [chosen[name].alias(f"covariate {name}" if name in taken else name) for name in items.covariates]
    return pl.DataFrame([chosen["item"], *columns, *own])


def _write(table: pl.DataFrame, out: Path) -> None:
    from easyhard.atomic import write_bytes, write_parquet

    if out.suffix == ".parquet":
        write_parquet(table, out)
    else:
        write_bytes(table.write_csv().encode(), out)


def _tell(study: CovariateStudy, unit: str) -> None:
    table = study.frame().select(
        "covariate",
        pl.col("n_items").alias("items"),
        "correlation",
        pl.col("low").alias("from"),
        pl.col("high").alias("to"),
        "disattenuated",
    )
    table = table if table["disattenuated"].count() else table.drop("disattenuated")
    show(table, f"Rank correlations with difficulty in {unit}, with 95% intervals", None, False)
    for one in study.correlations:
        if one.note:
            console.print(f"{one.covariate}: {one.note}.", markup=False, highlight=False)
    without = (
        (study.n_without_text, "calibrated items have no text"),
        (study.n_without_difficulty, "items with text are not calibrated"),
    )
    for count, what in without:
        if count:
            console.print(f"{count:,} {what}.", markup=False, highlight=False)
    console.print(f"\n{len(study.items):,} items. {study.reading()}", markup=False, highlight=False)
