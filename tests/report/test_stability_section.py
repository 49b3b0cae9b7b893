"""Stability in the report: the points are those of the curve, and its sentence stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from simulated_study import simulated_bank, simulated_bins, simulated_items, simulated_responses

from easyhard.irt.diagnostics import stability_curve
from easyhard.report import StudyDescription, save_chart, write_calibration_report
from easyhard.report.stability import Stability, stability_curve_chart, stability_points, stability_section

BANK = simulated_bank(simulated_items(50))
CURVE = stability_curve(simulated_responses(BANK).correct, count=5, repeats=3)
FOUND = Stability(CURVE.frame(), CURVE.reading(), 5)


def test_the_points_are_those_of_the_curve() -> None:
    table = stability_points(FOUND)
    bins = table.filter(pl.col("measure") == "items in the same bin")
    assert bins["n_respondents"].to_list() == CURVE.n_respondents.tolist()
    assert bins["measured"].to_list() == pytest.approx(CURVE.same_bin.tolist())
    assert (bins["how"] == "disjoint samples").to_list() == CURVE.independent.tolist()
    assert bins["chance"].unique().to_list() == [0.2]
    ranks = table.filter(pl.col("measure") != "items in the same bin")
    assert ranks["measured"].to_list() == pytest.approx(CURVE.spearman.tolist())


def test_the_section_says_what_was_found_and_draws(tmp_path: Path) -> None:
    section = stability_section(FOUND)
    assert section.legend.startswith(CURVE.reading())
    assert len(section.table.rows) == 2 * len(CURVE.n_respondents)
    save_chart(stability_curve_chart(FOUND), tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert "rank correlation" in text and "NaN" not in text


def test_what_could_not_be_measured_leaves_a_gap(tmp_path: Path) -> None:
    gap = pl.when(pl.int_range(pl.len()) > 0).then("spearman")
    found = Stability(FOUND.table.with_columns(spearman=gap), FOUND.reading, 5)
    assert stability_points(found)["measured"].null_count() == 1
    save_chart(stability_curve_chart(found), tmp_path / "chart.svg")
    assert np.isfinite(CURVE.same_bin).all()


def test_a_calibration_without_a_study_can_show_it(tmp_path: Path) -> None:
    bins = simulated_bins(BANK)
    write_calibration_report(tmp_path / "x.html", BANK, bins, None, StudyDescription("Bare"), stability=FOUND)
    assert 'id="stability"' in (tmp_path / "x.html").read_text(encoding="utf-8")
