"""Profiles: every measured cell and run is in its panel, with the matrix's own numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from simulated_study import simulated_matrix

from easyhard.report import save_chart
from easyhard.report.profiles import MOST_MODELS, Way, profile_table, profiles, rows_of
from easyhard.report.profiles_section import profiles_section
from easyhard.report.sections import generalization_sections
from easyhard.schema import GeneralizationMatrix

MATRIX = simulated_matrix()


def drawn(matrix: GeneralizationMatrix, way: Way) -> pl.DataFrame:
    (rows,) = profiles(matrix, way).to_dict()["datasets"].values()
    return pl.DataFrame(json.loads(rows) if isinstance(rows, str) else rows)


def with_mixture(matrix: GeneralizationMatrix) -> GeneralizationMatrix:
    def mixed(table: pl.DataFrame) -> pl.DataFrame:
        return table.filter(pl.col("train_bin") == 2).drop("train_bin").with_columns(mixture=pl.lit("uniform"))

    return replace(matrix, mixture_runs=mixed(matrix.runs), mixture_cells=mixed(matrix.cells))


def test_cells_and_runs_are_the_matrix_s_and_what_failed_has_no_row() -> None:
    table = profile_table(MATRIX)
    assert dict(table.group_by("kind").len().iter_rows()) == {"cell": 23, "run": 69}
    known = MATRIX.cells.filter((pl.col("train_bin") == 3) & (pl.col("eval_bin") == 1)).row(0, named=True)
    place = (pl.col("trained_on") == "3") & (pl.col("evaluated_on") == 1)
    cell = table.filter(place & (pl.col("kind") == "cell")).row(0, named=True)
    for name in ("gain", "low", "high"):
        assert cell[f"{name}_points"] == pytest.approx(100 * known[name])
    runs = table.filter(place & (pl.col("kind") == "run"))
    assert runs["seed"].to_list() == [0, 1, 2] and runs["low_points"].null_count() == 3
    assert runs["gain_points"].mean() == pytest.approx(cell["gain_points"])


def test_one_seed_is_not_drawn_a_second_time() -> None:
    assert profile_table(simulated_matrix(seeds=1))["kind"].unique().to_list() == ["cell"]


@pytest.mark.parametrize(("way", "panel", "along"), [("rows", 3, 1), ("columns", 1, 3)])
def test_a_cell_stands_in_the_panel_of_its_row_or_column(way: Way, panel: int, along: int) -> None:
    table = drawn(MATRIX, way).filter(pl.col("kind") == "cell")
    cell = table.filter((pl.col("trained_on") == "3") & (pl.col("evaluated_on") == 1)).row(0, named=True)
    assert cell["panel"] == ("trained on bin 3" if way == "rows" else "evaluated on bin 1")
    assert (cell["order"], cell["at"]) == (panel, along) and not cell["own"]
    assert table["own"].sum() == 5
    assert table["order"].is_sorted()


def test_mixtures_are_rows_behind_the_bins() -> None:
    matrix = with_mixture(MATRIX)
    assert rows_of(matrix) == ["0", "1", "2", "3", "4", "mix: uniform"]
    assert drawn(matrix, "rows")["panel"].unique(maintain_order=True).to_list()[-1] == "trained on uniform"
    columns = drawn(matrix, "columns").filter(pl.col("trained_on") == "mix: uniform")
    assert columns["at"].min() == 5 and not columns["own"].any()


def test_models_stand_side_by_side_and_only_so_many_are_drawn() -> None:
    names = tuple(f"Simulated-{k}B" for k in range(MOST_MODELS + 1))
    matrix = simulated_matrix(seeds=1, models=names)
    table = drawn(matrix, "rows")
    assert table["model"].n_unique() == MOST_MODELS
    at = table.filter((pl.col("trained_on") == "2") & (pl.col("evaluated_on") == 2)).sort("at")["at"].to_list()
    assert len(set(at)) == MOST_MODELS and 1.7 < at[0] < 2 < at[-1] < 2.3
    section = profiles_section(matrix)
    assert f"first {MOST_MODELS} of {MOST_MODELS + 1} models" in section.legend
    assert len(section.table.rows) == len(profile_table(matrix))


def test_a_matrix_without_a_result_has_no_profiles() -> None:
    numbers = dict.fromkeys(("accuracy", "zero_shot_accuracy", "gain", "low", "high"), pl.lit(None, dtype=pl.Float64))
    runs, cells = (table.with_columns(**numbers, status=pl.lit("failed")) for table in (MATRIX.runs, MATRIX.cells))
    nothing = replace(MATRIX, runs=runs, cells=cells, tests={})
    assert [section.name for section in generalization_sections(nothing)] == ["gains", "distance"]
    assert [section.name for section in generalization_sections(MATRIX)] == ["gains", "distance", "profiles"]


def test_profiles_can_be_drawn(tmp_path: Path) -> None:
    charts: list[Any] = [
        profiles(with_mixture(MATRIX), "columns"),
        profiles(simulated_matrix(models=("A-1B", "B-3B")), "rows"),
    ]
    for chart in charts:
        save_chart(chart, tmp_path / "chart.svg")
        text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
        assert "on bin 4" in text and "NaN" not in text and "undefined" not in text


def test_no_layer_is_empty_so_that_no_axis_lacks_its_ends() -> None:
    matrix = simulated_matrix(seeds=1)
    assert len(profiles(matrix, "rows").to_dict()["spec"]["layer"]) == 5
    assert len(profiles(MATRIX, "rows").to_dict()["spec"]["layer"]) == 6
    others = matrix.cells.filter(pl.col("train_bin") != pl.col("eval_bin"))
    assert len(profiles(replace(matrix, cells=others), "rows").to_dict()["spec"]["layer"]) == 4
