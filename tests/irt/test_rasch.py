from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsat import LSAT6_COUNTS
from marginal_reference import log_likelihood, maximise

from easyhard.chance import cell_rng
from easyhard.irt import fit_rasch, posterior_of, simulate_rasch
from easyhard.schema import FloatArray, InputError, IntArray


def simulated(
    name: str, n_respondents: int, n_items: int, missing: float = 0.0, ability_sd: float = 1.0
) -> tuple[IntArray, FloatArray]:
    """Responses, and the true difficulties with mean 0."""
    rng = cell_rng(0, "test", name)
    difficulty = rng.normal(0, 1.2, n_items)
    difficulty -= difficulty.mean()
    return simulate_rasch(n_respondents, difficulty, 0.4, ability_sd, missing, rng), difficulty


# Recovery


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_estimates_are_unbiased_and_intervals_cover_the_truth(missing: float) -> None:
    z, ability_mean, ability_sd = [], [], []
    for repetition in range(25):
        correct, difficulty = simulated(f"recovery {missing} {repetition}", 300, 40, missing)
        fit = fit_rasch(correct)
        assert fit.converged
        z.append((fit.difficulty - difficulty) / fit.standard_error)
        ability_mean.append(fit.ability_mean)
        ability_sd.append(fit.ability_sd)
    # 1000 standardised errors: binomial sd of the coverage 0.007, of their mean square 0.045.
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.02)
    assert np.mean(np.square(z)) == pytest.approx(1.0, abs=0.13)
    assert np.corrcoef(np.mean(z, axis=0), difficulty)[0, 1] == pytest.approx(0, abs=0.45)
    assert np.mean(ability_mean) == pytest.approx(0.4, abs=0.04)  # standard error of the mean 0.012
    assert np.mean(ability_sd) == pytest.approx(1.0, abs=0.03)  # 0.009


# Agreement with independent implementations and published estimates


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_agrees_with_the_likelihood_maximised_by_brute_force(missing: float) -> None:
    correct, _ = simulated("brute force", 60, 8, missing)
    fit, reference = fit_rasch(correct), maximise(correct)
    np.testing.assert_allclose(fit.difficulty, reference.difficulty, atol=1e-5)
    np.testing.assert_allclose(fit.standard_error, reference.standard_error, rtol=1e-3)
    assert fit.ability_mean == pytest.approx(reference.ability_mean, abs=1e-5)
    assert fit.ability_sd == pytest.approx(reference.ability_sd, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(reference.log_likelihood, abs=1e-7)


def test_gives_the_published_estimates_of_lsat_section_6() -> None:
    patterns = np.array([[int(digit) for digit in f"{number:05b}"] for number in range(32)], dtype=np.int8)
    fit = fit_rasch(np.repeat(patterns, LSAT6_COUNTS, axis=0))
    # Rizopoulos (2006), Journal of Statistical Software 17(5), section 3: abilities normal(0, 1), one
    # discrimination for all items, difficulties in units of the ability sd.
    discrimination = 0.7551
    difficulty = discrimination * np.array([-3.6153, -1.3224, -0.3176, -1.7301, -2.7802])
    assert fit.ability_sd == pytest.approx(discrimination, abs=5e-4)
    assert fit.ability_mean == pytest.approx(-difficulty.mean(), abs=5e-4)
    np.testing.assert_allclose(fit.difficulty, difficulty - difficulty.mean(), atol=1e-3)
    assert fit.log_likelihood == pytest.approx(-2466.938, abs=1e-3)


# Accuracy of the integrals


@pytest.mark.parametrize(("n_items", "ability_sd"), [(5, 2.5), (60, 1.0), (3000, 1.0)])
def test_quadrature_agrees_with_a_much_finer_grid(n_items: int, ability_sd: float) -> None:
    correct, _ = simulated("quadrature", 20, n_items, missing=0.1, ability_sd=ability_sd)
    model = fit_rasch(correct)
    posterior, mean, sd = posterior_of(correct, model), model.ability_mean, model.ability_sd
    exact = log_likelihood(correct, model.difficulty, mean, sd, n_points=2_001)
    assert posterior.log_likelihood.sum() == pytest.approx(exact, abs=1e-7)
    ability = np.linspace(mean - 9 * sd, mean + 9 * sd, 2_001)
    for row in range(2):
        logit = np.where(correct[row] == 1, 1, -1) * (ability[:, None] - model.difficulty)
        log_density = -np.logaddexp(0, -logit)[:, correct[row] >= 0].sum(axis=1)
        log_density -= (ability - mean) ** 2 / (2 * sd**2)
        weight = np.exp(log_density - log_density.max())
        assert posterior.mean[row] == pytest.approx(weight @ ability / weight.sum(), abs=1e-9)


def test_difficulties_of_a_long_test_do_not_depend_on_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    correct, _ = simulated("long test", 40, 3000)
    usual = fit_rasch(correct)
    monkeypatch.setattr("easyhard.irt.quadrature._SPACING", 0.2)
    monkeypatch.setattr("easyhard.irt.expectation.TAIL", 60.0)
    finer = fit_rasch(correct)
    np.testing.assert_allclose(usual.difficulty, finer.difficulty, atol=1e-7)
    np.testing.assert_allclose(usual.standard_error, finer.standard_error, rtol=1e-7)


# Invariance


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=10, deadline=None)
def test_order_of_items_and_respondents_changes_nothing(seed: int, missing: float) -> None:
    correct, _ = simulated("order", 50, 15, missing)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(50), rng.permutation(15)
    fit, permuted = fit_rasch(correct), fit_rasch(correct[np.ix_(rows, columns)])
    np.testing.assert_allclose(permuted.difficulty, fit.difficulty[columns], atol=1e-9)
    np.testing.assert_allclose(permuted.standard_error, fit.standard_error[columns], rtol=1e-8)


