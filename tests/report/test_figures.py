"""Figures and the tables behind them, on a simulated study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from simulated_study import simulated_bank, simulated_bins, simulated_items, simulated_matrix

from easyhard.report import (
    covariate_table,
    difficulty_by_covariate,
    gain_by_distance,
    gain_by_distance_table,
    heat_map,
    heat_map_table,
    item_map,
    item_map_table,
    mean_by_distance,
    save_chart,
    side_by_side,
)
from easyhard.report.theme import PALETTES, Scheme
from easyhard.schema import GeneralizationMatrix, InputError

ITEMS = simulated_items(120)
BANK = simulated_bank(ITEMS)
BINS = simulated_bins(BANK)
MATRIX = simulated_matrix()


def cell(table: pl.DataFrame, trained_on: str, evaluated_on: str) -> dict[str, object]:
    chosen = (pl.col("trained_on") == trained_on) & (pl.col("evaluated_on") == evaluated_on)
    return table.filter(chosen).row(0, named=True)


def without_results(matrix: GeneralizationMatrix) -> GeneralizationMatrix:
    numbers = pl.lit(None, dtype=pl.Float64)
    absent = dict.fromkeys(("accuracy", "zero_shot_accuracy", "gain", "low", "high"), numbers)
    runs, cells = (frame.with_columns(**absent, status=pl.lit("failed")) for frame in (matrix.runs, matrix.cells))
    return replace(matrix, runs=runs, cells=cells, tests={})


def svg(chart: object, folder: Path, scheme: Scheme = "light") -> str:
    save_chart(chart, folder / "chart.svg", scheme=scheme)
    return (folder / "chart.svg").read_text(encoding="utf-8")


def test_every_cell_and_the_zero_shot_row_are_in_the_heat_map_table() -> None:
    table = heat_map_table(MATRIX)
    assert len(table) == 5 + 25
    assert table["trained_on"].to_list()[:5] == ["zero-shot"] * 5
    known = MATRIX.cells.filter((pl.col("train_bin") == 2) & (pl.col("eval_bin") == 2)).row(0, named=True)
    assert cell(table, "2", "2")["gain_points"] == pytest.approx(100 * known["gain"])
    assert cell(table, "2", "2")["look"] == "clear"


def test_a_cell_without_a_result_is_never_a_number(tmp_path: Path) -> None:
    table = heat_map_table(MATRIX)
    for place, status in ((("1", "4"), "failed"), (("4", "0"), "missing")):
        found = cell(table, *place)
        assert (found["look"], found["label"], found["gain_points"]) == (status, "", None)
    nothing = without_results(MATRIX)
    assert set(heat_map_table(nothing)["label"]) == {""}
    assert "+" not in "".join(_texts(svg(heat_map(nothing), tmp_path))).replace("+5", "")


def test_a_cell_is_pale_exactly_when_its_interval_holds_zero() -> None:
    done = MATRIX.cells.filter(pl.col("status") == "done").sort("train_bin", "eval_bin")
    clear = ((done["low"] > 0) | (done["high"] < 0)).to_list()
    looks = heat_map_table(MATRIX).filter(pl.col("look").is_in(["clear", "unclear"]))["look"]
    assert [name == "clear" for name in looks] == clear
    assert 0 < sum(clear) < len(clear)


def test_the_printed_labels_are_the_table_s(tmp_path: Path) -> None:
    labels = heat_map_table(MATRIX)["label"].to_list()
    printed = _texts(svg(heat_map(MATRIX), tmp_path))
    for label in filter(None, labels):
        assert printed.count(label) >= labels.count(label)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colour_scale_is_symmetric_about_zero(scheme: Scheme) -> None:
    colours = PALETTES[scheme].diverging
    assert len(colours) % 2 == 1
    spec = heat_map(MATRIX).to_dict()
    scales = [layer["encoding"]["color"]["scale"] for layer in spec["layer"] if "color" in layer["encoding"]]
    largest = 100 * MATRIX.cells["gain"].abs().max()  # type: ignore[operator]
    for scale in scales:
        low, high = scale["domain"]
        assert low == -high
        assert scale["domainMid"] == 0
        assert high >= largest


def test_cells_trained_on_their_own_items_are_marked() -> None:
    own = heat_map_table(simulated_matrix(own_items=True)).filter("trained_on_these_items")
    assert len(own) == 5
    assert all(label.endswith("†") for label in own["label"])
    assert not any("†" in label for label in heat_map_table(MATRIX)["label"])


def test_several_models_share_one_colour_scale() -> None:
    matrix = simulated_matrix(models=("Simulated-1B", "Simulated-3B"))
    grids = heat_map(matrix).to_dict()["concat"]
    domains = {
        tuple(layer["encoding"]["color"]["scale"]["domain"])
        for grid in grids
        for layer in grid["layer"]
        if "color" in layer["encoding"]
    }
    assert [grid["title"] for grid in grids] == ["Simulated-1B", "Simulated-3B"]
    assert len(domains) == 1


def test_distance_is_positive_towards_harder_items() -> None:
    table = gain_by_distance_table(MATRIX)
    assert (table["distance"] == table["eval_bin"] - table["train_bin"]).all()
    assert len(table) == 3 * 23  # seeds x cells with a result


def test_the_interval_at_a_distance_is_the_one_the_matrix_states() -> None:
    means = mean_by_distance(MATRIX)
    stated = MATRIX.tests["Simulated-1B"]["gain_at_distance"]
    assert means["low_points"].to_list() == pytest.approx([100 * entry["low"] for entry in stated])
    unstated = mean_by_distance(replace(MATRIX, tests={}))
    assert unstated["low_points"].null_count() == len(unstated) == len(means)


def test_the_item_table_goes_from_easiest_to_hardest_and_keeps_every_item() -> None:
    table = item_map_table(BANK, BINS, ITEMS)
    assert table["difficulty"].is_sorted()
    assert table["rank"].to_list() == list(range(1, 121))
    assert set(table["item"]) == set(BANK.table["item"])
    assert (table["high"] - table["low"]).to_list() == pytest.approx((2 * table["standard_error"]).to_list())
    alone = item_map_table(BANK)
    assert alone["bin"].null_count() == alone["question"].null_count() == 120


def test_a_covariate_table_has_the_items_with_a_value() -> None:
    gaps = ITEMS.table.with_columns(
        digits=pl.when(pl.int_range(pl.len()) % 3 > 0).then("digits"),
        magnitude=pl.when(pl.int_range(pl.len()) % 4 > 0).then("magnitude").otherwise(float("nan")),
    )
    items = replace(ITEMS, table=gaps)
    assert len(covariate_table(BANK, items, "digits")) == 80
    assert len(covariate_table(BANK, items, "magnitude")) == 90
    with pytest.raises(InputError, match="they have: family, digits, steps, magnitude"):
        covariate_table(BANK, items, "grade")


def test_words_are_sorted_by_their_median_difficulty() -> None:
    spec = difficulty_by_covariate(BANK, ITEMS, "family").to_dict()
    order = spec["layer"][0]["encoding"]["y"]["sort"]
    table = covariate_table(BANK, ITEMS, "family")
    medians = [table.filter(pl.col("value") == name)["difficulty"].median() for name in order]
    assert medians == sorted(medians, key=float)  # type: ignore[arg-type]


def test_every_figure_can_be_drawn(tmp_path: Path) -> None:
    charts = [
        gain_by_distance(simulated_matrix(3, models=("Simulated-1B", "Simulated-3B"))),
        side_by_side(without_results(MATRIX)),
        item_map(BANK, BINS, ITEMS),
        item_map(BANK),
        *(difficulty_by_covariate(BANK, ITEMS, name) for name in ("family", "digits", "magnitude")),
    ]
    for chart in charts:
        drawn = svg(chart, tmp_path)
        assert "<path" in drawn
        assert "NaN" not in drawn
        assert "undefined" not in drawn


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_chart_serves_both_schemes(scheme: Scheme, tmp_path: Path) -> None:
    drawn = svg(side_by_side(MATRIX), tmp_path, scheme)
    palette = PALETTES[scheme]
    assert all(colour in drawn for colour in (palette.paper, palette.ink, palette.quiet, palette.surface))


def test_a_picture_is_a_png_or_an_svg(tmp_path: Path) -> None:
    save_chart(heat_map(MATRIX), tmp_path / "chart.png", scale=1)
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"chart\.pdf: a chart is saved as \.svg or \.png"):
        save_chart(heat_map(MATRIX), tmp_path / "chart.pdf")
    with pytest.raises(InputError, match="2 models"):
        side_by_side(simulated_matrix(models=("A-1B", "B-3B")))


def _texts(drawn: str) -> list[str]:
    return [part.split("<")[0] for part in drawn.replace("</text>", "<").split(">") if part.split("<")[0].strip()]
