"""What the items tell, as drawn: the table's numbers, and sentences with the figures of the coverage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from simulated_study import simulated_abilities, simulated_bank, simulated_bins, simulated_items

from easyhard.generalization.scale_coverage import (
    Intended,
    bin_information,
    distance_to_intended,
    widest_stretch,
)
from easyhard.report import save_chart
from easyhard.report.information import (
    against_intended,
    cumulative_table,
    grid,
    information_by_ability,
    information_of_bins,
)
from easyhard.report.information_section import information_section
from easyhard.report.scale import scale_table
from easyhard.report.section import SpecWriter
from easyhard.schema import Bins

BANK = simulated_bank(simulated_items(120))
BINS = simulated_bins(BANK)
ABILITIES = simulated_abilities(BINS, ("Simulated-1B", "Simulated-3B"))
INTENDED = Intended("a <b>wider</b> one", np.linspace(-4, 4, 900))


def rows(chart: Any) -> list[pl.DataFrame]:
    data = chart.to_dict()["datasets"].values()
    return [pl.DataFrame(json.loads(one) if isinstance(one, str) else one, infer_schema_length=None) for one in data]


def test_bins_upon_one_another_reach_the_information_of_the_scale() -> None:
    curve = rows(information_by_ability(BANK, BINS, None))[0]
    whole = curve.group_by("ability", maintain_order=True).agg(pl.col("information").sum())
    errors = scale_table(BANK)
    expected = np.interp(errors["middle"], whole["ability"], whole["information"])
    assert expected == pytest.approx((1 / errors["standard_error"] ** 2).to_numpy(), rel=0.01)
    assert grid(BANK)[0] <= BANK.table["difficulty"].min()


def test_what_bins_tell_is_drawn_as_in_the_table() -> None:
    (drawn,) = rows(information_of_bins(BANK, BINS, ABILITIES))
    known = bin_information(BANK, BINS, ABILITIES)
    assert drawn["percent"].to_list() == pytest.approx((100 * known["efficiency"]).to_list(), abs=1e-3)
    section = information_section(BANK, BINS, ABILITIES, None)
    assert len(section.table.rows) == len(known) == 2 * 2 * 5
    assert section.table.rows[0][-1] == f"{known['efficiency'][0]:.2f}"


def test_the_widest_stretch_is_that_among_the_checkpoints() -> None:
    low, high = -0.4, -0.4 + 0.2 * 5
    found = widest_stretch(BANK.table["difficulty"].to_numpy(), low, high)
    said = f"runs from {found.low:+.2f} to {found.high:+.2f}.".replace("-", "−")
    assert said in information_section(BANK, BINS, ABILITIES, None).legend


def test_an_intended_distribution_is_drawn_and_its_distance_said() -> None:
    section = information_section(BANK, BINS, ABILITIES, INTENDED)
    found = distance_to_intended(BANK.table["difficulty"].to_numpy(), INTENDED.difficulty)
    assert f"{found.wasserstein:.2f} logits" in section.legend
    assert f"at most {100 * found.kolmogorov_smirnov:.0f} points" in section.legend
    assert len(section.drawings) == 3 and "<b>" not in SpecWriter()(section.drawings[2].spec)
    table = cumulative_table(BANK, INTENDED)
    ours = table.filter(pl.col("which") == "these items")
    assert ours["share"][-1] == 1 and len(ours) == 120 and table.height == 120 + 200
    difficulty = BANK.table["difficulty"].to_numpy()
    assert ours["share"][50] == pytest.approx((difficulty <= ours["difficulty"][50]).mean())


def test_without_checkpoints_there_is_the_curve_alone() -> None:
    for bins in (BINS, None):
        section = information_section(BANK, bins, None, None)
        assert len(section.drawings) == 1 and "checkpoint" not in section.legend
        assert len(section.table.rows) > 10


def test_items_in_no_bin_are_part_of_the_curve() -> None:
    fewer = Bins(BINS.table.head(60), BINS.edges, BINS.held_out)
    curve = rows(information_by_ability(BANK, fewer, None))[0]
    assert set(curve["name"]) == {"in none", "0", "1", "2"}
    assert curve.filter(pl.col("name") == "in none")["items"][0] == 60


def test_the_figures_can_be_drawn(tmp_path: Path) -> None:
    for chart in (
        information_by_ability(BANK, BINS, ABILITIES),
        information_by_ability(BANK, None, None),
        information_of_bins(BANK, BINS, ABILITIES),
        information_of_bins(BANK, BINS, simulated_abilities(BINS)),
        against_intended(BANK, INTENDED),
    ):
        save_chart(chart, tmp_path / "chart.svg")
        text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
        assert "<path" in text and "NaN" not in text and "undefined" not in text
