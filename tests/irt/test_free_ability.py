from __future__ import annotations

import numpy as np
import pytest

from easyhard.chance import cell_rng
from easyhard.irt import fit_rasch
from easyhard.schema import FloatArray, InputError, IntArray

DIFFICULTY = np.linspace(-2, 2, 30)


def drawn(ability: FloatArray, rng: np.random.Generator) -> IntArray:
    p = 1 / (1 + np.exp(DIFFICULTY - ability[:, None]))
    correct = (rng.random(p.shape) < p).astype(np.int8)
    correct[rng.random(p.shape) < 0.4] = -1
    return correct


def test_a_free_distribution_finds_two_peaks_and_fits_better() -> None:
    rng = cell_rng(0, "test", "two peaks")
    ability = rng.choice([-1.6, 1.6], 500) + rng.normal(0, 0.3, 500)
    correct = drawn(ability, rng)
    normal, free = fit_rasch(correct), fit_rasch(correct, ability="free")
    assert free.converged
    assert free.log_likelihood > normal.log_likelihood + 10
    assert free.difficulty.mean() == pytest.approx(0, abs=1e-9)
    assert free.ability_sd == pytest.approx(ability.std(), abs=0.1)
    middle, peak = free.populations[0].log_density(np.array([0.0, 1.6]))
    assert peak - middle > 1


def test_for_a_normal_population_free_and_normal_agree() -> None:
    rng = cell_rng(0, "test", "normal")
    correct = drawn(rng.normal(0, 1, 500), rng)
    normal, free = fit_rasch(correct), fit_rasch(correct, ability="free")
    assert np.abs(free.difficulty - normal.difficulty).max() < 0.3 * normal.standard_error.mean()
    np.testing.assert_allclose(free.standard_error, normal.standard_error, rtol=0.03)
    assert free.log_likelihood >= normal.log_likelihood - 1


def test_skewed_abilities_do_not_bias_difficulties_when_the_distribution_is_free() -> None:
    z = []
    for repetition in range(6):
        rng = cell_rng(repetition, "test", "skew")
        fit = fit_rasch(drawn((rng.chisquare(2, 400) - 2) * 0.75, rng), ability="free")
        z.append((fit.difficulty - DIFFICULTY) / fit.standard_error)
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.05)  # 180 errors: three standard errors
    assert np.abs(np.mean(z, axis=0)).mean() < 0.6  # of six: 0.33 expected without bias


def test_a_free_distribution_is_for_one_population_without_anchors() -> None:
    rng = cell_rng(0, "test", "refused")
    correct = drawn(rng.normal(0, 1, 50), rng)
    with pytest.raises(InputError, match="one population and no anchors"):
        fit_rasch(correct, ability="free", population=np.arange(50) % 2)
    with pytest.raises(InputError, match="one population and no anchors"):
        fit_rasch(correct, ability="free", anchor=np.append(np.full(29, np.nan), 0.0))
