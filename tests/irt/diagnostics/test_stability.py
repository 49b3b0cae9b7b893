from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.bins import make_bins
from easyhard.chance import cell_rng
from easyhard.irt import fit_rasch, simulate_rasch
from easyhard.irt.calibration import calibrate
from easyhard.irt.diagnostics.agreement import agreement, bins_of_ranks, mean_agreement, ranks
from easyhard.irt.diagnostics.stability import split_half, stability_curve
from easyhard.irt.diagnostics.stability_plan import plan_stability
from easyhard.irt.diagnostics.stability_prediction import bin_probabilities, predict_stability
from easyhard.schema import FloatArray, InputError, IntArray, Responses


def simulated(name: str, n_respondents: int, n_items: int, missing: float = 0.0) -> tuple[IntArray, FloatArray]:
    rng = cell_rng(0, "test stability", name)
    difficulty = rng.normal(0, 1.2, n_items)
    return simulate_rasch(n_respondents, difficulty, 0.5, 1.0, missing, rng), difficulty


# Recovery: what is predicted comes true


@pytest.mark.parametrize(("known", "asked"), [(60, 60), (60, 600), (400, 40)])
def test_the_prediction_for_other_numbers_of_respondents_comes_true(known: int, asked: int) -> None:
    predicted, right, came, came_right = [], [], [], []
    for repeat in range(8):
        name = f"prediction {known} {asked} {repeat}"
        difficulty = cell_rng(0, name).normal(0, 1.2, 100)
        draw = cell_rng(1, name)
        seen, one, other = (
            fit_rasch(simulate_rasch(n, difficulty, 0.5, 1.0, 0.0, draw)) for n in (known, asked, asked)
        )
        prediction = predict_stability(seen, known)
        predicted.append(prediction.at(asked))
        right.append(prediction.right_bin(asked))
        came.append(agreement(one.difficulty, other.difficulty, 10, draw))
        came_right.append(agreement(one.difficulty, difficulty, 10, draw).same_bin)
    expected, realised = mean_agreement(predicted), mean_agreement(came)
    assert expected.same_bin == pytest.approx(realised.same_bin, abs=0.05)  # sd of the mean about 0.02
    assert np.mean(right) == pytest.approx(np.mean(came_right), abs=0.05)
    assert expected.spearman == pytest.approx(realised.spearman, abs=0.02)
    assert expected.rank_move == pytest.approx(realised.rank_move, rel=0.12)


def test_the_measured_curve_agrees_with_the_prediction_at_every_size() -> None:
    tables = [stability_curve(simulated(f"curve {repeat}", 160, 80)[0], repeats=5).frame() for repeat in range(4)]
    assert tables[0]["n_respondents"].to_list() == [10, 20, 40, 80, 160]
    assert tables[0]["independent"].to_list() == [True] * 4 + [False]
    for measure, tolerance in (("same_bin", 0.04), ("spearman", 0.03)):
        measured = np.mean([table[measure] for table in tables], axis=0)
        predicted = np.mean([table[f"predicted_{measure}"] for table in tables], axis=0)
        np.testing.assert_allclose(measured, predicted, atol=tolerance)
    assert (np.diff(np.mean([table["predicted_same_bin"] for table in tables], axis=0)) > 0).all()


def test_the_respondents_needed_are_those_with_whom_the_target_is_met() -> None:
    correct, _ = simulated("needed", 150, 90)
    prediction = predict_stability(fit_rasch(correct), 150)
    needed = prediction.respondents_needed(0.8)
    assert needed is not None
    assert prediction.at(needed).same_bin == pytest.approx(0.8, abs=0.01)
    assert (prediction.respondents_needed(0.8, "right_bin") or 0) < needed
    assert prediction.respondents_needed(0.999999) is None
    assert f"About {round(needed, -2):,} respondents are needed for 80% of the items" in prediction.reading()


def test_reliability_follows_spearman_and_brown() -> None:
    correct, _ = simulated("reliability", 100, 60)
    prediction = predict_stability(fit_rasch(correct), 100)
    once, twice = prediction.reliability(100), prediction.reliability(200)
    assert twice == pytest.approx(2 * once / (1 + once))
    assert prediction.reliability(prediction.half_error) == pytest.approx(0.5)


def test_probabilities_of_bins_say_how_often_an_item_is_in_its_bin() -> None:
    claimed, kept = [], []
    for repeat in range(10):
        correct, difficulty = simulated(f"bins {repeat}", 150, 100)
        model = fit_rasch(correct)
        probability = bin_probabilities(model.difficulty, model.standard_error, draws=200)
        np.testing.assert_allclose(probability.sum(axis=1), 1)
        own = bins_of_ranks(ranks(model.difficulty), 10)
        claimed.append(probability[np.arange(100), own].mean())
        kept.append((own == bins_of_ranks(ranks(difficulty), 10)).mean())
    assert np.mean(claimed) == pytest.approx(np.mean(kept), abs=0.04)