def test_swapping_right_and_wrong_negates_difficulty() -> None:
    correct, _ = simulated("swap", 80, 20, missing=0.1)
    correct[:, 0] = 1
    fit, swapped = fit_rasch(correct), fit_rasch(np.where(correct < 0, correct, 1 - correct))
    np.testing.assert_allclose(swapped.difficulty, -fit.difficulty, atol=1e-8)
    np.testing.assert_allclose(swapped.standard_error, fit.standard_error, rtol=1e-8)
    assert swapped.ability_mean == pytest.approx(-fit.ability_mean, abs=1e-8)


def test_every_respondent_twice_keeps_difficulties_and_halves_the_variance() -> None:
    correct, _ = simulated("twice", 80, 20, missing=0.1)
    fit, twice = fit_rasch(correct), fit_rasch(np.vstack([correct, correct]))
    np.testing.assert_allclose(twice.difficulty, fit.difficulty, atol=1e-8)
    np.testing.assert_allclose(twice.standard_error, fit.standard_error / np.sqrt(2), rtol=1e-8)


def test_a_respondent_without_responses_changes_nothing() -> None:
    correct, _ = simulated("empty row", 80, 20)
    fit, wider = fit_rasch(correct), fit_rasch(np.vstack([correct, np.full(20, -1, dtype=np.int8)]))
    np.testing.assert_allclose(wider.difficulty, fit.difficulty, atol=1e-8)
    np.testing.assert_allclose(wider.standard_error, fit.standard_error, rtol=1e-7)
    assert wider.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)


def test_items_answered_correctly_equally_often_are_equally_difficult() -> None:
    correct, _ = simulated("totals", 60, 50)
    fit, total = fit_rasch(correct), correct.sum(axis=0)
    for value in np.unique(total):
        assert np.ptp(fit.difficulty[total == value]) == 0
        assert np.ptp(fit.standard_error[total == value]) == 0


def test_blocks_of_missing_responses_are_linked_by_common_items() -> None:
    correct, difficulty = simulated("linked", 600, 90)
    for group in range(3):  # three groups of respondents, each with its own 30 items and 30 common ones
        seen = np.zeros(90, dtype=bool)
        seen[:30] = True
        seen[30 + 20 * group : 50 + 20 * group] = True
        correct[np.ix_(np.arange(200 * group, 200 * group + 200), ~seen)] = -1
    fit = fit_rasch(correct)
    assert fit.converged
    z = (fit.difficulty - difficulty) / fit.standard_error
    assert np.mean(z**2) == pytest.approx(1, abs=0.45)  # 90 items: sd of the mean square 0.15


@pytest.mark.parametrize(("missing", "tolerance"), [(0.0, 1e-7), (0.2, 2e-3)])
def test_lost_information_by_expectation_agrees_with_that_case_by_case(
    monkeypatch: pytest.MonkeyPatch, missing: float, tolerance: float
) -> None:
    correct, _ = simulated("inverse", 150, 120, missing)
    by_case = fit_rasch(correct)
    monkeypatch.setattr("easyhard.irt.search.exact_rows_are_few", lambda n_cases, n_parameters: False)
    by_expectation = fit_rasch(correct)
    np.testing.assert_allclose(by_expectation.difficulty, by_case.difficulty, atol=1e-7)
    np.testing.assert_allclose(by_expectation.standard_error, by_case.standard_error, rtol=tolerance)


