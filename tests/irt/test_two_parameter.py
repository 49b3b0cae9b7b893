from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marginal_reference import maximise_two_parameter
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import ItemModel, fit_2pl, fit_rasch, posterior_of
from easyhard.schema import FloatArray, InputError, IntArray

Truth = tuple[FloatArray, FloatArray]  # difficulty and discrimination: [items] each


def drawn(ability: FloatArray, truth: Truth, missing: float, rng: np.random.Generator) -> IntArray:
    """Responses of respondents of ``ability`` under the 2PL model; each is missing with the same chance."""
    difficulty, discrimination = truth
    correct = rng.random((len(ability), len(difficulty))) < expit(discrimination * (ability[:, None] - difficulty))
    return np.where(rng.random(correct.shape) < missing, np.int8(-1), correct.astype(np.int8))


def simulated(name: str, n_respondents: int, n_items: int, missing: float = 0.0) -> tuple[IntArray, Truth]:
    """Responses of respondents from a population of mean 0 and standard deviation 1, and what is true of the items."""
    rng = cell_rng(0, "test", "2pl", name)
    truth = rng.normal(0, 1, n_items), np.exp(rng.normal(0, 0.3, n_items))
    return drawn(rng.normal(0, 1, n_respondents), truth, missing, rng), truth


def in_thirds(correct: IntArray) -> IntArray:
    """``correct`` as if each third of the respondents had seen a third of the items and the first 20, which all saw."""
    block = np.where(np.arange(correct.shape[1]) < 20, -1, np.arange(correct.shape[1]) % 3)
    third = np.arange(len(correct)) * 3 // len(correct)
    return np.where((block == -1) | (block == third[:, None]), correct, np.int8(-1))


def standardised_errors(fit: ItemModel, truth: Truth) -> tuple[FloatArray, FloatArray]:
    """Errors of difficulty and discrimination over their standard errors."""
    difficulty, discrimination = truth
    z = (fit.difficulty - difficulty) / fit.standard_error
    return z, (fit.discrimination - discrimination) / fit.discrimination_error


# Recovery


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_estimates_are_unbiased_and_intervals_cover_the_truth(missing: float) -> None:
    z, outward, steeper = [], [], []
    for repetition in range(8):
        correct, truth = simulated(f"recovery {missing} {repetition}", 500, 120, missing)
        fit = fit_2pl(correct)
        assert fit.converged
        z.append(standardised_errors(fit, truth))
        outward.append((fit.difficulty - truth[0]) * np.sign(truth[0]))
        steeper.append(fit.discrimination - truth[1])
    # 960 standardised errors of each kind. Those of one repetition share how the sample differs from its
    # population, so the sd of the coverage is 0.01 rather than the binomial 0.007.
    of_difficulty, of_discrimination = np.array(z).transpose(1, 0, 2)
    assert np.mean(np.abs(of_difficulty) < 1.96) == pytest.approx(0.95, abs=0.03)
    assert np.mean(np.abs(of_discrimination) < 1.96) == pytest.approx(0.95, abs=0.03)
    # A discrimination found too high comes with a standard error of the difficulty that is too low: fatter tails.
    assert np.mean(of_difficulty**2) == pytest.approx(1.0, abs=0.3)
    assert np.mean(of_discrimination**2) == pytest.approx(1.0, abs=0.3)
    assert np.mean(outward) == pytest.approx(0, abs=0.04)  # 0.01 over many repetitions; standard error 0.008
    assert np.mean(steeper) == pytest.approx(0, abs=0.04)  # 0.01; 0.01


def test_blocks_of_missing_responses_are_linked_by_common_items() -> None:
    correct, truth = simulated("linked", 600, 110)
    fit = fit_2pl(in_thirds(correct))
    assert fit.converged
    for z in standardised_errors(fit, truth):
        assert np.mean(z**2) == pytest.approx(1, abs=0.5)  # 110 items: sd of the mean square 0.14
        assert z.mean() == pytest.approx(0, abs=0.5)


