"""Difficulties as a data set that others can load: one row per item, with a card that says how they were made."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import yaml

from easyhard.atomic import write_bytes, write_parquet
from easyhard.report.text import plain
from easyhard.schema import Bins, ItemBank, Items

TEXTS = ("question", "answer", "choices", "solution")


def difficulty_table(bank: ItemBank, bins: Bins | None, items: Items | None) -> pl.DataFrame:
    """One row per calibrated item, easiest first.

    ``1pl_diff`` and ``1pl_quantile`` are the columns of the data that arXiv:2511.21692 released: difficulty (logits,
    larger is harder), and the share of items that are easier (0 to below 1). Then ``standard_error``, ``bin`` and
    ``split`` (null for an item in no bin), ``n_responses``, ``proportion_correct``, ``infit_mnsq``, ``outfit_mnsq``,
    ``flag``, and where there are ``items`` their texts and covariates. Of a 2PL bank the column is ``2pl_diff``, and
    ``discrimination`` stands beside it.
    """
    kind = "1pl" if bank.calibration.model == "rasch" else "2pl"
    table = bank.table.sort("difficulty", "item").with_columns(
        (pl.int_range(pl.len()) / pl.len()).alias(f"{kind}_quantile")
    )
    placed = bins.table.select("item", "bin", "split") if bins else _nowhere()
    table = table.join(placed, on="item", how="left", maintain_order="left")
    found: list[str | pl.Expr] = [
        "item",
        pl.col("difficulty").alias(f"{kind}_diff"),
        f"{kind}_quantile",
        "standard_error",
        "bin",
        "split",
    ]
    found += ["discrimination"] if kind == "2pl" else []
    rest = ("n_responses", "proportion_correct", "infit_mnsq", "outfit_mnsq", "flag")
    shown = table.select(*found, *(name for name in rest if name in table.columns))
    if items is None:
        return shown
    # A covariate may have the name of a column of ours.
    others = [name for name in items.covariates if name not in shown.columns]
    return shown.join(items.table.select("item", *TEXTS, *others), on="item", how="left", maintain_order="left")


def write_dataset(
    folder: Path, bank: ItemBank, bins: Bins | None, items: Items | None, *, name: str, licence: str = ""
) -> None:
    """Write ``data/items.parquet`` and ``README.md``, a dataset card, so that ``datasets.load_dataset`` reads them.

    ``licence`` is that of the item text. Give no ``items`` where their text may not be republished.
    """
    table = difficulty_table(bank, bins, items)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_parquet(table, folder / "data" / "items.parquet")
    write_bytes(_card(table, bank, bins, items, name, licence).encode(), folder / "README.md")


def _card(table: pl.DataFrame, bank: ItemBank, bins: Bins | None, items: Items | None, name: str, licence: str) -> str:
    """The card: what the hub reads (YAML), then what a person does."""
    head = yaml.safe_dump(
        {
            "pretty_name": plain(name),
            "configs": [{"config_name": "default", "data_files": [{"split": "items", "path": "data/items.parquet"}]}],
            "tags": ["item-response-theory", "difficulty"],
        },
        sort_keys=False,
        allow_unicode=True,
    )
    calibration = bank.calibration
    text = (
        f"The item text is under: {plain(licence)}." if licence else "The licence of the item text is not known here."
    )
    if items is None:
        text = "The item text is not part of this data set; items are named by their content."
    cut = f" {len(bins.table):,} of them are cut into {bins.count} equal-sized bins, bin 0 the easiest." if bins else ""
    columns = "\n".join(f"| `{column}` | {words} |" for column, words in _COLUMNS.items() if column in table.columns)
    return f"""---
{head}---

# {plain(name)}: how hard its items are for language models

{calibration.n_items:,} items, calibrated on the responses of {calibration.n_respondents:,} language models.{cut}

Model: {calibration.model}, by marginal maximum likelihood, made by easyhard. {plain(calibration.convergence, 400)}
Difficulty is relative to these models and to how they were asked. {text}

| column | |
|---|---|
{columns}

Difficulty and quantile have the names of the columns that Kordi et al. released with *Revisiting Generalization Across
Difficulty Levels: It's Not So Easy* ([arXiv:2511.21692](https://arxiv.org/abs/2511.21692)).
"""


def _nowhere() -> pl.DataFrame:
    return pl.DataFrame(schema={"item": pl.String, "bin": pl.Int64, "split": pl.String})


_COLUMNS = {
    "item": "name, from the content of the item",
    "1pl_diff": "difficulty in logits; larger is harder",
    "1pl_quantile": "share of the items that are easier, from 0 to below 1",
    "2pl_diff": "difficulty in standard deviations of ability; larger is harder",
    "2pl_quantile": "share of the items that are easier, from 0 to below 1",
    "standard_error": "of the difficulty, in its unit",
    "discrimination": "slope of the item's curve",
    "bin": "difficulty bin, 0 the easiest; null for an item in none",
    "split": "`train` or `held_out` within the bin",
    "n_responses": "models that answered",
    "proportion_correct": "share of them that were right",
    "infit_mnsq": "fit, 1 expected, less sensitive to outliers",
    "outfit_mnsq": "fit, 1 expected",
    "flag": "`all_correct` or `none_correct`: the difficulty then hangs on a prior",
    "question": "text",
    "answer": "the right answer",
    "choices": "the choices, where there are any",
    "solution": "a worked answer, where there is one",
}