# Items that all or none answered correctly


def test_extreme_items_are_finite_ordered_and_leave_the_others_alone() -> None:
    correct, _ = simulated("extremes", 100, 30)
    correct = correct[:, (correct.mean(axis=0) > 0) & (correct.mean(axis=0) < 1)]
    extreme = np.ones((100, 3), dtype=np.int8)
    extreme[:, 1] = 0
    extreme[10:, 2] = -1
    fit, wider = fit_rasch(correct), fit_rasch(np.hstack([correct, extreme]))
    n = correct.shape[1]
    np.testing.assert_array_equal(wider.difficulty[:n], fit.difficulty)
    np.testing.assert_array_equal(wider.standard_error[:n], fit.standard_error)
    easy, hard, seldom_seen = wider.difficulty[n:]
    assert easy < fit.difficulty.min() < 0 < fit.difficulty.max() < hard
    assert easy < seldom_seen < 0  # 10 right answers say less than 100
    assert wider.standard_error[n] < wider.standard_error[n + 2] < fit.difficulty.std()


def test_extreme_item_has_the_mean_and_sd_of_its_posterior() -> None:
    rng = cell_rng(0, "test", "extreme posterior")
    correct = simulate_rasch(40, np.linspace(-2.5, 2.5, 6), 0.0, 1.0, 0.0, rng)
    correct = np.hstack([correct, np.zeros((40, 1), dtype=np.int8)])
    fit = fit_rasch(correct)
    others = fit.difficulty[:-1]
    assert others.mean() == pytest.approx(0, abs=1e-12)
    grid = np.linspace(-12, 20, 321)
    log_density = np.array(
        [log_likelihood(correct, np.append(others, b), fit.ability_mean, fit.ability_sd) for b in grid]
    ) - grid**2 / (2 * others.var())
    weight = np.exp(log_density - log_density.max())
    mean = weight @ grid / weight.sum()
    assert fit.difficulty[-1] == pytest.approx(mean, abs=1e-6)
    sd = np.sqrt(weight @ (grid - mean) ** 2 / weight.sum())
    assert fit.standard_error[-1] == pytest.approx(sd, abs=1e-6)


@pytest.mark.parametrize("n_respondents", [3, 8, 20])
def test_difficulty_follows_the_total_even_where_it_is_extreme(n_respondents: int) -> None:
    correct, _ = simulated("order of totals", n_respondents, 150)
    fit, total = fit_rasch(correct), correct.sum(axis=0)
    assert {0, n_respondents} & set(total.tolist())
    mean_difficulty = [fit.difficulty[total == value].mean() for value in np.unique(total)]
    assert (np.diff(mean_difficulty) < 0).all()


# Data at the edge


def test_respondents_who_differ_no_more_than_chance_get_the_lowest_sd() -> None:
    rng = cell_rng(0, "test", "equal totals")
    correct = np.array([rng.permutation([1] * 10 + [0] * 10) for _ in range(50)], dtype=np.int8)
    fit = fit_rasch(correct)
    assert fit.converged
    assert "lower bound" in fit.convergence
    log_odds = -np.log(correct.mean(axis=0) / (1 - correct.mean(axis=0)))
    np.testing.assert_allclose(fit.difficulty, log_odds - log_odds.mean(), atol=1e-3)


def test_a_perfect_order_is_reported_as_not_converged() -> None:
    fit = fit_rasch(np.tril(np.ones((8, 8), dtype=np.int8)))
    assert not fit.converged
    assert "almost perfect order" in fit.convergence
    assert np.isfinite(fit.difficulty).all()


@pytest.mark.parametrize(
    ("correct", "finding"),
    [
        (np.array([[1.0, 0.0], [0.0, 1.0]]), "float64"),
        (np.array([1, 0], dtype=np.int8), "1 axes"),
        (np.zeros((0, 3), dtype=np.int8), "no responses"),
        (np.array([[1, 0], [2, 1]], dtype=np.int8), "2 in row 1, column 0"),
        (np.array([[1, 0]], dtype=np.int8), "too few"),
        (np.array([[1], [0]], dtype=np.int8), "too few"),
        (np.array([[1, -1, 0], [0, -1, 1]], dtype=np.int8), "column 1"),
        (np.ones((3, 3), dtype=np.int8), "0 of 3 items"),
        (np.array([[1, 1], [0, 1]], dtype=np.int8), "1 of 2 items"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_its_place(correct: IntArray, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        fit_rasch(correct)
