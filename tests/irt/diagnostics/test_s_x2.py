from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from made_up_responses import draw, rates
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.s_x2 import s_x2
from easyhard.irt.diagnostics.summed import correct_given_total, total_probabilities


@pytest.mark.parametrize(
    ("n_respondents", "n_items", "missing", "method"),
    [(500, 20, 0.0, "S-X2"), (500, 20, 0.2, "rest groups"), (120, 320, 0.0, "rest groups")],
)
def test_five_in_a_hundred_items_are_rejected_if_the_model_holds(
    n_respondents: int, n_items: int, missing: float, method: str
) -> None:
    p = []
    for repeat in range(max(4, 1200 // n_items)):
        correct = draw(f"s_x2 {n_respondents} {n_items} {missing} {repeat}", n_respondents, n_items, missing)
        found = s_x2(correct, fit_rasch(correct))
        assert found.method == method
        p.append(found.p)
    rejected, below_half = rates(np.concatenate(p))  # of 1200: standard errors 0.006 and 0.015
    assert 0.03 < rejected < 0.07
    assert below_half == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_five_in_a_hundred_are_rejected_under_2pl_too(missing: float) -> None:
    found = []
    for repeat in range(12):
        correct = draw(f"s_x2 2pl {missing} {repeat}", 400, 25, missing, spread=0.3)
        found.append(s_x2(correct, fit_2pl(correct)).p)
    assert 0.02 < rates(np.concatenate(found))[0] < 0.085  # 300 items: standard error 0.013


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_curve_that_is_not_logistic_is_found(missing: float) -> None:
    rng = cell_rng(0, "test shape")
    ability, difficulty = rng.normal(0, 1, 1000)[:, None], np.linspace(-1.5, 1.5, 20)
    p = expit(ability - difficulty)
    p[:, 10] = np.where(np.abs(ability[:, 0]) < 0.8, 0.2, 0.8)  # success at either end, not in the middle
    correct = (rng.random(p.shape) < p).astype(np.int8)
    correct[rng.random(p.shape) < missing] = -1
    found = s_x2(correct, fit_rasch(correct), items=[f"q{place}" for place in range(20)])
    assert found.p[10] < 1e-10
    assert np.nanargmax(found.rms_difference) == 10
    assert found.rms_difference[10] == pytest.approx(0.28, abs=0.1)
    assert np.delete(found.rms_difference, 10).max() < 0.08
    assert "'q10'" in found.reading()


def test_totals_have_the_probabilities_of_all_patterns_summed() -> None:
    curve = cell_rng(0, "test summed").uniform(0.02, 0.98, (7, 5))
    density = np.full(7, 1 / 7)
    totals, joint = np.zeros((6, 7)), np.zeros((6, 5))
    for pattern in product((0, 1), repeat=5):
        right = np.array(pattern)
        probability = np.where(right, curve, 1 - curve).prod(axis=1)
        totals[right.sum()] += probability
        joint[right.sum()] += right * (density @ probability)
    np.testing.assert_allclose(total_probabilities(curve), totals, atol=1e-14)
    np.testing.assert_allclose(correct_given_total(curve, density), joint / (totals @ density)[:, None], atol=1e-12)


def test_an_item_is_taken_out_of_long_tests_without_loss_of_precision() -> None:
    difficulty = np.linspace(-6, 6, 250)
    ability = np.linspace(-4, 4, 60)
    curve = expit(ability[:, None] - difficulty)
    given = correct_given_total(curve, np.full(60, 1 / 60))
    # Among those with k right, k items are right on average, whatever the distribution of abilities.
    np.testing.assert_allclose(given[20:230].sum(axis=1), np.arange(20, 230), rtol=1e-8)


def test_too_few_responses_give_no_chi_square() -> None:
    correct = draw("few", 15, 8)
    model = fit_rasch(correct)
    found = s_x2(correct, model, posterior_of(correct, model))
    assert np.isnan(found.p).all()
    assert "No item can be tested" in found.reading()
    assert found.frame()["p"].null_count() == 8


def test_a_certain_item_has_no_chi_square_and_leaves_the_others_theirs() -> None:
    correct = draw("certain", 200, 12)
    without = s_x2(correct, fit_rasch(correct))
    padded = np.column_stack([np.ones(200, dtype=np.int8), correct, np.zeros(200, dtype=np.int8)])
    found = s_x2(padded, fit_rasch(padded))
    assert np.isnan(found.p[[0, -1]]).all()
    np.testing.assert_allclose(found.chi_square[1:-1], without.chi_square, rtol=0.05)
