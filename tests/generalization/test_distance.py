from __future__ import annotations

import itertools

import numpy as np
import pytest

from easyhard.generalization import distance_slope
from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.distance import permutation_test
from easyhard.generalization.summary import _gain_at_distance
from easyhard.schema import FloatArray


def simulate(
    rng: np.random.Generator,
    slope: float = 0.0,
    count: int = 5,
    n_seeds: int = 1,
    n_items: int = 40,
    seed_sd: float = 0.0,
) -> Changes:
    """Changes with effects of training bins (random) and evaluation bins, and ``slope`` on distance."""
    bins = np.arange(count)
    gains = rng.normal(0, 0.04, (count, 1)) + np.linspace(0.08, -0.02, count)
    gains = gains + slope * np.abs(bins[:, None] - bins)
    per_seed = gains[:, None, :] + rng.normal(0, seed_sd, (count, n_seeds, count))
    by_eval_bin = []
    for eval_bin in bins:
        chance = rng.uniform(0.25, 0.75, n_items)
        before = rng.random(n_items) < chance
        after = rng.random((count, n_seeds, n_items)) < chance + per_seed[:, :, eval_bin, None]
        by_eval_bin.append(after.astype(np.float64) - before)
    return Changes(tuple(by_eval_bin))


def test_the_slope_is_recovered_whatever_rows_and_columns_do() -> None:
    count = 5
    bins = np.arange(count)
    rows, columns = np.array([[0.3], [-0.2], [0.0], [0.1], [0.4]]), np.array([0.2, 0.1, 0.0, -0.3, -0.1])
    gains = rows + columns - 0.03 * np.abs(bins[:, None] - bins)
    weights = weigh.slope(np.ones((count, count), dtype=bool))
    assert weights is not None
    assert (weights * gains).sum() == pytest.approx(-0.03)


def test_the_slope_agrees_with_least_squares_on_dummies() -> None:
    gains = simulate(np.random.default_rng(3), -0.02).gains()
    present = np.ones(gains.shape, dtype=bool)
    present[1, 3] = present[4, 0] = False
    rows, columns = np.nonzero(present)
    design = np.column_stack([np.eye(5)[rows], np.eye(5)[columns][:, 1:], np.abs(rows - columns)])
    expected = np.linalg.lstsq(design, gains[present], rcond=None)[0][-1]
    weights = weigh.slope(present)
    assert weights is not None
    assert (weights * gains).sum() == pytest.approx(expected)


def test_the_interval_agrees_with_a_bootstrap_over_items() -> None:
    rng = np.random.default_rng(11)
    changes = simulate(rng, -0.03, n_items=60)
    found = distance_slope(changes, "m")
    weights = weigh.slope(np.ones((5, 5), dtype=bool))
    assert found is not None and found.interval is not None and weights is not None
    draws = np.zeros(3000)
    for eval_bin, change in enumerate(changes.by_eval_bin):
        means = change[:, 0][:, rng.integers(0, 60, (3000, 60))].mean(axis=2)  # [train_bins, draws]
        draws += weights[:, eval_bin] @ means
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found.interval.low == pytest.approx(low, abs=0.002)
    assert found.interval.high == pytest.approx(high, abs=0.002)


@pytest.mark.parametrize(("n_seeds", "seed_sd"), [(1, 0.0), (3, 0.05)])
def test_the_interval_covers_the_slope_over_items_and_seeds(n_seeds: int, seed_sd: float) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        changes = simulate(rng, -0.03, n_seeds=n_seeds, seed_sd=seed_sd)
        weights = weigh.slope(np.ones((5, 5), dtype=bool))
        assert weights is not None
        interval = contrast(changes, weights).interval()
        assert interval is not None
        covered += interval.low <= -0.03 <= interval.high
    assert covered / 200 > 0.91


def test_without_effect_of_distance_the_test_rarely_speaks() -> None:
    rng = np.random.default_rng(9)
    found = [distance_slope(simulate(rng), "m") for _ in range(200)]
    p_values = np.array([slope.permutation.p_value for slope in found if slope is not None])
    assert (p_values < 0.05).mean() < 0.08
    assert np.mean([slope.direction != 0 for slope in found if slope is not None]) < 0.08


def test_a_strong_decay_is_found_and_said() -> None:
    found = distance_slope(simulate(np.random.default_rng(2), -0.08, n_items=100), "m")
    assert found is not None
    assert found.direction == -1
    assert found.permutation.p_value == pytest.approx(1 / 120)
    assert found.reading().startswith("The gain falls with distance: −")


def test_the_permutation_test_agrees_with_brute_force() -> None:
    table = np.random.default_rng(4).normal(size=(5, 5))
    observed = abs(np.trace(table))
    sums = [
        abs(sum(table[label, row] for row, label in enumerate(order))) for order in itertools.permutations(range(5))
    ]
    found = permutation_test(table, "m")
    assert found.exact
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= observed - 1e-12))


def test_many_training_bins_are_sampled_reproducibly_and_never_give_zero() -> None:
    table = np.eye(10)
    found = permutation_test(table, "m")
    assert not found.exact
    assert 1 / 10_000 <= found.p_value < 0.001
    assert found == permutation_test(table, "m")


def test_few_bins_leave_it_open_or_unknown() -> None:
    rng = np.random.default_rng(6)
    assert distance_slope(simulate(rng, -0.1, count=2), "m") is None
    three = distance_slope(simulate(rng, -0.15, count=3, n_items=200), "m")
    assert three is not None
    assert three.direction == 0
    assert "stays open" in three.reading()


def test_failed_training_bins_are_left_out() -> None:
    changes = simulate(np.random.default_rng(8), -0.05)
    for change in changes.by_eval_bin:
        change[2] = np.nan
    found = distance_slope(changes, "m")
    assert found is not None
    assert found.permutation.smallest == pytest.approx(1 / 24)
    gains = changes.gains()
    kept = [0, 1, 3, 4]
    distance = np.abs(np.subtract.outer(np.array(kept), np.arange(5))).astype(float)
    assert found.slope == pytest.approx(double_centred_slope(gains[kept], distance))


def double_centred_slope(gains: FloatArray, distance: FloatArray) -> float:
    rest = distance - distance.mean(0) - distance.mean(1, keepdims=True) + distance.mean()
    return float((rest * gains).sum() / (rest**2).sum())


def test_unchanged_responses_give_no_interval() -> None:
    changes = Changes(tuple(np.zeros((3, 1, 10)) for _ in range(3)))
    found = distance_slope(changes, "m")
    assert found is not None
    assert found.interval is None
    assert found.direction == 0


def test_the_mean_gain_at_each_distance_is_that_of_its_cells_with_the_interval_of_their_items() -> None:
    rng = np.random.default_rng(4)
    changes = simulate(rng, -0.05, n_items=80)
    found = _gain_at_distance(changes, np.ones((5, 5), dtype=bool))
    gains = changes.gains()
    assert [entry["distance"] for entry in found] == list(range(-4, 5))
    for entry in found:
        assert entry["value"] == pytest.approx(np.diagonal(gains, entry["distance"]).mean())
        assert entry["low"] < entry["value"] < entry["high"]
    lone = changes.by_eval_bin[4][0, 0]  # the only cell at distance 4: a plain standard error of its items
    half = (found[-1]["high"] - found[-1]["low"]) / 2
    assert half == pytest.approx(1.96 * lone.std(ddof=1) / np.sqrt(80), rel=0.03)
