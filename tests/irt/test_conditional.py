from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import simulate_rasch
from easyhard.irt.conditional import fit_conditional
from easyhard.irt.symmetric import given_total
from easyhard.schema import FloatArray, InputError, IntArray


def simulated(name: str, n_respondents: int, n_items: int, missing: float = 0.0) -> IntArray:
    rng = cell_rng(0, "test conditional", name)
    return simulate_rasch(n_respondents, rng.normal(0, 1.2, n_items), 0.3, 1.0, missing, rng)


# Exactness


def whole_symmetric_functions(easiness: list[int]) -> list[int]:
    """Elementary symmetric functions in whole numbers, without any rounding."""
    gamma = [1]
    for one in easiness:
        gamma = [a + b * one for a, b in zip([*gamma, 0], [0, *gamma], strict=True)]
    return gamma


def whole_log(value: int, shift: int) -> float:
    """Logarithm of ``value / 2^shift``."""
    drop = max(value.bit_length() - 60, 0)
    return math.log(value >> drop) + (drop - shift) * math.log(2)


def likely(difficulty: FloatArray, size: FloatArray, total: float) -> float:
    return float(brentq(lambda ability: expit(ability - difficulty) @ size - total, -90, 90))


@pytest.mark.parametrize(("n_items", "spread"), [(2, 1.0), (40, 8.0), (600, 1.5), (600, 5.0)])
def test_symmetric_functions_agree_with_whole_number_arithmetic(n_items: int, spread: float) -> None:
    bits = 64
    rough = cell_rng(0, "test", "symmetric", str(spread)).normal(0, spread, n_items)
    easiness = [int(math.exp(-value) * 2**bits) for value in rough]
    difficulty = np.array([-whole_log(value, bits) for value in easiness])
    gamma, without_first = whole_symmetric_functions(easiness), whole_symmetric_functions(easiness[1:])
    for total in {1, 2, 3, n_items // 4, n_items // 2, n_items - 2, n_items - 1} & set(range(1, n_items)):
        ability = likely(difficulty, np.ones(n_items), total)
        p = expit(ability - difficulty)
        reach = int(np.sqrt(p @ (1 - p)))  # a total this far off has to come out as well
        totals = sorted({max(total - reach, 1), total, min(total + reach, n_items - 1)})
        given = given_total(np.array(totals, dtype=float), difficulty, np.ones(n_items), ability)
        exact = [whole_log(gamma[r], r * bits) for r in totals]
        np.testing.assert_allclose(given.log_gamma, exact, rtol=1e-14, atol=1e-11)  # gamma itself to 1e-11
        share = [math.exp(whole_log(easiness[0] * without_first[r - 1], 0) - whole_log(gamma[r], 0)) for r in totals]
        np.testing.assert_allclose(given.probability[:, 0], share, rtol=1e-11)


def test_items_that_are_certain_cost_no_accuracy() -> None:
    difficulty = np.array([-40.0, 0.0, 1.0, 40.0])  # in effect: one of the two in the middle is right
    size = np.array([200.0, 1.0, 1.0, 300.0])
    given = given_total(np.array([201.0]), difficulty, size, 0.5)
    np.testing.assert_allclose(given.probability[0], [1, expit(1), expit(-1), 0], atol=1e-14)
    assert given.log_gamma[0] == pytest.approx(200 * 40 + np.logaddexp(0, -1), rel=1e-14)


def conditional_log_likelihood(correct: IntArray, difficulty: FloatArray) -> float:
    """By counting all ways to get as many right."""
    log_likelihood = 0.0
    for row in correct:
        seen, right = np.flatnonzero(row >= 0), np.flatnonzero(row == 1)
        ways = [-difficulty[list(way)].sum() for way in combinations(seen, len(right))]
        log_likelihood -= difficulty[right].sum() + np.logaddexp.reduce(ways)
    return log_likelihood


@pytest.mark.parametrize(("missing", "tied"), [(0.0, False), (0.3, False), (0.0, True)])
def test_agrees_with_the_conditional_likelihood_maximised_by_brute_force(missing: float, tied: bool) -> None:
    correct = simulated("brute force", 40, 5, missing)
    if tied:  # items 0, 1 and 2 with one total
        correct = np.vstack([correct[:, order] for order in ([0, 1, 2, 3, 4], [1, 2, 0, 3, 4], [2, 0, 1, 3, 4])])
    fit = fit_conditional(correct)
    free = np.linalg.svd(np.ones((1, 5)))[2][1:].T  # directions in which the mean stays

    def value(at: FloatArray) -> float:
        return conditional_log_likelihood(correct, free @ at)

    best = minimize(lambda at: -value(at), np.zeros(4), options={"gtol": 1e-5})
    np.testing.assert_allclose(fit.difficulty, free @ best.x, atol=1e-5)
    assert fit.log_likelihood == pytest.approx(conditional_log_likelihood(correct, fit.difficulty), abs=1e-10)
    at, step = free.T @ fit.difficulty, 1e-3 * np.eye(4)
    information = np.array(
        [[value(at + a - b) + value(at - a + b) - value(at + a + b) - value(at - a - b) for a in step] for b in step]
    ) / (4e-6)
    covariance = free @ np.linalg.inv(information) @ free.T
    np.testing.assert_allclose(fit.standard_error, np.sqrt(np.diag(covariance)), rtol=1e-5)


def test_two_items_are_a_log_odds() -> None:
    correct = np.array([[1, 0]] * 30 + [[0, 1]] * 10 + [[1, 1]] * 5 + [[0, 0]] * 7, dtype=np.int8)
    fit = fit_conditional(correct)
    np.testing.assert_allclose(fit.difficulty, [-np.log(3) / 2, np.log(3) / 2], rtol=1e-12)
    np.testing.assert_allclose(fit.standard_error, np.sqrt(1 / 30 + 1 / 10) / 2, rtol=1e-10)
    assert fit.log_likelihood == pytest.approx(30 * np.log(0.75) + 10 * np.log(0.25), rel=1e-12)
    assert (fit.n_respondents, fit.n_parameters) == (40, 1)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_cheap_information_leads_to_the_same_maximum(missing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    correct = simulated("cheap", 80, 30, missing)
    usual = fit_conditional(correct)
    monkeypatch.setattr("easyhard.irt.conditional._CHEAP", 0)
    cheap = fit_conditional(correct)
    assert cheap.converged
    np.testing.assert_allclose(cheap.difficulty, usual.difficulty, atol=1e-8)
    np.testing.assert_allclose(cheap.standard_error, usual.standard_error, rtol=1e-8)


# Recovery


def test_unbiased_and_covering_whatever_the_abilities_and_whoever_sees_what() -> None:
    z: list[float] = []
    for repetition in range(25):
        rng = cell_rng(0, "test conditional recovery", str(repetition))
        difficulty = np.linspace(-2, 2, 30)
        ability = np.where(rng.random(300) < 0.3, -1.5, rng.gamma(1.0, 1.0, 300))  # two heaps, one of them skew
        correct = (rng.random((300, 30)) < expit(ability[:, None] - difficulty)).astype(np.int8)
        # The able do not see the easiest items, the weak not the hardest: missing, but not at random.
        correct[np.ix_(ability > 0.5, np.arange(8))] = -1
        correct[np.ix_(ability < 0, np.arange(22, 30))] = -1
        fit = fit_conditional(correct)
        kept = np.isfinite(fit.difficulty)
        assert kept.sum() >= 29
        z.extend((fit.difficulty - difficulty)[kept] / fit.standard_error[kept])
    # 750 standardised errors: binomial sd of the coverage 0.008, of their mean square 0.05.
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.025)
    assert np.mean(np.square(z)) == pytest.approx(1.0, abs=0.15)


# Invariance


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=10, deadline=None)
def test_order_of_items_and_respondents_changes_no_conditional_estimate(seed: int, missing: float) -> None:
    correct = simulated("order", 60, 12, missing)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(60), rng.permutation(12)
    fit, permuted = fit_conditional(correct), fit_conditional(correct[np.ix_(rows, columns)])
    np.testing.assert_allclose(permuted.difficulty, fit.difficulty[columns], atol=1e-9)
    np.testing.assert_allclose(permuted.standard_error, fit.standard_error[columns], rtol=1e-9)
    assert permuted.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_swapping_right_and_wrong_negates_conditional_difficulty(missing: float) -> None:
    correct = simulated("swap", 80, 20, missing)
    fit, swapped = fit_conditional(correct), fit_conditional(np.where(correct < 0, correct, 1 - correct))
    np.testing.assert_allclose(swapped.difficulty, -fit.difficulty, atol=1e-9)
    np.testing.assert_allclose(swapped.standard_error, fit.standard_error, rtol=1e-9)
    assert swapped.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_respondents_twice_keep_conditional_difficulties_and_halve_the_variance() -> None:
    correct = simulated("twice", 60, 20, 0.1)
    fit, twice = fit_conditional(correct), fit_conditional(np.vstack([correct, correct]))
    np.testing.assert_allclose(twice.difficulty, fit.difficulty, atol=1e-9)
    np.testing.assert_allclose(twice.standard_error, fit.standard_error / np.sqrt(2), rtol=1e-9)