def test_populations_are_recovered_and_items_unbiased_by_them() -> None:
    rng = cell_rng(0, "test", "2pl", "populations")
    truth = rng.normal(0.5, 1, 60), np.exp(rng.normal(0, 0.3, 60))
    ability = np.append(rng.normal(0, 1, 600), rng.normal(1.2, 0.6, 600))
    correct = drawn(ability, truth, 0.1, rng)
    correct[:600, :20] = correct[600:, 40:] = -1  # the able see other items
    fit = fit_2pl(correct, population=np.repeat([0, 1], 600))
    assert fit.converged
    assert (fit.populations[0].mean, fit.populations[0].sd) == (0, 1)
    assert fit.populations[1].mean == pytest.approx(1.2, abs=0.15)  # standard error 0.05
    assert fit.populations[1].sd == pytest.approx(0.6, abs=0.1)  # 0.03
    for z in standardised_errors(fit, truth):
        assert np.mean(z**2) == pytest.approx(1, abs=0.6)
    as_one = fit_2pl(correct)
    assert np.mean((as_one.difficulty - truth[0])[:20]) < -0.25  # seen by the able alone, they seem easier
    assert np.mean((fit.difficulty - truth[0])[:20]) == pytest.approx(0, abs=0.2)


# Agreement with the likelihood maximised by brute force


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("log_discrimination_sd", [None, 1.0])
def test_agrees_with_the_likelihood_maximised_by_brute_force(
    missing: float, log_discrimination_sd: float | None
) -> None:
    correct, _ = simulated("likelihood", 250, 5, missing)
    fit = fit_2pl(correct, log_discrimination_sd)
    reference = maximise_two_parameter(correct, log_discrimination_sd)
    np.testing.assert_allclose(fit.difficulty, reference.difficulty, atol=1e-5)
    np.testing.assert_allclose(fit.discrimination, reference.discrimination, atol=1e-5)
    np.testing.assert_allclose(fit.standard_error, reference.standard_error, rtol=1e-3)
    np.testing.assert_allclose(fit.discrimination_error, reference.discrimination_error, rtol=1e-3)
    assert fit.log_likelihood == pytest.approx(reference.log_likelihood, abs=1e-6)


def test_a_weak_prior_leads_to_the_estimates_without_any() -> None:
    correct, _ = simulated("weak prior", 400, 12)
    without, weak, strong = fit_2pl(correct, None), fit_2pl(correct, 1e4), fit_2pl(correct, 1e-4)
    np.testing.assert_allclose(weak.difficulty, without.difficulty, atol=1e-5)
    np.testing.assert_allclose(weak.standard_error, without.standard_error, rtol=1e-5)
    np.testing.assert_allclose(weak.discrimination_error, without.discrimination_error, rtol=1e-5)
    # All alike is the Rasch model, whose ability sd is their discrimination.
    rasch = fit_rasch(correct)
    np.testing.assert_allclose(strong.discrimination, rasch.ability_sd, rtol=1e-5)
    np.testing.assert_allclose(strong.difficulty, (rasch.difficulty - rasch.ability_mean) / rasch.ability_sd, atol=1e-5)
    assert strong.log_likelihood == pytest.approx(rasch.log_likelihood, abs=1e-4)
    assert without.log_likelihood > fit_2pl(correct).log_likelihood > strong.log_likelihood


def test_the_prior_leaves_the_scale_to_the_respondents() -> None:
    rng = cell_rng(0, "test", "2pl", "few respondents, many steep items")
    truth = rng.normal(0, 1, 300), 2.5 * np.exp(rng.normal(0, 0.3, 300))
    correct = drawn(rng.normal(0, 1, 50), truth, 0.1, rng)
    correct = correct[:, (correct == 1).any(axis=0) & (correct == 0).any(axis=0)]
    fit = fit_2pl(correct)
    posterior = posterior_of(correct, fit)
    # Where the likelihood is highest in the unit of all discriminations together, abilities have a mean square of 1.
    assert np.mean(posterior.mean**2 + posterior.sd**2) == pytest.approx(1, abs=1e-6)
    assert np.exp(np.log(fit.discrimination).mean()) == pytest.approx(2.5, rel=0.25)  # standard error 10%


