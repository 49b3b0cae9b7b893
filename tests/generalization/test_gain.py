from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binomtest, multinomial

from easyhard.generalization import paired_gain
from easyhard.generalization.gain import PairedGain, holm
from easyhard.schema import IntArray


def gain(trained: IntArray, zero_shot: IntArray) -> PairedGain:
    found = paired_gain(trained, zero_shot)
    assert found is not None
    return found


def outcome(up: int, down: int, n: int) -> PairedGain:
    """``up`` items gained, ``down`` lost, the rest right both times."""
    trained = np.repeat([1, 0, 1], [up, down, n - up - down]).astype(np.int8)
    zero_shot = np.repeat([0, 1, 1], [up, down, n - up - down]).astype(np.int8)
    return gain(trained[None], zero_shot)


@pytest.mark.parametrize(("up", "down", "n"), [(12, 2, 50), (0, 0, 20), (3, 9, 100), (20, 0, 20)])
def test_one_seed_agrees_with_the_formula_of_bonett_and_price(up: int, down: int, n: int) -> None:
    p12, p21 = (up + 1) / (n + 2), (down + 1) / (n + 2)
    half = 1.959963984540054 * np.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    found = outcome(up, down, n)
    assert found.gain == pytest.approx((up - down) / n)
    assert found.interval.low == pytest.approx(max(p12 - p21 - half, -1))
    assert found.interval.high == pytest.approx(min(p12 - p21 + half, 1))


def test_the_interval_covers_at_its_level_for_every_small_outcome() -> None:
    # Exact: all outcomes of 30 items with 25% gained and 15% lost.
    n, up_share, down_share = 30, 0.25, 0.15
    covered = 0.0
    for up in range(n + 1):
        for down in range(n + 1 - up):
            interval = outcome(up, down, n).interval
            if interval.low <= up_share - down_share <= interval.high:
                covered += multinomial.pmf([up, down, n - up - down], n, [up_share, down_share, 0.6])
    assert 0.94 < covered < 0.98


def test_small_p_values_are_not_smaller_than_the_exact_sign_test_by_much() -> None:
    for up in range(4, 20):
        exact = binomtest(up, up, 0.5).pvalue
        assert outcome(up, 0, 20).p_value > 0.8 * exact


def test_several_seeds_cover_the_mean_gain_where_items_alone_do_not() -> None:
    rng = np.random.default_rng(5)
    truth, n, covered, alone = 0.05, 100, 0, 0
    for _ in range(400):
        chance = rng.uniform(0.25, 0.75, n)
        zero_shot = (rng.random(n) < chance).astype(np.int8)
        level = truth + 0.1 * rng.standard_normal((4, 1))
        found = gain((rng.random((4, n)) < chance + level).astype(np.int8), zero_shot)
        covered += found.interval.low <= truth <= found.interval.high
        single = gain((rng.random((1, n)) < chance + level[:1]).astype(np.int8), zero_shot)
        alone += single.interval.low <= truth <= single.interval.high
    assert covered / 400 > 0.92
    assert alone / 400 < 0.85


responses = hnp.arrays(np.int8, st.tuples(st.integers(2, 5), st.integers(1, 30)), elements=st.integers(-1, 1))


@given(responses, st.randoms(use_true_random=False))
def test_order_and_missing_items_change_nothing(answers: IntArray, random: np.random.Generator) -> None:
    trained, zero_shot = answers[1:], answers[0]
    order = list(range(answers.shape[1]))
    random.shuffle(order)
    complete = (answers != -1).all(axis=0)
    found = paired_gain(trained, zero_shot)
    if found is None:
        assert not complete.any()
        return
    assert found.n == complete.sum()
    for other in (gain(trained[:, order], zero_shot[order]), gain(trained[:, complete], zero_shot[complete])):
        assert other.gain == pytest.approx(found.gain)
        assert other.interval.low == pytest.approx(found.interval.low)
        assert other.interval.high == pytest.approx(found.interval.high)


@given(responses)
def test_the_interval_holds_the_gain_within_its_bounds_and_mirrors(answers: IntArray) -> None:
    answers = np.abs(answers)
    found, mirrored = gain(answers[1:], answers[0]), gain(1 - answers[1:], 1 - answers[0])
    assert -1 <= found.interval.low <= found.gain <= found.interval.high <= 1
    assert found.interval.low == pytest.approx(-mirrored.interval.high)
    assert 0 < found.p_value <= 1


@given(responses)
def test_several_seeds_are_never_narrower_than_items_alone(answers: IntArray) -> None:
    answers = np.abs(answers)
    found = gain(answers[1:], answers[0])
    change = np.append((answers[1:] - answers[0]).mean(axis=0), [1, -1])
    half = 1.959963984540054 * change.std() / np.sqrt(len(change))
    assert found.interval.low <= max(change.mean() - half, -1) + 1e-12
    assert found.interval.high >= min(change.mean() + half, 1) - 1e-12


def test_nothing_answered_by_both_gives_no_gain() -> None:
    assert paired_gain(np.array([[-1, 1]], dtype=np.int8), np.array([1, -1], dtype=np.int8)) is None
    assert paired_gain(np.empty((0, 2), dtype=np.int8), np.array([1, 1], dtype=np.int8)) is None


def test_holm_agrees_with_its_step_down_procedure() -> None:
    p_values = np.array([0.04, 0.001, 0.03, 0.012, 0.9])
    assert holm(p_values).tolist() == pytest.approx([0.09, 0.005, 0.09, 0.048, 0.9])
