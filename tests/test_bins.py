from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from easyhard.bins import make_bins, ties_across_edges
from easyhard.chance import cell_rng
from easyhard.irt import calibrate, simulate_rasch
from easyhard.schema import Calibration, FloatArray, InputError, ItemBank, Responses

CALIBRATION = Calibration("rasch", 100, 0, 0.0, 1.0, -1.0, 1, "Converged.")


def bank_of(difficulty: FloatArray, standard_error: float = 0.3) -> ItemBank:
    names = [f"item {place}" for place in range(len(difficulty))]
    columns = {"item": names, "difficulty": difficulty, "standard_error": np.full(len(names), standard_error)}
    return ItemBank(pl.DataFrame(columns), CALIBRATION)


def simulated_bank(n_items: int = 57) -> ItemBank:
    return bank_of(cell_rng(0, "test", "bins").normal(0, 1, n_items))


@given(n_items=st.integers(2, 60), count=st.integers(2, 20))
@settings(max_examples=25, deadline=None)
def test_bin_k_holds_the_quantiles_from_k_to_the_next(n_items: int, count: int) -> None:
    bank = simulated_bank(n_items)
    if n_items < count:
        with pytest.raises(InputError, match=f"{count} in all"):
            make_bins(bank, count, held_out=0)
        return
    table = make_bins(bank, count, held_out=0).table
    assert table["difficulty"].is_sorted()
    quantile = np.arange(n_items) / n_items
    for bin_, q in zip(table["bin"], quantile, strict=True):
        assert bin_ / count <= q + 1e-12 and q + 1e-12 < (bin_ + 1) / count + 2e-12
    sizes = table["bin"].value_counts()["count"]
    assert len(sizes) == count
    assert sizes.max() - sizes.min() <= 1  # type: ignore[operator]


def test_edges_are_midpoints_and_every_item_lies_within_its_own() -> None:
    bins = make_bins(simulated_bank(), 5)
    assert bins.count == 5
    assert bins.edges[0] == -np.inf and bins.edges[-1] == np.inf
    for bin_ in range(4):
        easier = bins.table.filter(bin=bin_)["difficulty"].max()
        harder = bins.table.filter(bin=bin_ + 1)["difficulty"].min()
        assert bins.edges[bin_ + 1] == pytest.approx((easier + harder) / 2)  # type: ignore[operator]


def test_membership_is_the_share_of_the_error_distribution_within_the_edges() -> None:
    bins = make_bins(simulated_bank(), 5)
    for row in bins.table.iter_rows(named=True):
        error = norm(row["difficulty"], row["standard_error"])
        within = error.cdf(bins.edges[row["bin"] + 1]) - error.cdf(bins.edges[row["bin"]])
        assert row["membership"] == pytest.approx(within, abs=1e-12)


def test_membership_says_how_often_the_bin_of_an_estimate_holds_the_truth() -> None:
    rng = cell_rng(0, "test", "membership")
    truth = rng.normal(0, 1, 4000)
    bins = make_bins(bank_of(truth + rng.normal(0, 0.05, 4000), standard_error=0.05), 4)
    truth_of = dict(zip((f"item {place}" for place in range(4000)), truth, strict=True))
    true_bin = np.searchsorted(bins.edges, [truth_of[item] for item in bins.table["item"]]) - 1
    share_right = np.mean(true_bin == bins.table["bin"].to_numpy())
    assert share_right == pytest.approx(bins.table["membership"].mean(), abs=0.01)


@pytest.mark.parametrize("held_out", [0.01, 0.3, 0.5, 0.99])
def test_the_share_held_out_is_exact_in_every_bin(held_out: float) -> None:
    bins = make_bins(simulated_bank(57), 5, held_out)
    for bin_ in range(5):
        n_train, n_held_out = len(bins.items(bin_, "train")), len(bins.items(bin_, "held_out"))
        size = n_train + n_held_out
        assert n_held_out == min(max(round(held_out * size), 1), size - 1)
    assert bins.held_out == held_out


def test_nothing_held_out_trains_on_every_item() -> None:
    assert make_bins(simulated_bank(), 5, held_out=0).table["split"].unique().to_list() == ["train"]


def test_the_seed_chooses_who_is_held_out_and_nothing_else() -> None:
    bank = simulated_bank()
    first, again, other = make_bins(bank, 5), make_bins(bank, 5), make_bins(bank, 5, seed=1)
    assert first.table.equals(again.table)
    assert not first.table["split"].equals(other.table["split"])
    assert first.table.drop("split").equals(other.table.drop("split"))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_order_of_items_and_respondents_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few respondents, so many items are tied and some are extreme.
    correct = simulate_rasch(12, np.linspace(-2, 2, 60), 0.0, 1.0, 0.0, cell_rng(0, "test", "order"))
    responses = Responses(correct, tuple(map(str, range(12))), tuple(f"item {i}" for i in range(60)))
    rows, columns = rng.permutation(12), rng.permutation(60)
    permuted = Responses(
        correct[np.ix_(rows, columns)],
        tuple(responses.respondents[row] for row in rows),
        tuple(responses.items[column] for column in columns),
    )
    bins, same = make_bins(calibrate(responses)), make_bins(calibrate(permuted))
    identity = ["item", "bin", "split"]
    assert bins.table.select(identity).equals(same.table.select(identity))
    np.testing.assert_allclose(bins.edges, same.edges)
    np.testing.assert_allclose(bins.table["membership"], same.table["membership"])
    assert ties_across_edges(bins) == ties_across_edges(same) > 0


def test_ties_across_edges_counts_every_item_whose_bin_is_chance() -> None:
    assert ties_across_edges(make_bins(bank_of(np.arange(8.0)), 2)) == 0
    assert ties_across_edges(make_bins(bank_of(np.array([0, 0, 1, 1, 2, 2, 3, 3.0])), 2)) == 0
    tied = np.array([0, 0, 1, 1 + 1e-9, 1, 2, 3, 3])  # the three at 1 lie across the middle
    assert ties_across_edges(make_bins(bank_of(tied), 2)) == 3


def test_tied_items_are_not_ordered_by_name_or_place() -> None:
    items = make_bins(bank_of(np.zeros(40)), 2, held_out=0).items(0, "train")
    assert items != [f"item {place}" for place in range(20)]
    assert items != sorted(items)


@pytest.mark.parametrize(
    ("count", "held_out", "finding"),
    [
        (1, 0.3, "count is 1"),
        (2, 1.0, "held_out is 1.0"),
        (2, -0.1, "held_out is -0.1"),
        (30, 0.3, "60 in all, but the bank has 57. Ask for count=28 or fewer"),
        (58, 0.0, "58 in all, but the bank has 57. Ask for count=57 or fewer"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_next_step(count: int, held_out: float, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        make_bins(simulated_bank(57), count, held_out)


@pytest.mark.parametrize("difficulty", [float("nan"), float("inf")])
def test_an_item_without_a_difficulty_is_named(difficulty: float) -> None:
    with pytest.raises(InputError, match="'item 1'"):
        make_bins(bank_of(np.array([0.0, difficulty, 1.0, 2.0])), 2)
