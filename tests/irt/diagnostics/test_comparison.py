from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch
from easyhard.irt.diagnostics.comparison import ModelComparison, compare_models
from easyhard.irt.diagnostics.held_out import held_out_loss, mean_error, response_folds
from easyhard.schema import FloatArray, InputError, IntArray


def simulated(name: str, n_respondents: int, discrimination: FloatArray, difficulty: FloatArray) -> IntArray:
    rng = cell_rng(0, "test comparison", name)
    log_odds = discrimination * (rng.normal(0, 1, n_respondents)[:, None] - difficulty)
    correct: IntArray = (rng.random(log_odds.shape) < expit(log_odds)).astype(np.int8)
    return correct


def alike(name: str, n_respondents: int = 150, n_items: int = 16) -> IntArray:
    """Responses to items that discriminate alike."""
    return simulated(name, n_respondents, np.ones(n_items), np.linspace(-1.5, 1.5, n_items))


def unlike(name: str) -> IntArray:
    """Responses to items of which every other one hardly discriminates."""
    return simulated(name, 400, np.where(np.arange(20) % 2, 0.4, 2.0), np.linspace(-1.5, 1.5, 20))


@pytest.fixture(scope="module")
def on_unlike() -> ModelComparison:
    return compare_models(unlike("unlike"))


# Recovery


def test_everything_chooses_2pl_where_discriminations_differ(on_unlike: ModelComparison) -> None:
    assert on_unlike.loss_saved > 4 * on_unlike.loss_saved_error
    assert on_unlike.p_value < 1e-6
    assert on_unlike.degrees_of_freedom == 19
    assert on_unlike.aic[1] < on_unlike.aic[0]
    assert on_unlike.bic[1] < on_unlike.bic[0]
    assert on_unlike.log_loss[0] - on_unlike.log_loss[1] == pytest.approx(on_unlike.loss_saved)
    assert "2PL predicts held-out responses better than Rasch" in on_unlike.reading()
    assert "AIC and BIC choose 2PL" in on_unlike.reading()


def test_rasch_is_chosen_and_predicts_no_worse_where_they_do_not() -> None:
    runs = [compare_models(alike(f"alike {repeat}"), folds=3) for repeat in range(4)]
    assert np.mean([one.loss_saved for one in runs]) < 0
    assert sum(one.bic[0] < one.bic[1] for one in runs) == 4
    assert "2PL predicts" not in runs[0].reading()


def test_likelihood_ratios_follow_chi_squared_where_discriminations_are_alike() -> None:
    p_value = []
    for repeat in range(30):
        correct = alike(f"chi squared {repeat}", 300, 10)
        rasch, two = fit_rasch(correct), fit_2pl(correct)
        ratio = 2 * (two.log_likelihood - rasch.log_likelihood)
        p_value.append(stats.chi2.sf(ratio, two.n_parameters - rasch.n_parameters))
    assert stats.kstest(p_value, "uniform").pvalue > 0.01


def test_items_of_low_discrimination_move_outwards_under_2pl(on_unlike: ModelComparison) -> None:
    table = on_unlike.frame()
    flat = table["discrimination"].to_numpy() < 1
    outwards = np.abs(table["bin_2pl"].to_numpy() - 4.5) - np.abs(table["bin_rasch"].to_numpy() - 4.5)
    assert outwards[flat].mean() > 0.3
    assert outwards[~flat].mean() < -0.3
    assert table["moved"].sum() == on_unlike.moved.sum() > 4
    assert f"{on_unlike.moved.mean():.0%} of 20 items change bins" in on_unlike.reading()


def test_standard_error_of_a_mean_counts_respondents_and_items_as_samples() -> None:
    rng = cell_rng(0, "test comparison", "mean error")
    means, errors = [], []
    for _ in range(300):
        values = rng.normal(0, 1, (40, 1)) + rng.normal(0, 1, (1, 25)) + rng.normal(0, 1, (40, 25))
        counted = rng.random(values.shape) < 0.8
        means.append(values[counted].mean())
        errors.append(mean_error(values, counted))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.12)


# Invariance


def test_a_response_has_no_part_in_its_own_prediction() -> None:
    correct = alike("leak", 60, 8)
    fold = response_folds(correct, 3, seed=0)
    turned = np.where(fold == 1, 1 - correct, correct).astype(np.int8)
    for fit in (fit_rasch, fit_2pl):
        loss, other = (held_out_loss(data, fit, fold) for data in (correct, turned))
        np.testing.assert_allclose(np.exp(-loss[fold == 1]) + np.exp(-other[fold == 1]), 1, atol=1e-9)


def test_folds_take_equal_parts_of_items_and_respondents_and_nothing_missing() -> None:
    correct = alike("folds", 62, 17)
    fold = response_folds(correct, 5, seed=3)
    for sizes in (np.apply_along_axis(np.bincount, axis, fold, minlength=5) for axis in (0, 1)):
        assert np.ptp(sizes, axis=sizes.shape.index(5)).max() <= 1
    np.testing.assert_array_equal(fold, response_folds(correct, 5, seed=3))
    assert (fold != response_folds(correct, 5, seed=4)).any()
    correct[:31, 2] = -1
    correct[1:, 5] = -1
    holes = response_folds(correct, 5, seed=3)
    assert (holes[:31, 2] == -1).all()
    assert (holes[:, 5] == -1).all()  # its one response cannot be predicted from others
    assert (holes[31:, 2] == fold[31:, 2]).all()


# Edge


def test_missing_responses_are_neither_fitted_nor_predicted() -> None:
    correct = alike("holes", 80, 10)
    correct[cell_rng(0, "holes").random(correct.shape) < 0.2] = -1
    one = compare_models(correct, count=5, folds=2)
    assert one.n_responses == (correct >= 0).sum()
    assert 0.3 < one.log_loss[0] < 0.8
    assert one.criteria()["model"].to_list() == ["rasch", "2pl"]


def test_impossible_bins_and_folds_are_errors() -> None:
    correct = alike("errors", 40, 6)
    with pytest.raises(InputError, match="count is 10 for 6 items"):
        compare_models(correct)
    with pytest.raises(InputError, match="folds is 1"):
        compare_models(correct, count=3, folds=1)
