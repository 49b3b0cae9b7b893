"""Rank correlations and their intervals, against published values, by hand, and on drawn numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from easyhard.generalization.rank_correlation import above, group_correlation, mid_ranks, rank_correlation

# The example of ci.spear in statpsych, the R package of the interval's author: estimate 0.8699639, 95% interval
# 0.5840951 to 0.9638297.
PUBLISHED_Y = np.array([21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19], dtype=np.float64)
PUBLISHED_X = np.array([67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51], dtype=np.float64)


def test_the_published_example_comes_out() -> None:
    found = rank_correlation(PUBLISHED_X, PUBLISHED_Y)
    assert found.value == pytest.approx(0.8699639, abs=1e-7)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5840951, 0.9638297), abs=1e-7)


def test_ties_and_signs_as_scipy_has_them() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, 80).astype(np.float64), rng.integers(0, 9, 80).astype(np.float64)
    assert rank_correlation(x, y).value == pytest.approx(spearmanr(x, y).statistic)
    mirrored, found = rank_correlation(-x, y), rank_correlation(x, y)
    assert mirrored.value == pytest.approx(-found.value)
    assert (mirrored.interval.low, mirrored.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_only_the_order_of_values_counts() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=60), rng.normal(size=60)
    assert rank_correlation(np.exp(9 * x), y * 8) == rank_correlation(x, y)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("n", [10, 1000])
def test_perfect_order_is_not_certainty(sign: float, n: int) -> None:
    found = rank_correlation(np.arange(n, dtype=np.float64), sign * np.arange(n, dtype=np.float64))
    assert found.value == pytest.approx(sign)
    inner = found.interval.low if sign > 0 else -found.interval.high
    assert (0.9 if n == 10 else 0.999) < inner < 1
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_what_an_item_adds_to_the_ranks_of_others_by_hand() -> None:
    values, weights = np.array([1.0, 3.0, 3.0]), np.array([10.0, 20.0, 30.0])
    assert above(values, weights).tolist() == pytest.approx([(5 + 50) / 3, 25 / 3, 25 / 3])
    assert mid_ranks(values).tolist() == pytest.approx([-1 / 3, 1 / 6, 1 / 6])


def test_the_standard_error_is_that_of_leaving_items_out() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=150)
    y = x * 0.6 + rng.normal(size=150) * np.exp(0.8 * x)  # the scatter grows: ranks must show it
    found = rank_correlation(x, y)
    without = [spearmanr(np.delete(x, k), np.delete(y, k)).statistic for k in range(150)]
    jackknife = np.std(without) * np.sqrt(149)
    reach = (np.arctanh(found.interval.high) - np.arctanh(found.interval.low)) / 2 / 1.959964
    assert reach * (1 - found.value**2) == pytest.approx(jackknife, rel=0.05)
    assert reach > 1.1 * np.sqrt((1 + found.value**2 / 2) / 147)


def test_groups_in_order_of_difficulty_by_hand() -> None:
    # Ranks 1 to 4 as shares: -3/8, -1/8, 1/8, 3/8. Pairs within groups: 2 * (3/64) each; 4 ranks have variance 5/64.
    found = group_correlation(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.value == pytest.approx(np.sqrt((4 * 3 / 64 / 4) / (5 / 64)))
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_two_groups_agree_with_spearman_on_many_items() -> None:
    rng = np.random.default_rng(3)
    group = (rng.random(4000) < 0.3).astype(np.float64)
    y = rng.normal(size=4000) + group
    expected = rank_correlation(group, y)
    found = group_correlation(group, y)
    assert found.value == pytest.approx(expected.value, abs=0.002)
    assert found.interval.low == pytest.approx(expected.interval.low, abs=0.01)
    assert found.interval.high == pytest.approx(expected.interval.high, abs=0.01)


def test_groups_that_do_not_differ_have_an_interval_from_zero() -> None:
    rng = np.random.default_rng(4)
    low = [
        group_correlation(rng.integers(0, 5, 200).astype(float), rng.normal(size=200)).interval.low for _ in range(200)
    ]
    assert np.mean(np.array(low) == 0) >= 0.95


def test_groups_that_do_not_overlap_reach_nearly_one() -> None:
    group = np.repeat(np.arange(20.0), 50)
    y = group + np.random.default_rng(5).random(1000) * 0.5
    assert group_correlation(group, y).value == pytest.approx(np.sqrt(1 - 1 / 400), abs=1e-3)
    tied = group_correlation(np.array([0.0, 0, 0, 1, 1, 1]), np.array([1.0, 1, 1, 2, 2, 2]))
    assert 0 <= tied.interval.low <= tied.value <= tied.interval.high <= 1


def test_the_numbers_of_groups_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    group, y = rng.integers(0, 4, 100).astype(np.float64), rng.normal(size=100)
    found, other = group_correlation(group, y), group_correlation(3 - group, y)
    assert other.value == pytest.approx(found.value)
    assert (other.interval.low, other.interval.high) == pytest.approx((found.interval.low, found.interval.high))


@pytest.mark.parametrize("scatter", [0.0, 0.7])
def test_the_interval_covers_the_true_correlation(scatter: float) -> None:
    rng = np.random.default_rng(7)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=n)
        return x, 0.5 * x + rng.normal(size=n) * np.exp(scatter * x)

    true = float(np.mean([spearmanr(*draw(100_000)).statistic for _ in range(4)]))
    inside = [
        found.interval.low <= true <= found.interval.high
        for found in (rank_correlation(*draw(150)) for _ in range(500))
    ]
    assert np.mean(inside) > 0.92