def test_a_plan_foretells_what_a_calibration_then_finds() -> None:
    plan = plan_stability(120, 80, difficulty_sd=1.2, ability_sd=1.0, ability_mean=0.5, repeats=10)
    tables = [stability_curve(simulated(f"plan {repeat}", 240, 80)[0], sizes=[120], repeats=5) for repeat in range(5)]
    assert plan.same_bin.mean() == pytest.approx(np.mean([one.same_bin for one in tables]), abs=0.05)
    assert plan.prediction.at(120).same_bin == pytest.approx(plan.same_bin.mean(), abs=0.04)
    assert plan.prediction.right_bin(120) == pytest.approx(plan.right_bin.mean(), abs=0.04)
    assert plan.frame().height == 10
    assert "With 120 respondents" in plan.reading()


# Recovery: respondents who are relatives


def test_halves_by_group_tell_how_much_less_relatives_are_worth() -> None:
    correct, _ = simulated("families", 60, 60)
    family = np.repeat(np.arange(60), 4)
    copies = np.repeat(correct, 4, axis=0)  # every respondent four times
    apart, mixed = split_half(copies, group=family, seed=1), split_half(copies, seed=1)
    assert np.mean(apart.error_ratio) == pytest.approx(4, rel=0.15)
    assert np.mean(mixed.error_ratio) < 3
    assert np.mean(apart.same_bin) < np.mean(mixed.same_bin) - 0.05
    assert "worth" in apart.reading()
    honest = split_half(simulated("no families", 240, 60)[0])
    assert np.mean(honest.error_ratio) == pytest.approx(1, abs=0.25)
    assert "worth" not in honest.reading()


# Invariance


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_agreement_depends_on_the_order_alone(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    # Apart by 0.05 at least: what lies within a millionth after scaling counts as tied, which is not order alone.
    one, other = (rng.permutation(40) / 10 - 2 + rng.uniform(0, 0.05, 40) for _ in range(2))
    order = rng.permutation(40)
    usual = agreement(one, other, 5, rng)
    assert agreement(scale * one + shift, other**3 + other, 5, rng) == usual
    assert agreement(one[order], other[order], 5, rng) == usual


def test_ties_do_not_pass_for_agreement() -> None:
    rng = cell_rng(0, "test stability", "ties")
    level = np.repeat([0.0, 1.0], 500)  # two difficulties, ten bins
    found = mean_agreement([agreement(level, level, 10, rng) for _ in range(20)])
    assert found.same_bin == pytest.approx(0.2, abs=0.02)
    assert found.spearman == pytest.approx(1.0)


def test_bins_are_those_that_make_bins_cuts() -> None:
    correct, _ = simulated("make bins", 600, 47)
    names = tuple(f"item {number}" for number in range(47))
    bank = calibrate(Responses(correct, tuple(f"model {number}" for number in range(600)), names))
    table = make_bins(bank, count=10, held_out=0.0).table
    own = bins_of_ranks(ranks(bank.table["difficulty"].to_numpy()), 10)
    assert dict(zip(names, own.tolist(), strict=True)) == dict(zip(table["item"], table["bin"], strict=True))


# Edge


def test_items_that_nobody_in_a_sample_saw_are_left_out() -> None:
    correct, _ = simulated("holes", 60, 30, missing=0.7)
    curve = stability_curve(correct, sizes=[6, 30], count=4, repeats=2)
    assert np.isfinite(curve.same_bin).all()
    assert "60 respondents" in curve.reading()


def test_samples_in_which_nothing_varies_are_null() -> None:
    correct = np.ones((40, 12), dtype=np.int8)
    correct[:2, :6] = 0
    table = stability_curve(correct, sizes=[2, 40], count=3, repeats=2).frame()
    assert table["same_bin"][0] is None


def test_impossible_requests_are_errors() -> None:
    correct, _ = simulated("errors", 40, 12)
    with pytest.raises(InputError, match="count is 20 for 12 items"):
        stability_curve(correct, count=20)
    with pytest.raises(InputError, match=r"sizes \[10, 50\] cannot all be drawn from 40"):
        stability_curve(correct, sizes=[50, 10])
    with pytest.raises(InputError, match="3 respondents cannot be halved"):
        split_half(correct[:3])
    with pytest.raises(InputError, match="1 names for 40 respondents"):
        split_half(correct, group=["a"] * 40)
    with pytest.raises(InputError, match="cannot be simulated"):
        plan_stability(30, 20, difficulty_sd=0.0)
    with pytest.raises(InputError, match="cannot be looked for"):
        predict_stability(fit_rasch(correct), 40).respondents_needed(1.2)
    with pytest.raises(InputError, match="no finite difficulty"):
        bin_probabilities(np.array([0.0, np.nan]), np.ones(2), 2)
