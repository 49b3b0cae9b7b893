from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marginal_reference import log_likelihood

from easyhard.chance import cell_rng
from easyhard.irt import ItemModel, fit_2pl, fit_rasch, simulate_rasch
from easyhard.schema import FloatArray, InputError, IntArray

Fit = Callable[..., ItemModel]


def simulated(name: str, n_respondents: int = 120, n_items: int = 25, missing: float = 0.1) -> IntArray:
    rng = cell_rng(0, "test", "weights", name)
    return simulate_rasch(n_respondents, rng.normal(0, 1.2, n_items), 0.4, 1.0, missing, rng)


def of_two_populations(name: str, confounded: bool = False) -> tuple[IntArray, FloatArray]:
    """300 respondents with abilities of mean 0 and sd 1.2, 300 of mean 1.5 and sd 0.6; true difficulties, mean 0.

    If ``confounded``, only the first see the first ten items and only the others the last ten.
    """
    rng = cell_rng(0, "test", "populations", name)
    difficulty = rng.normal(0, 1, 30)
    difficulty -= difficulty.mean()
    groups = [simulate_rasch(300, difficulty, mean, sd, 0.1, rng) for mean, sd in ((0.0, 1.2), (1.5, 0.6))]
    correct = np.vstack(groups)
    if confounded:
        correct[300:, :10] = correct[:300, 20:] = -1
    return correct, difficulty


TWO = np.repeat([0, 1], 300)


# Weights


@given(seed=st.integers(0, 2**32 - 1), missing=st.sampled_from([0.0, 0.2]))
@settings(max_examples=8, deadline=None)
def test_a_weight_counts_as_so_many_copies(seed: int, missing: float) -> None:
    correct = simulated("copies", missing=missing)
    correct[:, 3] = np.where(correct[:, 3] < 0, -1, 1)  # weights bear on an item that all got right, too
    copies = np.random.default_rng(seed).integers(1, 4, len(correct))
    fit, repeated = fit_rasch(correct, weight=copies.astype(float)), fit_rasch(np.repeat(correct, copies, axis=0))
    np.testing.assert_allclose(fit.difficulty, repeated.difficulty, atol=1e-7)
    np.testing.assert_allclose(fit.standard_error, repeated.standard_error, rtol=1e-6)
    assert fit.ability_mean == pytest.approx(repeated.ability_mean, abs=1e-7)
    assert fit.ability_sd == pytest.approx(repeated.ability_sd, abs=1e-7)
    assert fit.log_likelihood == pytest.approx(repeated.log_likelihood)


def test_copies_that_share_one_weight_count_as_one_respondent() -> None:
    correct = simulated("near copies")
    copied = np.vstack([correct, np.repeat(correct[:10], 4, axis=0)])
    weight = np.ones(len(copied))
    weight[:10] = weight[len(correct) :] = 1 / 5
    fit, shared = fit_rasch(correct), fit_rasch(copied, weight=weight)
    np.testing.assert_allclose(shared.difficulty, fit.difficulty, atol=1e-7)
    np.testing.assert_allclose(shared.standard_error, fit.standard_error, rtol=1e-6)
    assert np.abs(fit_rasch(copied).difficulty - fit.difficulty).max() > 0.02  # without weights they would count


def test_weight_2_for_all_keeps_difficulties_and_halves_the_variance() -> None:
    correct = simulated("all twice", missing=0.0)
    fit, twice = fit_rasch(correct), fit_rasch(correct, weight=np.full(len(correct), 2.0))
    np.testing.assert_allclose(twice.difficulty, fit.difficulty, atol=1e-8)
    np.testing.assert_allclose(twice.standard_error, fit.standard_error / np.sqrt(2), rtol=1e-7)
    assert twice.log_likelihood == pytest.approx(2 * fit.log_likelihood)


# Populations


def test_two_populations_are_recovered_and_intervals_cover_the_difficulties() -> None:
    z, means, sds = [], [], []
    for repetition in range(20):
        correct, difficulty = of_two_populations(f"recovery {repetition}", confounded=True)
        fit = fit_rasch(correct, population=TWO)
        assert fit.converged
        z.append((fit.difficulty - difficulty) / fit.standard_error)
        means.append([population.mean for population in fit.populations])
        sds.append([population.sd for population in fit.populations])
    np.testing.assert_allclose(np.mean(means, axis=0), [0.0, 1.5], atol=0.06)  # standard error 0.02
    np.testing.assert_allclose(np.mean(sds, axis=0), [1.2, 0.6], atol=0.05)  # 0.013
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.03)  # 600 intervals: 0.009
    assert np.abs(np.mean(z, axis=0)).max() < 1  # 20 repetitions: 0.22 each


def test_taken_for_one_population_the_items_of_the_able_seem_too_easy() -> None:
    correct, difficulty = of_two_populations("taken for one", confounded=True)
    as_one, as_two = fit_rasch(correct), fit_rasch(correct, population=TWO)
    own = np.repeat([0, 1, 2], 10)  # seen by the first, by both, by the able second
    bias = [(as_one.difficulty - difficulty)[own == k].mean() for k in range(3)]
    assert bias[2] < -0.2 < 0.2 < bias[0]
    left = [(as_two.difficulty - difficulty)[own == k].mean() for k in range(3)]
    np.testing.assert_allclose(left, 0, atol=0.2)


