"""Difficulties as a data set that loads, and the matrix as text that LaTeX and Markdown read as meant."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml
from rich.console import Console
from simulated_study import simulated_bank, simulated_bins, simulated_items, simulated_matrix

from easyhard.report.dataset import difficulty_table, write_dataset
from easyhard.report.matrix_text import matrix_latex, matrix_markdown
from easyhard.report.terminal import print_matrix

ITEMS = simulated_items(60)
BANK = simulated_bank(ITEMS)
BINS = simulated_bins(BANK)


def test_the_columns_are_those_of_the_released_data() -> None:
    table = difficulty_table(BANK, BINS, ITEMS)
    assert table.columns[:6] == ["item", "1pl_diff", "1pl_quantile", "standard_error", "bin", "split"]
    assert table["1pl_diff"].is_sorted() and table["1pl_quantile"].to_list() == pytest.approx(
        [k / 60 for k in range(60)]
    )
    placed = dict(BINS.table.select("item", "bin").iter_rows())
    assert dict(table.select("item", "bin").iter_rows()) == placed
    assert difficulty_table(BANK, None, None)["bin"].null_count() == 60


def test_bins_are_those_of_the_quantiles() -> None:
    table = difficulty_table(BANK, BINS, ITEMS)
    assert (table["1pl_quantile"] * BINS.count).floor().cast(pl.Int64).to_list() == table["bin"].to_list()


def test_the_data_set_loads_with_its_card(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_dataset(tmp_path / "out", BANK, BINS, ITEMS, name="sums: of ours\n---\nevil: yes", licence="MIT")
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="items", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 60 and "1pl_diff" in loaded.column_names and "question" in loaded.column_names
    card = (tmp_path / "out" / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["pretty_name"].startswith("sums: of ours") and "evil" not in head
    assert "The item text is under: MIT." in card and "`1pl_quantile`" in card


def test_without_items_there_is_no_text(tmp_path: Path) -> None:
    write_dataset(tmp_path, BANK, BINS, None, name="sums")
    assert "question" not in pl.read_parquet(tmp_path / "data" / "items.parquet").columns
    assert "not part of this data set" in (tmp_path / "README.md").read_text()


def test_the_matrix_in_markdown_and_latex() -> None:
    matrix = simulated_matrix(models=("50%_of\\it & {more} | *bold*",))
    markdown, latex = matrix_markdown(matrix), matrix_latex(matrix)
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    count = matrix.cells["eval_bin"].n_unique()
    assert len(rows) == 2 + 1 + count and all(row.replace("\\|", "").count("|") == count + 2 for row in rows)
    assert rows[0].startswith("| trained on | bin 0 |") and rows[2].startswith("| zero-shot |")
    body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")]
    assert body.count(r"\\") == 1 + count and all(line.count(" & ") == count for line in body.splitlines()[1:])
    assert r"50\%\_of\textbackslash{}it \& \{more\}" in latex
    assert "%" not in body.replace(r"\%", "") and "−" not in latex


def test_what_failed_is_said_and_no_number() -> None:
    matrix = simulated_matrix()
    cells = matrix.cells.with_columns(status=pl.lit("failed"))
    assert "failed" in matrix_markdown(replace(matrix, cells=cells))


def test_what_the_models_say_together_follows_the_tables() -> None:
    matrix = simulated_matrix(models=("Simulated-1B", "Simulated-3B"))
    assert "together" not in matrix_markdown(matrix)
    sentence = "Over 2 models together: the gain falls with each bin of distance."
    together = replace(matrix, over_models=pl.DataFrame({"test": ["distance_slope"], "sentence": [sentence]}))
    assert matrix_markdown(together).endswith(f"**The models together**\n\n- {sentence}\n")
    console = Console(width=200, record=True, file=io.StringIO())
    print_matrix(together, console)
    assert sentence in console.export_text()
