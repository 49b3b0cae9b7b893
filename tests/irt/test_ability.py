from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit

from easyhard.chance import cell_rng
from easyhard.irt import ItemModel, estimate_ability, normal_population
from easyhard.irt.ability import AbilityMethod
from easyhard.schema import InputError, IntArray


def known_model(difficulty: list[float], discrimination: list[float] | None = None) -> ItemModel:
    """A model that nobody had to fit: ability normal(0.5, 1.2)."""
    n = len(difficulty)
    return ItemModel(
        name="2pl",
        difficulty=np.array(difficulty),
        standard_error=np.full(n, 0.1),
        discrimination=np.ones(n) if discrimination is None else np.array(discrimination),
        discrimination_error=np.zeros(n),
        populations=(normal_population(0.5, 1.2),),
        log_likelihood=0.0,
        n_parameters=n,
        iterations=1,
        converged=True,
        convergence="Known.",
    )


def drawn(model: ItemModel, n_respondents: int, name: str) -> tuple[IntArray, np.ndarray]:
    rng = cell_rng(0, "test", "ability", name)
    ability = rng.normal(0.5, 1.2, n_respondents)
    correct = (rng.random((n_respondents, len(model.difficulty))) < model.probability(ability)).astype(np.int8)
    correct[rng.random(correct.shape) < 0.2] = -1
    return correct, ability


@pytest.mark.parametrize("method", get_args(AbilityMethod))
def test_intervals_cover_the_truth(method: AbilityMethod) -> None:
    model = known_model(list(np.linspace(-3, 3, 60)), list(np.linspace(0.7, 1.5, 60)))
    correct, ability = drawn(model, 1500, method)
    found = estimate_ability(correct, model, method)
    finite = np.isfinite(found.estimate)
    z = (ability - found.estimate)[finite] / found.standard_error[finite]
    assert len(z) > 1480
    assert np.mean(z) == pytest.approx(0, abs=0.09)  # three standard errors, and the bias of maximum likelihood
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.02)  # three standard errors


def test_weighted_likelihood_is_less_biased_than_either_other() -> None:
    model = known_model(list(np.linspace(-2, 2, 12)))
    rng = cell_rng(0, "test", "bias")
    at = np.full(6000, 1.8)
    correct = (rng.random((6000, 12)) < model.probability(at)).astype(np.int8)
    correct = correct[correct.sum(axis=1) < 12]  # where maximum likelihood is finite
    bias = {m: abs(estimate_ability(correct, model, m).estimate.mean() - 1.8) for m in get_args(AbilityMethod)}
    everybody = (rng.random((6000, 12)) < model.probability(at)).astype(np.int8)
    assert abs(estimate_ability(everybody, model, "wle").estimate.mean() - 1.8) < 0.1
    assert abs(estimate_ability(everybody, model, "eap").estimate.mean() - 1.8) > 0.2
    assert bias["eap"] > 0.2


def test_maximum_likelihood_maximises_the_likelihood() -> None:
    model = known_model([-1.0, 0.0, 0.5, 2.0], [0.8, 1.0, 1.7, 1.2])
    correct = np.array([[1, 1, 0, 0], [1, 0, 1, -1]], dtype=np.int8)
    found = estimate_ability(correct, model, "mle")
    for row, estimate, error in zip(correct, found.estimate, found.standard_error, strict=True):
        seen = row >= 0
        sign = np.where(row == 1, 1, -1)[seen]

        def loss(ability: float, seen: np.ndarray = seen, sign: np.ndarray = sign) -> float:
            return -float(log_expit(sign * model.discrimination[seen] * (ability - model.difficulty[seen])).sum())

        assert estimate == pytest.approx(minimize_scalar(loss, bounds=(-6, 6), method="bounded").x, abs=1e-4)
        p = expit(model.discrimination[seen] * (estimate - model.difficulty[seen]))
        assert error == pytest.approx((model.discrimination[seen] ** 2 * p * (1 - p)).sum() ** -0.5)


def test_respondents_with_all_none_or_no_responses() -> None:
    model = known_model([-0.5, 0.5])
    correct = np.array([[1, 1], [0, 0], [-1, -1]], dtype=np.int8)
    eap, mle, wle = (estimate_ability(correct, model, m) for m in get_args(AbilityMethod))
    assert eap.estimate[2] == pytest.approx(0.5) and eap.standard_error[2] == pytest.approx(1.2)
    assert eap.estimate[0] > 0.5 > eap.estimate[1]
    assert np.isfinite(wle.estimate[:2]).all() and wle.estimate[0] == pytest.approx(-wle.estimate[1])
    assert mle.estimate[0] == np.inf and mle.estimate[1] == -np.inf
    assert np.isinf(mle.standard_error[:2]).all()
    assert np.isnan([wle.estimate[2], wle.standard_error[2], mle.estimate[2], mle.standard_error[2]]).all()


def test_one_column_for_every_item() -> None:
    with pytest.raises(InputError, match="correct has 2 items, the model 3"):
        estimate_ability(np.ones((1, 2), dtype=np.int8), known_model([0.0, 0.0, 0.0]))


def test_moving_the_scale_moves_the_estimates() -> None:
    model = known_model([-1.0, 0.0, 1.0])
    correct = np.array([[1, 1, 0], [1, 0, 0]], dtype=np.int8)
    moved = replace(model, difficulty=model.difficulty + 2, populations=(model.populations[0].moved(2),))
    for method in get_args(AbilityMethod):
        here, there = estimate_ability(correct, model, method), estimate_ability(correct, moved, method)
        np.testing.assert_allclose(there.estimate, here.estimate + 2, atol=1e-7)
        np.testing.assert_allclose(there.standard_error, here.standard_error, rtol=1e-7)