def test_populations_maximise_the_sum_of_their_likelihoods() -> None:
    correct, _ = of_two_populations("maximum")
    correct = correct[::6, :8]
    groups = [correct[:50], correct[50:]]
    fit = fit_rasch(correct, population=np.repeat([0, 1], 50))
    first, second = fit.populations

    def total(change: FloatArray) -> float:
        moved = [(first.mean, first.sd), (second.mean + change[0], second.sd * np.exp(change[1]))]
        return sum(log_likelihood(group, fit.difficulty, *place) for group, place in zip(groups, moved, strict=True))

    assert fit.log_likelihood == pytest.approx(total(np.zeros(2)), abs=1e-6)
    steps = 1e-3 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    assert max(total(step) for step in steps) < fit.log_likelihood
    assert [total(steps[0]), total(steps[2])] == pytest.approx([total(steps[1]), total(steps[3])], abs=1e-6)


@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
def test_items_and_respondents_of_populations_may_come_in_any_order(fit: Fit) -> None:
    correct, _ = of_two_populations("order")
    rows, columns = np.random.default_rng(0).permutation(600), np.random.default_rng(1).permutation(30)
    found = fit(correct, population=TWO)
    permuted = fit(correct[np.ix_(rows, columns)], population=TWO[rows])
    np.testing.assert_allclose(permuted.difficulty, found.difficulty[columns], atol=1e-6)
    np.testing.assert_allclose(permuted.standard_error, found.standard_error[columns], rtol=1e-5)
    assert permuted.populations[1].mean == pytest.approx(found.populations[1].mean, abs=1e-6)
    assert permuted.populations[1].sd == pytest.approx(found.populations[1].sd, abs=1e-6)


def test_numbering_the_populations_otherwise_changes_no_difficulty() -> None:
    correct, _ = of_two_populations("numbers")
    fit, swapped = fit_rasch(correct, population=TWO), fit_rasch(correct, population=1 - TWO)
    np.testing.assert_allclose(swapped.difficulty, fit.difficulty, atol=1e-7)
    np.testing.assert_allclose(swapped.standard_error, fit.standard_error, rtol=1e-6)
    for one, other in zip(fit.populations, reversed(swapped.populations), strict=True):
        assert one.mean == pytest.approx(other.mean, abs=1e-7)
        assert one.sd == pytest.approx(other.sd, abs=1e-7)


def test_under_2pl_another_first_population_is_another_scale() -> None:
    correct, _ = of_two_populations("scale")
    fit, swapped = fit_2pl(correct, None, population=TWO), fit_2pl(correct, None, population=1 - TWO)
    mean, sd = fit.populations[1].mean, fit.populations[1].sd
    np.testing.assert_allclose(swapped.difficulty, (fit.difficulty - mean) / sd, atol=1e-5)
    np.testing.assert_allclose(swapped.discrimination, fit.discrimination * sd, atol=1e-5)
    assert swapped.populations[1].mean == pytest.approx(-mean / sd, abs=1e-6)
    assert swapped.populations[1].sd == pytest.approx(1 / sd, abs=1e-6)
    assert swapped.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
def test_weight_1_and_population_0_for_all_are_the_default(fit: Fit) -> None:
    correct = simulated("default")
    default = fit(correct)
    given_all = fit(correct, weight=np.ones(len(correct)), population=np.zeros(len(correct), dtype=int))
    for field in fields(ItemModel):
        if field.name != "populations":
            np.testing.assert_array_equal(getattr(given_all, field.name), getattr(default, field.name))


@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
def test_a_weighted_population_counts_as_its_copies(fit: Fit) -> None:
    correct, _ = of_two_populations("weighted")
    correct = np.hstack([correct, np.ones((600, 1), dtype=np.int8)])
    copies = np.where(TWO == 1, 2, 1)
    weighted = fit(correct, weight=copies.astype(float), population=TWO)
    repeated = fit(np.repeat(correct, copies, axis=0), population=np.repeat(TWO, copies))
    np.testing.assert_allclose(weighted.difficulty, repeated.difficulty, atol=1e-5)
    np.testing.assert_allclose(weighted.standard_error, repeated.standard_error, rtol=1e-3)
    assert weighted.populations[1].mean == pytest.approx(repeated.populations[1].mean, abs=1e-6)
    assert np.isfinite(weighted.difficulty).all()
    assert weighted.difficulty[-1] < weighted.difficulty[:-1].min()  # everybody got it right


# What cannot be


@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
@pytest.mark.parametrize(
    "weight",
    [np.ones(119), np.ones((120, 1)), -np.ones(120), np.zeros(120), np.full(120, np.nan), np.full(120, np.inf)],
    ids=["too few", "a column", "negative", "zero", "NaN", "infinite"],
)
def test_weights_that_cannot_be_are_refused(fit: Fit, weight: FloatArray) -> None:
    with pytest.raises(InputError, match="Give each a finite weight above 0"):
        fit(simulated("refused"), weight=weight)


@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
@pytest.mark.parametrize(
    "population",
    [np.zeros(119, dtype=int), np.arange(120) % 2 * 2, np.arange(120) % 2 + 1, np.arange(120) % 2 - 1, np.zeros(120)],
    ids=["too few", "a gap", "from 1", "negative", "not whole"],
)
def test_population_numbers_that_cannot_be_are_refused(fit: Fit, population: Any) -> None:
    with pytest.raises(InputError, match="Give each a whole number"):
        fit(simulated("refused"), population=population)
