"""All on one scale: every item and respondent is counted, and the error of an ability is that of its estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from simulated_study import simulated_bank, simulated_items

from easyhard.irt import estimate_ability
from easyhard.irt.bank_model import bank_model
from easyhard.report.scale import scale_table, widest_gap, wright_map
from easyhard.schema import ItemBank

BANK = simulated_bank(simulated_items(300))


def test_every_item_and_nearly_every_respondent_is_counted() -> None:
    table = scale_table(BANK)
    assert table["items"].sum() == 300
    assert table["respondents"].sum() == pytest.approx(1.0, abs=0.003)
    assert table["low"].to_list()[1:] == table["high"].to_list()[:-1]


def test_the_error_of_an_ability_is_that_of_its_estimate() -> None:
    """A respondent right on just as many items as an ability of 0 expects has that ability and that error."""
    model = bank_model(BANK)
    easiest_first = np.argsort(model.difficulty)
    correct = np.zeros((1, 300), dtype=np.int8)
    correct[0, easiest_first[: round(float(model.probability(np.zeros(1)).sum()))]] = 1
    found = estimate_ability(correct, model, "mle")
    near = scale_table(BANK).filter(pl.lit(float(found.estimate[0])).is_between("low", "high"))
    assert near["standard_error"][0] == pytest.approx(found.standard_error[0], rel=0.02)


def test_the_widest_gap_lies_between_the_outermost_items() -> None:
    assert widest_gap(np.array([3.0, -1.0, 0.5, 0.6])) == (0.6, 3.0)
    assert widest_gap(np.array([1.0])) == (1.0, 1.0)
    far = BANK.table.with_columns(difficulty=pl.col("difficulty") + 8 * (pl.col("difficulty") > 0))
    table = scale_table(ItemBank(far, BANK.calibration))
    assert table["is_gap"].sum() > 5 and table.filter("is_gap")["items"].sum() == 0


def test_the_chart_has_a_mark_for_each_checkpoint() -> None:
    abilities = pl.DataFrame({"model": ["m", "m"], "trained_on": ["zero-shot", "0"], "ability": [0.1, 0.4]})
    assert len(wright_map(BANK, abilities).to_dict()["vconcat"][0]["layer"]) == 3
    assert len(wright_map(BANK).to_dict()["vconcat"][0]["layer"]) == 2
    steep = replace(BANK.calibration, model="2pl")
    assert "ability sd" in str(wright_map(ItemBank(BANK.table, steep)).to_dict())
