"""Figures of difficulty against covariates say how strong the relation is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
from simulated_study import simulated_bank, simulated_items

from easyhard.generalization.covariates import covariate_study
from easyhard.report import difficulty_by_covariate, save_chart

ITEMS = simulated_items(120)
BANK = simulated_bank(ITEMS)


def title(covariate: str, items: object = ITEMS) -> str:
    return str(difficulty_by_covariate(BANK, items, covariate).to_dict()["title"]["text"])  # type: ignore[arg-type]


def test_each_figure_has_the_correlation_of_the_study_as_its_title() -> None:
    for one in covariate_study(BANK, ITEMS).correlations:
        assert title(one.covariate) == one.words()
    assert title("digits").startswith("rank correlation +0.")
    assert title("family").startswith("rank correlation 0.")


def test_a_figure_without_a_correlation_says_why(tmp_path: Path) -> None:
    same = replace(ITEMS, table=ITEMS.table.with_columns(digits=pl.lit(3), steps=pl.lit(None, pl.Int64)))
    assert title("digits", same) == "no rank correlation: the same for every item: 3"
    assert title("steps", same) == "no rank correlation: no item has a value"
    for name in ("digits", "steps"):
        save_chart(difficulty_by_covariate(BANK, same, name), tmp_path / "chart.svg")
        drawn = (tmp_path / "chart.svg").read_text(encoding="utf-8")
        assert "no rank correlation" in drawn and "NaN" not in drawn


def test_a_single_value_with_signs_of_html_is_no_html() -> None:
    same = replace(ITEMS, table=ITEMS.table.with_columns(family=pl.lit("</script><b>\u202e" + "x" * 100_000)))
    said = title("family", same)
    assert len(said) < 120 and "\u202e" not in said
