from __future__ import annotations

import numpy as np
import pytest
from made_up_responses import draw
from scipy.stats import binom, norm

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.rest import rest_blocks
from easyhard.irt.diagnostics.saddlepoint import sum_z
from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray, IntArray


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_prediction_is_that_of_the_posterior_without_the_response(missing: float) -> None:
    correct = draw(f"rest {missing}", 80, 12, missing, spread=0.3)
    for model in (fit_rasch(correct), fit_2pl(correct)):
        (block,) = rest_blocks(correct, model, posterior_of(correct, model))
        for place, item in enumerate(block.items):
            for half in (slice(0, 40), slice(40, 80)):
                without = correct.copy()
                without[half, item] = -1
                rest = posterior_of(without, model)
                expected = (rest.weight @ model.probability(rest.ability)[:, item])[half]
                seen = correct[half, item] >= 0
                np.testing.assert_allclose(block.predicted[half, place][seen], expected[seen], atol=1e-9)


def test_gains_say_what_the_posterior_mean_would_be_under_the_other_response() -> None:
    correct = draw("gain", 60, 10)
    model = fit_rasch(correct)
    (block,) = rest_blocks(correct, model, posterior_of(correct, model))
    item = 4
    other = correct.copy()
    other[:, item] = 1 - other[:, item]
    means = [score_of(responses, model, item) for responses in (correct, other)]
    expected = (means[0] - means[1]) / (2.0 * correct[:, item] - 1)
    np.testing.assert_allclose(block.own[0][:, item], expected, atol=1e-8)


def score_of(correct: IntArray, model: ItemModel, item: int) -> FloatArray:
    """Posterior mean of response less probability: the score of the difficulty, but for its sign."""
    posterior = posterior_of(correct, model)
    return np.asarray(correct[:, item] - posterior.weight @ model.probability(posterior.ability)[:, item])


def test_what_is_free_of_the_own_scores_is_uncorrelated_with_them() -> None:
    correct = draw("free", 100, 15, 0.1, spread=0.3)
    model = fit_2pl(correct)
    (block,) = rest_blocks(correct, model, posterior_of(correct, model))
    gain = block.free_of_own(np.where(block.seen, 1 / np.maximum(block.variance, 0.01), 0.0))
    assert np.abs(np.einsum("ji,pji,ji->pi", gain, block.own, block.variance)).max() < 1e-8


# Saddlepoint


def test_the_deviate_of_a_sum_of_coins_is_standard_normal_however_skewed() -> None:
    rng = cell_rng(0, "test saddlepoint")
    predicted = np.tile(np.concatenate([np.full(60, 0.5), rng.uniform(0.003, 0.2, 40)])[:, None], 20_000)
    gain = 1 / (predicted * (1 - predicted)) ** 0.75  # rare successes dominate: the skewness is 1
    z = sum_z(gain, rng.random(predicted.shape) < predicted, predicted)
    assert z.mean() == pytest.approx(0, abs=0.03)
    assert z.std() == pytest.approx(1, abs=0.03)
    for level in (0.05, 0.005, 0.001):  # standard errors 3%, 10%, 22%
        assert np.mean(z > norm.isf(level)) == pytest.approx(level, rel=0.35)
        assert np.mean(z < norm.ppf(level)) == pytest.approx(level, rel=0.35)


def test_the_deviate_is_that_of_the_exact_distribution_in_the_tail() -> None:
    n, p = 40, 0.1
    successes = np.arange(5, 14)
    right = np.arange(n)[:, None] < successes
    z = sum_z(np.ones(right.shape), right, np.full(right.shape, p))
    # Half of the probability of the value itself counts, as befits a deviate of both tails.
    middle = 0.5 * (binom.sf(successes - 1, n, p) + binom.sf(successes, n, p))
    np.testing.assert_allclose(norm.sf(z), middle, rtol=0.2)


def test_a_sum_at_the_end_of_its_range_or_without_variance_has_a_finite_deviate_or_none() -> None:
    predicted = np.full((30, 3), 0.5)
    gain = np.ones((30, 3))
    gain[:, 2] = 0
    right = np.zeros((30, 3), dtype=bool)
    right[:, 0] = True
    z = sum_z(gain, right, predicted)
    assert 5 < z[0] < 8
    assert z[1] == pytest.approx(-z[0])
    assert np.isnan(z[2])
