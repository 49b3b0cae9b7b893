"""Coverage of the scale: known answers by hand, and the information that standard errors of abilities come from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyhard.generalization.scale_coverage import (
    bin_information,
    distance_to_intended,
    information,
    information_curve,
    widest_stretch,
)
from easyhard.irt import calibrate, estimate_ability, simulate_rasch
from easyhard.irt.bank_model import bank_model
from easyhard.schema import Bins, InputError, Interval, ItemBank, Responses

RNG = np.random.default_rng(8)
CORRECT = simulate_rasch(150, np.linspace(-2, 2, 60), 0.3, 1.0, 0.0, RNG)
BANK = calibrate(Responses(CORRECT, tuple(f"r{k}" for k in range(150)), tuple(f"i{k:02d}" for k in range(60))))


def three_bins(bank: ItemBank, held_out: float = 0.5) -> Bins:
    table = bank.table.sort("difficulty").select("item", "difficulty", "standard_error")
    place = np.arange(len(table))
    split = np.where((place % 2 == 0) & (held_out > 0), "held_out", "train")
    table = table.with_columns(bin=pl.Series(place // 20), split=pl.Series(split), membership=pl.lit(1.0))
    return Bins(table, (-np.inf, -1.0, 1.0, np.inf), held_out)


def abilities(values: dict[str, float], model: str = "m") -> pl.DataFrame:
    rows = [
        (model, name, None if name == "zero-shot" else 0, ability, k)
        for name, ability in values.items()
        for k in (0, 1)
    ]
    schema = {
        "model": pl.String,
        "trained_on": pl.String,
        "seed": pl.Int64,
        "ability": pl.Float64,
        "eval_bin": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_widest_stretch_counts_the_ends_of_the_range() -> None:
    difficulty = np.array([3.0, -1.0, 0.5, 0.6])
    assert widest_stretch(difficulty, -1.0, 3.0) == Interval(0.6, 3.0, 1.0)
    assert widest_stretch(difficulty, -4.0, 1.0) == Interval(-4.0, -1.0, 1.0)
    assert widest_stretch(difficulty, 0.4, 0.8) == Interval(0.6, 0.8, 1.0)
    assert widest_stretch(difficulty, 1.0, 2.0) == Interval(1.0, 2.0, 1.0)
    assert widest_stretch(np.array([0.0]), 0.0, 0.0) == Interval(0.0, 0.0, 1.0)
    with pytest.raises(InputError, match="the lower one first"):
        widest_stretch(difficulty, 1.0, 0.0)


@given(st.lists(st.floats(-5, 5), max_size=30), st.floats(-5, 5), st.floats(0, 5))
def test_the_widest_stretch_holds_no_item_and_no_item_s_order_matters(
    values: list[float], low: float, width: float
) -> None:
    difficulty = np.array(values)
    found = widest_stretch(difficulty, low, low + width)
    assert low <= found.low <= found.high <= low + width
    assert not ((difficulty > found.low) & (difficulty < found.high)).any()
    assert widest_stretch(difficulty[::-1], low, low + width) == found


def test_the_distance_to_an_intended_distribution_is_known_for_a_shift() -> None:
    difficulty = np.linspace(-1, 1, 201)
    same = distance_to_intended(difficulty, difficulty)
    assert (same.kolmogorov_smirnov, same.wasserstein, same.mean_difference) == (0, 0, 0)
    harder = distance_to_intended(difficulty + 0.5, difficulty)
    assert harder.wasserstein == pytest.approx(0.5) and harder.mean_difference == pytest.approx(0.5)
    assert harder.kolmogorov_smirnov == pytest.approx(0.25, abs=0.01)  # a quarter of a uniform of width 2
    wider = distance_to_intended(2 * difficulty, difficulty)
    assert wider.mean_difference == pytest.approx(0) and wider.wasserstein == pytest.approx(0.5, abs=0.01)
    with pytest.raises(InputError, match="0 intended difficulties"):
        distance_to_intended(difficulty, np.array([]))


def test_information_is_what_the_standard_error_of_an_ability_comes_from() -> None:
    model = bank_model(BANK)
    found = estimate_ability(CORRECT[:20], model, "mle")
    told = information(found.estimate, model.difficulty, model.discrimination).sum(axis=1)
    assert 1 / np.sqrt(told) == pytest.approx(found.standard_error, rel=1e-4)


def test_an_item_tells_most_where_it_is_as_hard_as_the_model_is_able_and_more_the_steeper_it_is() -> None:
    told = information(np.array([-1.0, 0.0, 1.0]), np.array([0.0, 0.0]), np.array([1.0, 2.0]))
    assert told[1].tolist() == [0.25, 1.0]
    assert told[0].tolist() == pytest.approx(told[2].tolist()) and (told[0] < told[1]).all()


def test_the_curves_of_bins_add_up_to_that_of_all_items() -> None:
    grid = np.linspace(-3, 3, 13)
    whole = information_curve(BANK, None, grid)
    parts = information_curve(BANK, three_bins(BANK), grid)
    assert whole["bin"].null_count() == 13 and parts["bin"].unique().to_list() == [0, 1, 2]
    summed = parts.group_by("ability", maintain_order=True).agg(pl.col("information").sum())
    assert summed["information"].to_list() == pytest.approx(whole["information"].to_list())
    some = three_bins(BANK)
    fewer = Bins(some.table.head(40), some.edges, some.held_out)
    assert information_curve(BANK, fewer, grid).filter(pl.col("bin").is_null())["items"].to_list() == [20] * 13


def test_a_bin_tells_most_about_the_models_of_its_difficulty() -> None:
    bins = three_bins(BANK)
    table = bin_information(BANK, bins, abilities({"zero-shot": -1.5, "0": 0.0, "1": 2.4}))
    zero_shot = table.filter(pl.col("stage") == "zero-shot")
    assert zero_shot["efficiency"].to_list() == sorted(zero_shot["efficiency"], reverse=True)
    assert zero_shot["checkpoints"].to_list() == [1, 1, 1] and zero_shot["items"].to_list() == [10, 10, 10]
    trained = table.filter(pl.col("stage") == "trained")
    assert trained["checkpoints"].to_list() == [2, 2, 2] and trained["ability"][0] == pytest.approx(1.2)
    known = dict(BANK.table.select("item", "difficulty").iter_rows())
    hardest = np.array([known[item] for item in bins.items(2, "held_out")])
    by_hand = np.mean([(1 / (2 + np.exp(a - hardest) + np.exp(hardest - a))).sum() for a in (0.0, 2.4)])
    row = trained.filter(pl.col("eval_bin") == 2).row(0, named=True)
    assert row["information"] == pytest.approx(by_hand) and row["efficiency"] == pytest.approx(by_hand / 2.5)


def test_what_is_held_out_is_what_tells_and_without_that_all() -> None:
    zero_shot = abilities({"zero-shot": 0.0})
    assert bin_information(BANK, three_bins(BANK, held_out=0.0), zero_shot)["items"].to_list() == [20, 20, 20]
    assert bin_information(BANK, three_bins(BANK), zero_shot.clear()).is_empty()
