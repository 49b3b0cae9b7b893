from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import ModelName, calibrate, fit_2pl, fit_rasch, mean_squares, simulate_rasch
from easyhard.schema import InputError, IntArray, Responses


def named(correct: IntArray) -> Responses:
    n_respondents, n_items = correct.shape
    return Responses(
        correct,
        tuple(f"model {row}" for row in range(n_respondents)),
        tuple(f"item {column}" for column in range(n_items)),
    )


def test_bank_has_a_row_per_item_in_the_order_of_the_responses() -> None:
    correct = simulate_rasch(80, np.linspace(-2, 2, 12), 0.0, 1.0, 0.1, cell_rng(0, "test", "bank"))
    correct[:, 3] = np.where(correct[:, 3] < 0, correct[:, 3], 1)
    correct[:, 7] = np.where(correct[:, 7] < 0, correct[:, 7], 0)
    responses = named(correct)
    bank = calibrate(responses)
    table, fit = bank.frame(), fit_rasch(correct)
    assert table.columns == [
        "item", "difficulty", "standard_error", "discrimination", "n_responses", "proportion_correct",
        "infit_mnsq", "outfit_mnsq", "flag",
    ]  # fmt: skip
    assert table["item"].to_list() == list(responses.items)
    np.testing.assert_array_equal(table["difficulty"], fit.difficulty)
    assert table.filter(flag="all_correct")["item"].to_list() == ["item 3"]
    assert table.filter(flag="none_correct")["item"].to_list() == ["item 7"]
    assert table.filter(pl.col("infit_mnsq").is_null())["flag"].to_list() == ["all_correct", "none_correct"]
    assert table.filter(flag="")["difficulty"].mean() == pytest.approx(0, abs=1e-12)
    assert table["n_responses"].sum() == (correct >= 0).sum()
    assert table["proportion_correct"][3] == 1
    assert bank.calibration.n_respondents == 80
    assert bank.calibration.ability_sd == fit.ability_sd
    assert bank.calibration.convergence.startswith("Converged")


@pytest.mark.parametrize("model", ["rasch", "2pl"])
def test_the_shape_of_abilities_reaches_the_fit(model: ModelName) -> None:
    rng = cell_rng(0, "test", "calibrate", "free")
    probability = expit(rng.exponential(2, 200)[:, None] - rng.normal(1, 1, 25))
    correct = (rng.random(probability.shape) < probability).astype(np.int8)
    bank = calibrate(named(correct), model, ability="free")
    fit = fit_rasch(correct, ability="free") if model == "rasch" else fit_2pl(correct, ability="free")
    np.testing.assert_array_equal(bank.table["difficulty"].to_numpy(), fit.difficulty)
    assert bank.calibration.log_likelihood > calibrate(named(correct), model).calibration.log_likelihood


def test_an_item_without_responses_is_named() -> None:
    correct = np.array([[1, 0, -1], [0, 1, -1]], dtype=np.int8)
    with pytest.raises(InputError, match="'item 2'"):
        calibrate(named(correct))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_mean_squares_of_conforming_items_average_one(missing: float) -> None:
    difficulty = np.linspace(-1.5, 1.5, 60)
    infit, outfit = [], []
    for repetition in range(8):
        correct = simulate_rasch(250, difficulty, 0.2, 1.0, missing, cell_rng(0, "test", "fit", str(repetition)))
        squares = mean_squares(correct, fit_rasch(correct))
        infit.append(squares.infit_mnsq)
        outfit.append(squares.outfit_mnsq)
    assert np.mean(infit) == pytest.approx(1, abs=0.01)
    assert np.mean(outfit) == pytest.approx(1, abs=0.02)
    assert np.abs(np.mean(infit, axis=0) - 1).max() < 0.12


@pytest.mark.parametrize("ability_sd", [1.0, 4.0])
def test_mean_squares_agree_with_their_definition(ability_sd: float) -> None:
    rng = cell_rng(0, "test", "definition")
    correct = simulate_rasch(30, np.linspace(-1, 1, 6), 0.2, ability_sd, 0.2, rng)
    fit = fit_rasch(correct)
    squares = mean_squares(correct, fit)
    ability = fit.ability_mean + fit.ability_sd * np.linspace(-9, 9, 2001)
    p, q = expit(ability[:, None] - fit.difficulty), expit(fit.difficulty - ability[:, None])
    seen = correct >= 0
    likelihood = np.where(seen[:, None, :], np.where(correct[:, None, :] == 1, p, q), 1).prod(axis=2)
    posterior = likelihood * np.exp(-((ability - fit.ability_mean) ** 2) / (2 * fit.ability_sd**2))
    posterior /= posterior.sum(axis=1, keepdims=True)
    for item in range(6):
        square = np.where(correct[seen[:, item], item, None] == 1, q[:, item], p[:, item]) ** 2
        variance = p[:, item] * q[:, item]
        weight = posterior[seen[:, item]]
        infit = (weight * square).sum() / (weight * variance).sum()
        outfit = (weight * square / variance).sum() / seen[:, item].sum()
        assert squares.infit_mnsq[item] == pytest.approx(infit, rel=1e-6)
        assert squares.outfit_mnsq[item] == pytest.approx(outfit, rel=1e-6)


def test_a_noisy_item_has_large_mean_squares_and_a_sharp_one_small() -> None:
    rng = cell_rng(0, "test", "noise")
    ability = rng.normal(0, 1.5, 400)
    slope = np.array([0.0, 4.0] + [1.0] * 40)
    difficulty = np.concatenate([[0.0, 0.0], np.linspace(-2, 2, 40)])
    probability = 1 / (1 + np.exp(-slope * (ability[:, None] - difficulty)))
    correct = (rng.random(probability.shape) < probability).astype(np.int8)
    infit = mean_squares(correct, fit_rasch(correct)).infit_mnsq
    assert infit[0] > 1.3 > 0.9 > infit[1]
    assert infit.argmax() == 0
    assert infit.argmin() == 1


def test_simulated_responses_have_the_modelled_shares() -> None:
    correct = simulate_rasch(20_000, np.array([-1.0, 0.0, 1.0]), 0.5, 0.0, 0.25, cell_rng(0, "test", "draw"))
    assert correct.dtype == np.int8
    assert np.mean(correct < 0) == pytest.approx(0.25, abs=0.01)
    share = [(correct[:, item] == 1).sum() / (correct[:, item] >= 0).sum() for item in range(3)]
    np.testing.assert_allclose(share, 1 / (1 + np.exp([-1.5, -0.5, 0.5])), atol=0.015)