def test_lost_information_by_expectation_agrees_with_that_case_by_case(monkeypatch: pytest.MonkeyPatch) -> None:
    correct, _ = simulated("inverse", 150, 120, 0.2)
    monkeypatch.setattr("easyhard.irt.search.exact_rows_are_few", lambda n_cases, n_parameters: True)
    by_case = fit_2pl(correct)
    monkeypatch.setattr("easyhard.irt.search.exact_rows_are_few", lambda n_cases, n_parameters: False)
    by_expectation = fit_2pl(correct)
    np.testing.assert_allclose(by_expectation.difficulty, by_case.difficulty, atol=1e-6)
    ratio = by_expectation.standard_error / by_case.standard_error
    of_discrimination = by_expectation.discrimination_error / by_case.discrimination_error
    assert np.abs(np.median([ratio, of_discrimination], axis=1) - 1).max() < 0.01
    assert np.abs([ratio, of_discrimination] - np.ones(120)).max() < 0.1


# Invariance


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.2]), prior=st.sampled_from([None, 1.0]))
@settings(max_examples=8, deadline=None)
def test_order_of_items_and_respondents_changes_nothing(seed: int, missing: float, prior: float | None) -> None:
    correct, _ = simulated("order", 300, 10, missing)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(300), rng.permutation(10)
    fit, permuted = fit_2pl(correct, prior), fit_2pl(correct[np.ix_(rows, columns)], prior)
    np.testing.assert_allclose(permuted.difficulty, fit.difficulty[columns], atol=1e-7)
    np.testing.assert_allclose(permuted.discrimination, fit.discrimination[columns], atol=1e-7)
    np.testing.assert_allclose(permuted.standard_error, fit.standard_error[columns], rtol=1e-6)
    np.testing.assert_allclose(permuted.discrimination_error, fit.discrimination_error[columns], rtol=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_respondent_twice_keeps_estimates_and_halves_the_variance(missing: float) -> None:
    correct, _ = simulated("twice", 200, 12, missing)
    fit, twice = fit_2pl(correct, None), fit_2pl(np.vstack([correct, correct]), None)
    np.testing.assert_allclose(twice.difficulty, fit.difficulty, atol=1e-7)
    np.testing.assert_allclose(twice.discrimination, fit.discrimination, atol=1e-7)
    np.testing.assert_allclose(twice.standard_error, fit.standard_error / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(twice.discrimination_error, fit.discrimination_error / np.sqrt(2), rtol=1e-6)
    assert twice.log_likelihood == pytest.approx(2 * fit.log_likelihood)


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=5, deadline=None)
def test_a_weight_counts_as_so_many_copies(seed: int, missing: float) -> None:
    correct, _ = simulated("weights", 150, 12, missing)
    copies = np.random.default_rng(seed).integers(1, 4, 150)
    fit, repeated = fit_2pl(correct, weight=copies.astype(float)), fit_2pl(np.repeat(correct, copies, axis=0))
    np.testing.assert_allclose(fit.difficulty, repeated.difficulty, atol=1e-6)
    np.testing.assert_allclose(fit.discrimination, repeated.discrimination, atol=1e-6)
    np.testing.assert_allclose(fit.standard_error, repeated.standard_error, rtol=1e-5)
    np.testing.assert_allclose(fit.discrimination_error, repeated.discrimination_error, rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(repeated.log_likelihood)


@pytest.mark.parametrize("prior", [None, 1.0])
def test_swapping_right_and_wrong_negates_difficulty_and_keeps_discrimination(prior: float | None) -> None:
    correct, _ = simulated("swap", 200, 15, missing=0.1)
    correct[:, 0] = 1
    fit, swapped = fit_2pl(correct, prior), fit_2pl(np.where(correct < 0, correct, 1 - correct), prior)
    np.testing.assert_allclose(swapped.difficulty, -fit.difficulty, atol=1e-6)
    np.testing.assert_allclose(swapped.discrimination, fit.discrimination, atol=1e-6)
    np.testing.assert_allclose(swapped.standard_error, fit.standard_error, rtol=1e-5)
    np.testing.assert_allclose(swapped.discrimination_error, fit.discrimination_error, rtol=1e-5)


def test_a_wrong_key_negates_the_discrimination_and_nothing_else() -> None:
    correct, _ = simulated("wrong key", 300, 15, missing=0.1)
    wrong = correct.copy()
    wrong[:, 3] = np.where(correct[:, 3] < 0, correct[:, 3], 1 - correct[:, 3])
    fit, found = fit_2pl(correct, None), fit_2pl(wrong, None)
    sign = np.where(np.arange(15) == 3, -1, 1)
    assert (fit.discrimination > 0).all()
    np.testing.assert_allclose(found.discrimination, sign * fit.discrimination, atol=1e-6)
    np.testing.assert_allclose(found.difficulty, fit.difficulty, atol=1e-6)
    np.testing.assert_allclose(found.standard_error, fit.standard_error, rtol=1e-5)
    np.testing.assert_allclose(found.discrimination_error, fit.discrimination_error, rtol=1e-5)
    with_prior = fit_2pl(wrong)
    assert with_prior.converged
    assert 0 < with_prior.discrimination[3] == with_prior.discrimination.min() < 0.5


def test_a_respondent_without_responses_changes_nothing() -> None:
    correct, _ = simulated("empty row", 150, 15)
    fit, wider = fit_2pl(correct), fit_2pl(np.vstack([correct, np.full(15, -1, dtype=np.int8)]))
    np.testing.assert_allclose(wider.difficulty, fit.difficulty, atol=1e-6)
    np.testing.assert_allclose(wider.standard_error, fit.standard_error, rtol=1e-5)
    assert wider.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-7)


@pytest.mark.parametrize("n_items", [20, 150])
def test_two_runs_agree_to_the_last_bit(n_items: int) -> None:
    correct, _ = simulated("two runs", 120, n_items, missing=0.2)
    first, second = fit_2pl(correct), fit_2pl(correct.copy())
    for field in fields(ItemModel):
        if field.name != "populations":
            np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


# Items that all or none answered correctly


@pytest.mark.parametrize("prior", [None, 1.0])
def test_extreme_items_are_finite_outermost_and_leave_the_others_alone(prior: float | None) -> None:
    correct, _ = simulated("extremes", 300, 20)
    assert ((correct.mean(axis=0) > 0) & (correct.mean(axis=0) < 1)).all()
    extreme = np.ones((300, 3), dtype=np.int8)
    extreme[:, 1] = 0
    extreme[10:, 2] = -1
    fit, wider = fit_2pl(correct, prior), fit_2pl(np.hstack([correct, extreme]), prior)
    np.testing.assert_allclose(wider.difficulty[:20], fit.difficulty, atol=1e-7)
    np.testing.assert_allclose(wider.standard_error[:20], fit.standard_error, rtol=1e-6)
    easy, hard, seldom_seen = wider.difficulty[20:]
    assert easy < fit.difficulty.min() < fit.difficulty.max() < hard
    assert easy < seldom_seen < np.median(fit.difficulty)  # 10 right answers say less than 300
    typical = np.exp(np.log(fit.discrimination).mean())
    np.testing.assert_allclose(wider.discrimination[20:], typical)
    assert np.isfinite(wider.standard_error).all()
    assert np.isfinite(wider.discrimination_error).all()


# Data at the edge


def test_the_prior_holds_the_discrimination_of_an_item_that_separates_perfectly() -> None:
    correct, _ = simulated("separates", 100, 30)
    others = correct.mean(axis=1)
    fit = fit_2pl(np.column_stack([correct, (others > np.median(others)).astype(np.int8)]))
    assert fit.converged
    assert fit.discrimination[:30].max() < fit.discrimination[30] < 20
    assert np.isfinite(fit.discrimination_error[30])


def test_without_a_prior_an_item_that_separates_almost_perfectly_is_reported() -> None:
    correct, _ = simulated("separates", 60, 8)
    order = np.argsort(np.argsort(correct.sum(axis=1), kind="stable"))
    fit = fit_2pl(np.column_stack([correct, (order >= 30).astype(np.int8)]), None)
    assert not fit.converged
    assert "separates the respondents" in fit.convergence
    assert np.isfinite(np.concatenate([fit.difficulty, fit.standard_error, fit.discrimination_error])).all()


@pytest.mark.parametrize(("n_respondents", "n_items", "missing"), [(150, 20, 0.5), (50, 100, 0.1), (50, 20, 0.5)])
def test_few_responses_take_few_steps(n_respondents: int, n_items: int, missing: float) -> None:
    correct, _ = simulated("few responses", n_respondents, n_items, missing)
    fit = fit_2pl(correct)
    assert fit.converged
    assert fit.iterations < 25


def test_how_the_search_ended_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    correct, _ = simulated("sentence", 100, 10)
    fit = fit_2pl(correct)
    assert fit.converged
    assert f"Converged in {fit.iterations} steps" in fit.convergence
    monkeypatch.setattr("easyhard.irt.search.MOST_ITERATIONS", 3)
    cut_short = fit_2pl(correct)
    assert not cut_short.converged
    assert "Not converged: step 3" in cut_short.convergence


def test_parameters_are_counted() -> None:
    correct, _ = simulated("count", 60, 10)
    correct[:, 0] = 0
    assert fit_2pl(correct).n_parameters == 18  # two of every item that varies
    assert fit_2pl(correct, population=np.arange(60) % 3).n_parameters == 22  # mean and sd of all populations but one


@pytest.mark.parametrize("log_discrimination_sd", [0.0, -1.0, float("nan")])
def test_a_prior_without_width_is_refused(log_discrimination_sd: float) -> None:
    with pytest.raises(InputError, match="log_discrimination_sd"):
        fit_2pl(simulated("refused", 20, 5)[0], log_discrimination_sd)


@pytest.mark.parametrize(
    ("correct", "finding"),
    [
        (np.array([[1.0, 0.0], [0.0, 1.0]]), "float64"),
        (np.array([1, 0], dtype=np.int8), "1 axes"),
        (np.array([[1, 0], [2, 1]], dtype=np.int8), "2 in row 1, column 0"),
        (np.array([[1, -1, 0], [0, -1, 1]], dtype=np.int8), "column 1"),
        (np.ones((3, 3), dtype=np.int8), "0 of 3 items"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_its_place(correct: IntArray, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        fit_2pl(correct)


@pytest.mark.parametrize(("n_respondents", "n_items", "missing"), [(300, 250, 0.9), (30, 200, 0.7)])
def test_few_responses_an_item_need_the_prior_and_without_it_end_in_a_sentence(
    n_respondents: int, n_items: int, missing: float
) -> None:
    correct, _ = simulated(f"sparse {n_respondents}", n_respondents, n_items, missing)
    correct = correct[:, (correct != -1).any(axis=0)]
    with_prior, without = fit_2pl(correct), fit_2pl(correct, None)
    assert with_prior.converged and np.isfinite(with_prior.standard_error).all()
    assert not without.converged
    assert "Give the discriminations a prior, or add respondents." in without.convergence
