"""Items held where they are known, which put the others and the respondents on their scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from linking_banks import MODELS, SLOPE, TRUE, bank_2pl, difficulty_of, drawn, drawn_2pl
from marginal_reference import log_likelihood
from scipy.optimize import minimize

from easyhard.chance import cell_rng
from easyhard.irt import (
    ItemModel,
    ModelName,
    calibrate,
    fit_2pl,
    fit_rasch,
    link_banks,
    simulate_rasch,
)
from easyhard.schema import FloatArray, InputError, IntArray


def test_anchors_stay_and_put_new_items_and_respondents_on_their_scale() -> None:
    z, means, sds = [], [], []
    for repetition in range(20):
        correct = simulate_rasch(400, TRUE, 0.7, 1.3, 0.1, cell_rng(repetition, "test", "anchor"))
        anchor = np.where(np.arange(60) < 20, TRUE, np.nan)
        fit = fit_rasch(correct, anchor=anchor)
        np.testing.assert_array_equal(fit.difficulty[:20], TRUE[:20])
        assert (fit.standard_error[:20] == 0).all()
        z.append((fit.difficulty - TRUE)[20:] / fit.standard_error[20:])
        means.append(fit.ability_mean)
        sds.append(fit.ability_sd)
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.03)  # 800 errors that share 20 scales
    assert np.mean(np.square(z)) == pytest.approx(1, abs=0.25)
    assert np.mean(means) == pytest.approx(0.7, abs=0.06)
    assert np.mean(sds) == pytest.approx(1.3, abs=0.05)


def test_an_anchor_that_everybody_solved_still_counts() -> None:
    correct = simulate_rasch(300, TRUE[:20], 0.0, 1.0, 0.0, cell_rng(0, "test", "easy anchor"))
    easy = np.hstack([correct, np.ones((300, 1), dtype=np.int8)])
    fit = fit_rasch(easy, anchor=np.append(np.full(20, np.nan), -1.0))
    assert fit.difficulty[-1] == -1
    assert fit.ability_mean > fit_rasch(easy, anchor=np.append(np.full(20, np.nan), -6.0)).ability_mean + 2


def test_anchored_to_its_own_estimates_a_fit_changes_nothing() -> None:
    correct = simulate_rasch(300, TRUE[:20], 0.4, 1.0, 0.1, cell_rng(0, "test", "own anchors"))
    fit = fit_rasch(correct)
    again = fit_rasch(correct, anchor=np.where(np.arange(20) < 5, fit.difficulty, np.nan))
    np.testing.assert_allclose(again.difficulty, fit.difficulty, atol=1e-6)
    assert again.ability_mean == pytest.approx(fit.ability_mean, abs=1e-6)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("anchor", [np.zeros(3), np.full(20, np.nan), np.full(20, np.inf)])
def test_anchors_that_cannot_be_are_refused(anchor: FloatArray) -> None:
    correct = simulate_rasch(30, TRUE[:20], 0.0, 1.0, 0.0, cell_rng(0, "test", "bad anchors"))
    with pytest.raises(InputError, match="for 20 items"):
        fit_rasch(correct, anchor=anchor)


def test_a_bank_grows_onto_an_older_scale() -> None:
    old = calibrate(drawn(0, 40, 0.0, 0))
    grown = calibrate(drawn(20, 60, 0.8, 1), onto=old)
    before = dict(old.table.select("item", "difficulty").iter_rows())
    for item, difficulty in grown.table.select("item", "difficulty").iter_rows():
        if item in before:
            assert difficulty == before[item]
    error = difficulty_of(grown)[20:] - (TRUE[40:60] - TRUE[:40].mean())
    assert np.sqrt(np.mean(error**2)) < 0.2
    with pytest.raises(InputError, match="none of 20 items"):
        calibrate(drawn(40, 60, 0.0, 1), onto=old)
    with pytest.raises(InputError, match="onto is rasch, the model asked for 2pl"):
        calibrate(drawn(20, 60, 0.8, 1), model="2pl", onto=old)


# The same for 2PL


def anchored_2pl(correct: IntArray, n_anchors: int, prior: float | None = 1.0) -> ItemModel:
    """The first items held at their true values."""
    held = np.arange(correct.shape[1]) < n_anchors
    first = slice(0, correct.shape[1])
    return fit_2pl(
        correct,
        prior,
        anchor=np.where(held, TRUE[first], np.nan),
        anchor_discrimination=np.where(held, SLOPE[first], np.nan),
    )


def test_2pl_anchors_put_new_items_and_a_shifted_and_stretched_population_on_their_scale() -> None:
    z, z_slope, means, sds = [], [], [], []
    for repetition in range(20):
        responses, _ = drawn_2pl(slice(0, 60), 0.8, 1.4, 500, 100 + repetition)
        fit = anchored_2pl(responses.correct, 20)
        assert fit.converged
        np.testing.assert_array_equal(fit.difficulty[:20], TRUE[:20])
        np.testing.assert_array_equal(fit.discrimination[:20], SLOPE[:20])
        assert (fit.standard_error[:20] == 0).all() and (fit.discrimination_error[:20] == 0).all()
        z.append((fit.difficulty - TRUE)[20:] / fit.standard_error[20:])
        z_slope.append((fit.discrimination - SLOPE)[20:] / fit.discrimination_error[20:])
        means.append(fit.ability_mean)
        sds.append(fit.ability_sd)
    for one in (z, z_slope):  # 800 errors that share 20 samples
        assert np.mean(np.abs(one) < 1.96) == pytest.approx(0.95, abs=0.03)
        assert np.mean(np.square(one)) == pytest.approx(1, abs=0.25)
    assert np.mean(means) == pytest.approx(0.8, abs=0.06)
    assert np.mean(sds) == pytest.approx(1.4, abs=0.05)


def test_2pl_anchors_lead_to_the_free_calibration_moved_by_the_known_line() -> None:
    responses, _ = drawn_2pl(slice(0, 30), 0.0, 1.0, 400, 7)
    free = fit_2pl(responses.correct, None)
    stretched, moved = 1.6, -0.7  # of the old scale, on which the anchors are given
    held = np.arange(30) < 5
    fit = fit_2pl(
        responses.correct,
        None,
        anchor=np.where(held, stretched * free.difficulty + moved, np.nan),
        anchor_discrimination=np.where(held, free.discrimination / stretched, np.nan),
    )
    np.testing.assert_allclose(fit.difficulty, stretched * free.difficulty + moved, atol=1e-6)
    np.testing.assert_allclose(fit.discrimination, free.discrimination / stretched, atol=1e-6)
    assert fit.ability_mean == pytest.approx(moved, abs=1e-6)
    assert fit.ability_sd == pytest.approx(stretched, abs=1e-6)
    assert fit.log_likelihood == pytest.approx(free.log_likelihood, abs=1e-6)
    assert fit.n_parameters == 2 * 25 + 2


def test_standard_errors_beside_2pl_anchors_are_those_of_the_likelihood_by_brute_force() -> None:
    responses, _ = drawn_2pl(slice(0, 6), 0.5, 1.2, 400, 8)
    fit = anchored_2pl(responses.correct, 4, prior=None)

    def loss(free: FloatArray) -> float:
        difficulty = np.append(TRUE[:4], free[:2])
        discrimination = np.append(SLOPE[:4], free[2:4])
        mean, sd = free[4], float(np.exp(free[5]))
        return -log_likelihood(responses.correct, difficulty, mean, sd, discrimination=discrimination)

    best = np.concatenate([fit.difficulty[4:], fit.discrimination[4:], [fit.ability_mean, np.log(fit.ability_sd)]])
    assert minimize(loss, best).x == pytest.approx(best, abs=2e-4)
    variance = np.diag(np.linalg.inv(second_derivatives(loss, best)))
    np.testing.assert_allclose(fit.standard_error[4:], np.sqrt(variance[:2]), rtol=2e-3)
    np.testing.assert_allclose(fit.discrimination_error[4:], np.sqrt(variance[2:4]), rtol=2e-3)


def second_derivatives(loss: Callable[[FloatArray], float], at: FloatArray, step: float = 1e-3) -> FloatArray:
    moves = step * np.eye(len(at))
    return np.array(
        [
            [(loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)) / (4 * step**2) for a in moves]
            for b in moves
        ]
    )


def test_a_2pl_bank_grows_onto_an_older_scale() -> None:
    old = bank_2pl(slice(0, 40), 0.0, 1.0, 1500, 21).bank
    responses, _ = drawn_2pl(slice(20, 60), 0.8, 1.4, 1500, 22)
    grown = calibrate(responses, "2pl", onto=old)
    for name in ("difficulty", "discrimination"):
        np.testing.assert_array_equal(grown.table[name][:20], old.table[name][20:])
    assert grown.calibration.ability_mean == pytest.approx(0.8, abs=0.15)
    assert grown.calibration.ability_sd == pytest.approx(1.4, abs=0.15)
    link = link_banks(calibrate(responses, "2pl"), old)
    linked = link.difficulty(difficulty_of(calibrate(responses, "2pl")))
    np.testing.assert_allclose(difficulty_of(grown)[20:], linked[20:], atol=0.12)  # two ways to one scale
    with pytest.raises(InputError, match="onto is 2pl, the model asked for rasch"):
        calibrate(responses, onto=old)


def test_anchors_that_everybody_or_nobody_solved_count_under_2pl() -> None:
    responses, _ = drawn_2pl(slice(0, 20), 0.0, 1.0, 300, 23)
    easy = np.hstack([responses.correct, np.ones((300, 1), dtype=np.int8)])
    anchor = np.append(TRUE[:4], np.full(17, np.nan))
    discrimination = np.append(SLOPE[:4], np.full(17, np.nan))
    means = []
    for difficulty in (-6.0, -2.5):
        anchor[-1], discrimination[-1] = difficulty, 1.0
        fit = fit_2pl(easy, anchor=anchor, anchor_discrimination=discrimination)
        assert fit.difficulty[-1] == difficulty
        means.append(fit.ability_mean)
    assert means[1] > means[0] + 0.05


@pytest.mark.parametrize(
    ("anchor", "discrimination", "finding"),
    [
        ([0.0, np.nan, np.nan, np.nan], [1.0, np.nan, np.nan, np.nan], "1 item is an anchor"),
        ([0.0, 1.0, np.nan, np.nan], None, "0 discriminations of anchors are given for 2"),
        ([0.0, 1.0, np.nan, np.nan], [1.0, np.nan, np.nan, np.nan], "1 discriminations of anchors are given for 2"),
        (None, [1.0, 1.0, np.nan, np.nan], "2 discriminations of anchors are given for 0"),
        ([0.0, 1.0, np.nan, np.nan], [1.0, -1.0, np.nan, np.nan], "-1 in column 1"),
        ([0.0, 1.0, np.nan, np.nan], [1.0, np.inf, np.nan, np.nan], "discriminations of anchors"),
        ([np.nan] * 4, [np.nan] * 4, "0 finite values for 4 items"),
    ],
)
def test_2pl_anchors_that_cannot_be_are_refused(
    anchor: list[float] | None, discrimination: list[float] | None, finding: str
) -> None:
    correct = simulate_rasch(40, TRUE[:4], 0.0, 1.0, 0.0, cell_rng(1, "test", "bad anchors"))
    with pytest.raises(InputError, match=finding):
        fit_2pl(
            correct,
            anchor=None if anchor is None else np.array(anchor),
            anchor_discrimination=None if discrimination is None else np.array(discrimination),
        )


@pytest.mark.parametrize("model", MODELS)
def test_anchors_that_contradict_each_other_are_refused_and_some_that_moved_are_not(model: ModelName) -> None:
    correct = simulate_rasch(400, TRUE[:40], 0.3, 1.2, 0.1, cell_rng(2, "test", "contradict"))

    def fit(anchor: FloatArray) -> ItemModel:
        known = np.where(np.arange(40) < 20, anchor, np.nan)
        slopes = np.where(np.arange(40) < 20, 1.0, np.nan)
        if model == "rasch":
            return fit_rasch(correct, anchor=known)
        return fit_2pl(correct, anchor=known, anchor_discrimination=slopes)

    some_moved = np.append(TRUE[:4] + 1.5, TRUE[4:40])
    assert fit(some_moved).converged
    with pytest.raises(InputError, match=r"20 anchors contradict each other.*column \d+: \d+% right"):
        fit(-TRUE[:40])
