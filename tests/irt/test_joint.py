from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from easyhard.chance import cell_rng
from easyhard.irt import simulate_rasch
from easyhard.irt.conditional import fit_conditional
from easyhard.irt.joint import fit_joint
from easyhard.schema import FloatArray, InputError, IntArray


def simulated(name: str, n_respondents: int, n_items: int, missing: float = 0.0) -> IntArray:
    rng = cell_rng(0, "test joint", name)
    return simulate_rasch(n_respondents, rng.normal(0, 1.2, n_items), 0.3, 1.0, missing, rng)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_agrees_with_the_joint_likelihood_maximised_by_brute_force(missing: float) -> None:
    correct = simulated("brute force", 25, 6, missing)
    fit = fit_joint(correct)
    some = np.isfinite(fit.ability)
    assert 0 < (~some).sum() < 12
    answers = correct[some]

    def loss(at: FloatArray) -> float:
        logit = at[6:, None] - (at[:6] - at[:6].mean())
        return float(np.where(answers < 0, 0, np.logaddexp(0, np.where(answers == 1, -logit, logit))).sum())

    best = minimize(loss, np.zeros(6 + some.sum()), options={"gtol": 1e-6})
    np.testing.assert_allclose(fit.difficulty, best.x[:6] - best.x[:6].mean(), atol=1e-5)
    np.testing.assert_allclose(fit.ability[some], best.x[6:], atol=1e-4)
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-8)


def test_of_two_items_the_joint_difference_is_twice_the_conditional_one_and_the_correction_halves_it() -> None:
    # Andersen (1973), British Journal of Mathematical and Statistical Psychology 26, 31-44.
    correct = simulated("two", 200, 2)
    conditional = fit_conditional(correct).difficulty
    np.testing.assert_allclose(fit_joint(correct).difficulty, 2 * conditional, rtol=1e-9)
    np.testing.assert_allclose(fit_joint(correct, corrected=True).difficulty, conditional, rtol=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_corrected_estimates_of_a_long_test_are_close_to_the_conditional_ones(missing: float) -> None:
    correct = simulated("long", 300, 100, missing)
    conditional, plain, corrected = fit_conditional(correct), fit_joint(correct), fit_joint(correct, corrected=True)
    off = np.nanmax(np.abs(plain.difficulty - conditional.difficulty))
    assert off < 0.1
    assert np.nanmax(np.abs(corrected.difficulty - conditional.difficulty)) < off / 2
    np.testing.assert_allclose(corrected.standard_error, conditional.standard_error, rtol=0.02)
    assert np.nanstd(corrected.ability) < np.nanstd(plain.ability)


def test_swapping_right_and_wrong_negates_both() -> None:
    correct = simulated("swap", 80, 20, 0.1)
    fit, swapped = fit_joint(correct), fit_joint(np.where(correct < 0, correct, 1 - correct))
    np.testing.assert_allclose(swapped.difficulty, -fit.difficulty, atol=1e-8)
    np.testing.assert_allclose(swapped.ability, -fit.ability, atol=1e-8)


def test_extremes_are_left_out_and_blocks_refused() -> None:
    correct = simulated("extremes", 80, 14)
    correct[:, 2], correct[5], correct[6] = 0, 1, -1
    fit = fit_joint(correct)
    assert np.flatnonzero(np.isnan(fit.difficulty)).tolist() == [2]
    assert np.isnan(fit.ability[[5, 6]]).all()
    assert fit.converged
    correct[:40, 7:] = -1
    correct[40:, :7] = -1
    with pytest.raises(InputError, match="2 blocks"):
        fit_joint(correct)
