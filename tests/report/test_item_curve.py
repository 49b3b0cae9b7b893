"""Curves of items: the table's numbers, and numbers written as signs that come back as they were."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats
from simulated_study import (
    simulated_bank,
    simulated_bins,
    simulated_changes,
    simulated_items,
    simulated_responses,
)

from easyhard.irt.ability_groups import AbilityGroups, ability_groups
from easyhard.report.item_curve import ALPHABET, MOST_SIGNS, curve_data, item_curve_table, signs, wilson
from easyhard.report.vega import embedded_json
from easyhard.schema import ItemBank

BANK = simulated_bank(simulated_items(90))
RESPONSES = simulated_responses(BANK, missing=0.2)
GROUPS = ability_groups(RESPONSES, BANK)
ORDER = BANK.table.sort("difficulty", "item")["item"].to_list()


def numbers(text: str, width: int) -> list[int]:
    values = [ALPHABET.index(sign) for sign in text]
    parts = [values[k : k + width] for k in range(0, len(values), width)]
    return [sum(one * len(ALPHABET) ** (width - 1 - k) for k, one in enumerate(part)) for part in parts]


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 7), (40, 60), (1, 1)])
def test_the_interval_of_a_proportion_is_wilson_s(right: int, n: int) -> None:
    known = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((known.low, known.high), abs=1e-6)
    assert wilson(0, 0) == (None, None)


def test_the_table_of_an_item_has_its_counts_and_the_model_s_chance() -> None:
    item = ORDER[40]
    table = item_curve_table(BANK, GROUPS, item)
    column = RESPONSES.items.index(item)
    assert table["n"].sum() == (RESPONSES.correct[:, column] >= 0).sum()
    assert table["n_correct"].sum() == (RESPONSES.correct[:, column] == 1).sum()
    difficulty = dict(BANK.table.select("item", "difficulty").iter_rows())[item]
    assert table["expected"].to_list() == pytest.approx((1 / (1 + np.exp(difficulty - GROUPS.ability))).tolist())
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()


@pytest.mark.parametrize("width", [1, 2, 3])
def test_numbers_come_back_from_their_signs_and_need_no_escape(width: int) -> None:
    known = np.random.default_rng(width).integers(len(ALPHABET) ** width, size=(50, 4))
    text = signs(known, width)
    assert numbers(text, width) == known.ravel().tolist()
    assert embedded_json(text) == f'"{text}"'


def test_the_page_s_data_are_the_counts_in_the_order_of_the_items() -> None:
    data = curve_data(BANK, ORDER, GROUPS, simulated_changes(simulated_bins(BANK)))
    for name, counts in (("correct", GROUPS.correct), ("seen", GROUPS.seen)):
        found = np.reshape(numbers(data[name], data["width"]), (len(ORDER), GROUPS.count))
        for place in (0, 33, 89):
            assert (found[place] == counts[GROUPS.items.index(ORDER[place])]).all()
    complete = curve_data(BANK, ORDER, ability_groups(simulated_responses(BANK), BANK), None)
    assert complete["seen"] is None and complete["slopes"] is None and complete["trainings"] == []
    assert json.loads(json.dumps(complete)) == complete


def test_what_trainings_did_is_there_for_evaluated_items_alone() -> None:
    changes = simulated_changes(simulated_bins(BANK))
    (trained,) = curve_data(BANK, ORDER, None, changes)["trainings"]
    found = dict(zip(ORDER, np.reshape(numbers(trained["text"], trained["width"]), (-1, 3)).tolist(), strict=True))
    known = {
        row["item"]: [row["zero_shot"] + 1, row["n_runs"], row["n_correct"]] for row in changes.iter_rows(named=True)
    }
    assert all(found[item] == known.get(item, [0, 0, 0]) for item in ORDER)
    assert curve_data(BANK, ORDER, None, None) == curve_data(BANK, ORDER, None, pl.DataFrame()) == {}


def test_curves_of_very_many_items_have_fewer_groups_or_are_left_out() -> None:
    def many(n: int) -> AbilityGroups:
        counts = np.full((n, 8), 500, dtype=np.int64)
        return AbilityGroups(tuple(map(str, range(n))), np.arange(8.0), np.full(8, 600), counts, counts)

    def data(n: int) -> dict[str, object]:
        names = [str(k) for k in range(n)]
        return curve_data(ItemBank(pl.DataFrame({"item": names}), BANK.calibration), names, many(n), None)

    fewer = data(12_000)
    assert len(str(fewer["correct"])) + len(str(fewer["seen"])) <= MOST_SIGNS
    assert len(fewer["size"]) == 4  # type: ignore[arg-type]
    assert data(70_000) == {}


def test_discriminations_are_given_where_items_differ_in_them() -> None:
    steep = BANK.table.with_columns(discrimination=pl.int_range(pl.len()) / 10.0)
    bank = ItemBank(steep, replace(BANK.calibration, model="2pl"))
    data = curve_data(bank, ORDER, GROUPS, None)
    known = dict(steep.select("item", "discrimination").iter_rows())
    assert data["slopes"] == pytest.approx([known[item] for item in ORDER]) and data["unit"] == "ability sd"
