from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_responses import draw

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, mean_squares, posterior_of
from easyhard.irt.diagnostics.false_discovery import benjamini_hochberg
from easyhard.irt.diagnostics.item_fit import item_fit
from easyhard.schema import InputError


@pytest.mark.parametrize(("n_respondents", "n_items", "missing"), [(100, 20, 0.2), (100, 100, 0.0), (600, 20, 0.0)])
def test_z_is_standard_normal_if_the_model_holds(n_respondents: int, n_items: int, missing: float) -> None:
    z = []
    for repeat in range(1600 // n_items):
        correct = draw(f"z {n_respondents} {n_items} {missing} {repeat}", n_respondents, n_items, missing)
        fit = item_fit(correct, fit_rasch(correct))
        z.append(np.stack([fit.infit_z, fit.outfit_z]))
    both = np.concatenate(z, axis=1)
    # 1600 items: standard errors 0.025 of the mean, 0.018 of the sd, 0.005 of the share.
    np.testing.assert_allclose(np.nanmean(both, axis=1), 0, atol=0.08)
    np.testing.assert_allclose(np.nanstd(both, axis=1), 1, atol=0.08)
    np.testing.assert_allclose(np.mean(np.abs(both) > 1.96, axis=1), 0.05, atol=0.018)


def test_z_is_standard_normal_under_2pl_too() -> None:
    z = []
    for repeat in range(12):
        correct = draw(f"z 2pl {repeat}", 300, 30, spread=0.3)
        fit = item_fit(correct, fit_2pl(correct))
        z.append(np.stack([fit.infit_z, fit.outfit_z]))
    both = np.concatenate(z, axis=1)  # 360 items
    np.testing.assert_allclose(np.nanmean(both, axis=1), 0, atol=0.17)
    np.testing.assert_allclose(np.nanstd(both, axis=1), 1, atol=0.13)


def test_a_guessed_item_is_noisy_and_a_sharp_one_regular() -> None:
    correct = draw("noisy", 400, 30)
    rng = cell_rng(0, "test noisy")
    correct[:, 3] = rng.random(400) < 0.5
    total = correct.sum(axis=1)
    correct[:, 4] = total > np.median(total)
    fit = item_fit(correct, fit_rasch(correct), items=[f"q{place}" for place in range(30)])
    assert fit.infit_z[3] > 5
    assert fit.infit_z[4] < -5
    assert fit.item_rest[3] < 0.15 < fit.item_rest_expected[3]
    adjusted = benjamini_hochberg(fit.infit_p)
    assert adjusted[3] < 1e-4
    assert adjusted[4] < 1e-4
    assert "'q3'" in fit.reading()


def test_the_mean_squares_are_those_of_the_bank() -> None:
    correct = draw("bank", 80, 20, 0.1)
    model = fit_rasch(correct)
    fit, squares = item_fit(correct, model), mean_squares(correct, model)
    np.testing.assert_array_equal(fit.infit_mnsq, squares.infit_mnsq)
    np.testing.assert_array_equal(fit.outfit_mnsq, squares.outfit_mnsq)
    assert np.corrcoef(fit.infit_mnsq, fit.infit_z)[0, 1] > 0.9


def test_item_rest_is_the_correlation_with_the_share_correct_of_the_other_responses() -> None:
    correct = draw("item rest", 90, 15, 0.3)
    fit = item_fit(correct, fit_rasch(correct))
    for item in range(15):
        others = np.delete(correct, item, axis=1)
        used = (correct[:, item] >= 0) & ((others >= 0).sum(axis=1) > 0)
        share = (others == 1).sum(axis=1)[used] / (others >= 0).sum(axis=1)[used]
        assert fit.item_rest[item] == pytest.approx(np.corrcoef(correct[used, item], share)[0, 1])
    # What the model expects is right on average over items.
    assert fit.item_rest.mean() == pytest.approx(fit.item_rest_expected.mean(), abs=0.05)


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(9)), st.permutations(range(40)))
def test_order_changes_nothing(items: list[int], respondents: list[int]) -> None:
    correct = draw("order", 40, 9, 0.1)
    one = item_fit(correct, fit_rasch(correct))
    shuffled = np.ascontiguousarray(correct[np.ix_(respondents, items)])
    other = item_fit(shuffled, fit_rasch(shuffled))
    np.testing.assert_allclose(other.infit_z, one.infit_z[items], atol=1e-5)
    np.testing.assert_allclose(other.outfit_z, one.outfit_z[items], atol=1e-5)
    np.testing.assert_allclose(other.item_rest, one.item_rest[items], atol=1e-9)


def test_items_that_do_not_vary_have_no_fit_and_a_null_in_the_table() -> None:
    correct = draw("constant", 50, 10)
    correct[:, 2] = 1
    model = fit_rasch(correct)
    fit = item_fit(correct, model, posterior_of(correct, model))
    assert np.isnan(fit.infit_z[2])
    assert np.isnan(fit.outfit_z[2])
    assert np.isfinite(np.delete(fit.infit_z, 2)).all()
    assert fit.frame()["infit_p_bh"].null_count() == 1
    alike = item_fit(np.ones((5, 10), dtype=np.int8), model)
    assert "answered alike" in alike.reading()


def test_a_wrong_number_of_names_is_refused() -> None:
    correct = draw("names", 30, 5)
    with pytest.raises(InputError, match="2 names for 5 items"):
        item_fit(correct, fit_rasch(correct), items=["a", "b"])


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    # The fifteen p-values of their section 3.2; four are rejected at 0.05.
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
                  0.6528, 0.7590, 1.0])  # fmt: skip
    adjusted = benjamini_hochberg(p)
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[0] == pytest.approx(0.0015)
    np.testing.assert_allclose(benjamini_hochberg(p[::-1]), adjusted[::-1])
    with_gap = benjamini_hochberg(np.append(p, np.nan))
    np.testing.assert_allclose(with_gap[:-1], adjusted)
    assert np.isnan(with_gap[-1])
    np.testing.assert_allclose(benjamini_hochberg(p[:3], n_tests=15), adjusted[:3])