def test_items_with_one_total_have_one_difficulty_and_one_standard_error() -> None:
    correct = simulated("totals", 60, 80)
    fit, total = fit_conditional(correct), correct.sum(axis=0)
    assert len(np.unique(total)) < 60
    for value in np.unique(total):
        same = total == value
        assert np.unique(fit.difficulty[same]).size == 1 or np.isnan(fit.difficulty[same]).all()
        assert np.unique(fit.standard_error[same]).size == 1


# What says nothing


def test_respondents_and_items_without_information_change_nothing() -> None:
    correct = simulated("extremes", 60, 15)
    fit = fit_conditional(correct)
    n_informative = int(((correct.sum(axis=1) > 0) & (correct.sum(axis=1) < 15)).sum())
    assert fit.n_respondents == n_informative
    more = np.vstack([correct, np.ones((3, 15)), np.zeros((2, 15)), np.full((1, 15), -1)]).astype(np.int8)
    wider = np.hstack([more, np.zeros((66, 1), dtype=np.int8)])
    wider[60:63, 15] = 1  # only those with all right got it
    again = fit_conditional(wider)
    np.testing.assert_allclose(again.difficulty[:15], fit.difficulty, atol=1e-9)
    np.testing.assert_allclose(again.standard_error[:15], fit.standard_error, rtol=1e-9)
    assert np.isnan(again.difficulty[15]) and np.isnan(again.standard_error[15])
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert again.n_respondents == n_informative


