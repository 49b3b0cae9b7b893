from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import Population, fit_2pl, fit_rasch, normal_population
from easyhard.irt.free_ability import unit_covariance
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


def test_skewed_abilities_do_not_bias_a_2pl_fit_whose_distribution_is_free() -> None:
    errors: dict[str, list[FloatArray]] = {"normal": [], "free": []}
    for repetition in range(3):
        rng = cell_rng(repetition, "test", "skew", "2pl")
        slope, ability = rng.lognormal(0, 0.3, len(DIFFICULTY)), rng.exponential(size=1500) - 1
        p = 1 / (1 + np.exp(slope * (DIFFICULTY - ability[:, None])))
        correct = (rng.random(p.shape) < p).astype(np.int8)
        for shape in errors:
            fit = fit_2pl(correct, ability="free" if shape == "free" else "normal")
            assert fit.converged
            assert (fit.ability_mean, fit.ability_sd) == pytest.approx((0, 1), abs=1e-9)
            errors[shape] += [(fit.difficulty - DIFFICULTY) / fit.standard_error]
            errors[shape] += [(fit.discrimination - slope) / fit.discrimination_error]
    within = {shape: np.mean(np.abs(z) < 1.96) for shape, z in errors.items()}
    assert within["free"] == pytest.approx(0.95, abs=0.05)  # 180 errors: three standard errors
    assert within["normal"] < 0.85  # what there was to mend


def test_for_a_normal_population_free_and_normal_2pl_agree_whatever_way_the_items_point() -> None:
    rng = cell_rng(0, "test", "normal", "2pl")
    correct = drawn(rng.normal(0, 1, 600), rng)
    correct[:, 0] = np.where(correct[:, 0] == -1, -1, 1 - correct[:, 0])
    normal = fit_2pl(correct, log_discrimination_sd=None)
    free = fit_2pl(correct, log_discrimination_sd=None, ability="free")
    assert free.converged
    assert free.discrimination[0] < 0
    assert np.abs((free.discrimination - normal.discrimination) / normal.discrimination_error).max() < 0.6
    assert np.abs((free.difficulty - normal.difficulty) / normal.standard_error).max() < 0.6


def test_the_tail_of_a_skewed_shape_does_not_bias_the_unit_of_the_scale() -> None:
    off = []
    for repetition in range(3):
        rng = cell_rng(repetition, "test", "unit of the scale")
        slope, difficulty, ability = rng.lognormal(0, 0.3, 60), rng.normal(0, 1.3, 60), rng.exponential(size=1000) - 1
        p = 1 / (1 + np.exp(slope * (difficulty - ability[:, None])))
        fit = fit_2pl((rng.random(p.shape) < p).astype(np.int8), ability="free")
        weight = (slope / fit.discrimination_error) ** 2
        off.append(np.average(np.log(fit.discrimination / slope), weights=weight) - np.log(ability.std()))
    assert np.mean(off) == pytest.approx(0, abs=0.03)  # a range of 5 sds in steps of 0.4 made it 0.059 too low


def test_a_free_distribution_counts_its_weights_among_the_parameters() -> None:
    rng = cell_rng(0, "test", "count")
    correct = drawn(rng.choice([-1.6, 1.6], 400) + rng.normal(0, 0.3, 400), rng)
    for fit, of_items, of_scale in (
        (fit_rasch(correct, ability="free"), 30, 1),  # the mean of the abilities
        (fit_2pl(correct, ability="free"), 60, 2),  # and their standard deviation
    ):
        n_positive = int((fit.populations[0].weight > 1e-9).sum())
        assert n_positive > 3
        assert fit.n_parameters == of_items + n_positive - 1 - of_scale
    assert fit_rasch(correct).n_parameters == 31
    assert fit_2pl(correct).n_parameters == 60


def test_what_a_sample_leaves_open_of_the_scale_is_nothing_for_a_normal_shape_and_much_for_a_skewed_one() -> None:
    np.testing.assert_allclose(unit_covariance(normal_population(0.4, 1.3), 50), 0, atol=1e-12)
    skewed = Population(np.array([-0.6, 0.2, 1.5]), np.array([0.3, 0.5, 0.9]), np.array([0.6, 0.2, 0.2]))
    lacking = unit_covariance(skewed, 1)
    assert np.linalg.eigvalsh(lacking).min() > 0  # no estimate is better than the best
    assert lacking[1, 1] > 0.3  # the log sd of a normal sample alone has 0.5
    np.testing.assert_allclose(unit_covariance(skewed.moved(2), 4), lacking / 4)


def test_a_free_distribution_is_for_one_population_without_anchors() -> None:
    rng = cell_rng(0, "test", "refused")
    correct = drawn(rng.normal(0, 1, 50), rng)
    with pytest.raises(InputError, match="one population and no anchors"):
        fit_rasch(correct, ability="free", population=np.arange(50) % 2)
    with pytest.raises(InputError, match="one population and no anchors"):
        fit_2pl(correct, ability="free", population=np.arange(50) % 2)
    with pytest.raises(InputError, match="one population and no anchors"):
        fit_rasch(correct, ability="free", anchor=np.append(np.full(29, np.nan), 0.0))


def test_small_weights_are_not_lost_to_rounding() -> None:
    """A sample, one of the coverage tables', whose weights came out far from the likeliest."""
    rng = cell_rng(6, "rasch", "skewed", "0.5", "2000", "500")
    difficulty = rng.normal(0, 1.3, 500)
    probability = expit(np.subtract.outer(rng.exponential(size=2000) - 1, difficulty))
    correct = (rng.random(probability.shape) < probability).astype(np.int8)
    correct[rng.random(correct.shape) < 0.5] = -1
    fit = fit_rasch(correct, ability="free")
    assert fit.converged
    assert fit.ability_sd == pytest.approx(1, abs=0.06)
    assert fit.log_likelihood > fit_rasch(correct).log_likelihood + 500