# Data at the edge


def test_blocks_without_a_common_respondent_are_named() -> None:
    correct = simulated("blocks", 80, 14)
    correct[:40, 7:] = -1
    correct[40:, :7] = -1
    correct[:, 3] = np.where(correct[:, 3] < 0, -1, 1)  # all got it: no item of any block
    with pytest.raises(InputError) as refused:
        fit_conditional(correct)
    text = str(refused.value)
    assert "2 blocks" in text
    assert "6 items (columns 0, 1, 2, 4, 5, ...)" in text
    assert "7 items (columns 7, 8, 9, 10, 11, ...)" in text


def test_one_common_item_links_two_blocks() -> None:
    correct = simulated("bridge", 80, 13)
    correct[:40, 7:] = -1
    correct[40:, :6] = -1
    fit = fit_conditional(correct)
    assert fit.converged
    assert np.isfinite(fit.difficulty).all()


def test_a_block_that_is_always_harder_is_named() -> None:
    easy = simulated("always harder", 60, 5)
    hard = simulated("always harder still", 60, 4)
    correct = np.hstack([easy, np.zeros((60, 4), dtype=np.int8)])
    correct[40:] = np.hstack([np.ones((20, 5), dtype=np.int8), hard[40:]])
    with pytest.raises(InputError, match=r"5 items \(columns 0, 1, 2, 3, 4\); 4 items \(columns 5, 6, 7, 8\)"):
        fit_conditional(correct)


def test_of_many_blocks_the_first_are_named() -> None:
    correct = np.full((60, 12), -1, dtype=np.int8)
    for block in range(6):
        correct[block::6, [block, block + 6]] = [[0, 1]] * 5 + [[1, 0]] * 5
    with pytest.raises(InputError, match=r"6 blocks .*: 2 items \(columns 0, 6\); .* \(columns 3, 9\); and 2 more"):
        fit_conditional(correct)


@pytest.mark.parametrize(
    ("correct", "finding"),
    [
        (np.array([[1, 0], [2, 1]], dtype=np.int8), "2 in row 1, column 0"),
        (np.array([[1, -1, 0], [0, -1, 1]], dtype=np.int8), "column 1"),
        (np.ones((3, 3), dtype=np.int8), "0 of 3 items"),
        (np.array([[1, 1, 1], [0, 0, 0]], dtype=np.int8), "Of 3 items fewer than 2"),
        (np.tril(np.ones((8, 8), dtype=np.int8)), "Of 8 items fewer than 2 .* a perfect order"),
    ],
)
def test_what_says_nothing_of_difficulty_is_refused(correct: IntArray, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        fit_conditional(correct)


def test_a_search_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easyhard.irt.ascent._MOST_ITERATIONS", 1)
    fit = fit_conditional(simulated("cut short", 60, 10))
    assert not fit.converged
    assert "Not converged" in fit.convergence
