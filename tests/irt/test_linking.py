from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from marginal_reference import log_likelihood
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import t

from easyhard.chance import cell_rng
from easyhard.irt import (
    ItemModel,
    ModelName,
    calibrate,
    fit_2pl,
    fit_rasch,
    islands,
    link_banks,
    simulate_rasch,
)
from easyhard.schema import FloatArray, InputError, IntArray, ItemBank, Responses

TRUE = cell_rng(0, "test", "linking").normal(0, 1.2, 60)
MODELS: tuple[ModelName, ...] = ("rasch", "2pl")
SLOPE = cell_rng(0, "test", "linking", "slopes").lognormal(0, 0.3, 60)


def named(correct: IntArray, first: int = 0) -> Responses:
    n_respondents, n_items = correct.shape
    respondents = tuple(f"model {row}" for row in range(n_respondents))
    return Responses(correct, respondents, tuple(f"item {first + column}" for column in range(n_items)))


def drawn(low: int, high: int, ability_mean: float, seed: int, drift: FloatArray | float = 0.0) -> Responses:
    difficulty = (TRUE + drift)[low:high]
    return named(simulate_rasch(600, difficulty, ability_mean, 1.0, 0.05, cell_rng(seed, "test", "link")), low)


@dataclass(frozen=True)
class Calibrated:
    """A 2PL bank of some of the items, and the abilities of those who answered."""

    bank: ItemBank
    ability: FloatArray


def drawn_2pl(items: slice, mean: float, sd: float, n: int, seed: int) -> tuple[Responses, FloatArray]:
    rng = cell_rng(seed, "test", "link 2pl")
    ability = rng.normal(mean, sd, n)
    p = expit(SLOPE[items] * (ability[:, None] - TRUE[items]))
    return named((rng.random(p.shape) < p).astype(np.int8), items.start), ability


def bank_2pl(items: slice, mean: float, sd: float, n: int, seed: int) -> Calibrated:
    responses, ability = drawn_2pl(items, mean, sd, n, seed)
    return Calibrated(calibrate(responses, model="2pl"), ability)


def difficulty_of(bank: ItemBank) -> FloatArray:
    return bank.table["difficulty"].to_numpy()


def test_two_calibrations_come_to_one_scale_by_their_shared_items() -> None:
    old, new = calibrate(drawn(0, 40, 0.0, 0)), calibrate(drawn(20, 60, 0.8, 1))
    link = link_banks(new, old)
    truth = TRUE[20:60] - TRUE[:40].mean()
    assert not link.drifted.any() and link.slope == 1
    error = link.difficulty(difficulty_of(new)) - truth
    assert abs(error.mean()) < 3 * link.shift_error + 3 * 0.03  # the old scale's own error at 40 items
    assert "20 shared items; 0 others" in link.reading()
    assert link.frame()["item"].to_list() == sorted(f"item {k}" for k in range(20, 40))


def test_items_that_changed_are_found_and_do_not_bend_the_link() -> None:
    drift = np.zeros(60)
    drift[20:26] = 1.5
    clean = link_banks(calibrate(drawn(20, 60, 0.8, 1)), calibrate(drawn(0, 40, 0.0, 0)))
    link = link_banks(calibrate(drawn(20, 60, 0.8, 1, drift)), calibrate(drawn(0, 40, 0.0, 0)))
    assert {f"item {k}" for k in range(20, 26)} <= set(link.frame().filter("drifted")["item"])
    assert link.drifted.sum() <= 7
    assert link.shift - clean.shift == pytest.approx(drift[20:60].mean(), abs=0.12)  # the new mean moved by this


def test_false_drift_is_rare() -> None:
    found = [
        link_banks(calibrate(drawn(20, 60, 0.3, 2 * k + 10)), calibrate(drawn(0, 40, 0.0, 2 * k + 11))).drifted.any()
        for k in range(20)
    ]
    assert sum(found) <= 4  # any at all, at a false discovery rate of 5%: 1 of 20 expected


def test_2pl_scales_are_linked_by_their_curves() -> None:
    new, old = bank_2pl(slice(20, 60), 0.7, 1.4, 1500, 0), bank_2pl(slice(0, 40), 0.0, 1.0, 1500, 1)
    link = link_banks(new.bank, old.bank)
    assert link.slope == pytest.approx(1.4, abs=0.12)
    assert link.shift == pytest.approx(0.7, abs=0.12)
    low, high = link.slope_interval
    assert f"a factor of {link.slope:.3f} (95% interval {low:.3f} to {high:.3f})" in link.reading()
    assert 3 < link.degrees <= 19  # of 20 items, some of which tell more than others
    assert high - link.slope == pytest.approx(t.ppf(0.975, link.degrees) * link.slope_error)
    # The line by the means and sds of the difficulties (Marco 1977), here of items that differ little by error.
    shared = [one.bank.table["difficulty"].to_numpy() for one in (new, old)]
    shared = [shared[0][:20], shared[1][20:]]
    by_moments = shared[1].std() / shared[0].std()
    assert link.slope == pytest.approx(by_moments, abs=0.1)
    assert link.shift == pytest.approx(shared[1].mean() - by_moments * shared[0].mean(), abs=0.1)


def test_a_2pl_link_is_within_its_standard_errors_of_the_line_between_the_two_samples() -> None:
    z = []
    for repetition in range(12):
        new = bank_2pl(slice(20, 60), 0.6, 1.3, 500, 2 * repetition)
        old = bank_2pl(slice(0, 40), 0.0, 1.0, 500, 2 * repetition + 1)
        link = link_banks(new.bank, old.bank)
        slope = new.ability.std() / old.ability.std()  # a bank's unit is the spread of those that calibrated it
        shift = (new.ability.mean() - old.ability.mean()) / old.ability.std()
        z.append(((link.slope - slope) / link.slope_error, (link.shift - shift) / link.shift_error))
    assert np.mean(np.abs(np.mean(z, axis=0))) < 0.8  # sd 0.3 each
    assert np.mean(np.square(z)) == pytest.approx(1, abs=0.8)  # of 24; its sd is 0.3, by 20 items a little more


def test_a_link_needs_shared_items_and_one_model() -> None:
    old = calibrate(drawn(0, 20, 0.0, 0))
    with pytest.raises(InputError, match="0 items are in both banks"):
        link_banks(calibrate(drawn(20, 40, 0.0, 1)), old)
    with pytest.raises(InputError, match="2pl, the old one rasch"):
        link_banks(calibrate(drawn(0, 20, 0.0, 1), model="2pl"), old)
    new_2pl, old_2pl = bank_2pl(slice(18, 40), 0.0, 1.0, 200, 0), bank_2pl(slice(0, 20), 0.0, 1.0, 200, 1)
    with pytest.raises(InputError, match=r"2 items are in both banks, .* a link needs 3"):
        link_banks(new_2pl.bank, old_2pl.bank)


@pytest.mark.parametrize("model", MODELS)
def test_shared_names_that_mean_other_items_are_no_link(model: ModelName) -> None:
    old = calibrate(drawn(0, 40, 0.0, 0), model)
    backwards = drawn(0, 40, 0.5, 1)
    mixed = Responses(backwards.correct, backwards.respondents, backwards.items[::-1])
    with pytest.raises(InputError, match="40 shared items contradict each other"):
        link_banks(calibrate(mixed, model), old)


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


# Sets that no response connects


def test_sets_without_a_common_response_are_found_and_named() -> None:
    correct = simulate_rasch(60, TRUE[:30], 0.0, 1.0, 0.0, cell_rng(0, "test", "islands"))
    correct[:30, 20:] = -1
    correct[30:, :20] = -1
    found = islands(correct)
    assert found.count == 2
    assert found.item.tolist() == [0] * 20 + [1] * 10
    assert found.respondent.tolist() == [0] * 30 + [1] * 30
    notes = calibrate(named(correct)).calibration.notes
    assert any("2 sets of items (20, 10 items)" in note and "'item 20'" in note for note in notes)
    correct[0, 25] = 1  # one response is enough
    assert islands(correct).count == 1
    assert not any("sets of items" in note for note in calibrate(named(correct)).calibration.notes)


def test_empty_and_unanimous_respondents_are_noted() -> None:
    correct = simulate_rasch(60, TRUE[:30], 0.0, 1.0, 0.0, cell_rng(0, "test", "notes"))
    total = correct.sum(axis=1)
    correct = correct[(total > 0) & (total < 30)]
    correct[0], correct[1], correct[2] = -1, 1, 0
    n = len(correct)
    notes = " ".join(calibrate(named(correct)).calibration.notes)
    assert f"1 of {n} respondents without any response" in notes
    assert f"1 of {n} respondents with every response right" in notes
    assert f"1 of {n} respondents with every response wrong" in notes
    assert islands(correct).count == 1


def test_a_2pl_bank_holds_discriminations_and_says_its_unit() -> None:
    correct = simulate_rasch(300, TRUE[:30], 0.5, 2.0, 0.0, cell_rng(0, "test", "2pl bank"))
    bank, fit = calibrate(named(correct), model="2pl"), fit_2pl(correct)
    np.testing.assert_array_equal(bank.table["discrimination"], fit.discrimination)
    assert bank.calibration.unit == "ability sd"
    assert (bank.calibration.ability_mean, bank.calibration.ability_sd) == (0, 1)
    assert bank.table["discrimination"].median() == pytest.approx(2.0, abs=0.4)  # one logit is half an ability sd


def test_the_error_of_a_rasch_link_is_that_of_the_mean_of_the_shared_items() -> None:
    z = []
    for repetition in range(60):
        old, new = calibrate(drawn(0, 40, 0.0, 2 * repetition)), calibrate(drawn(20, 60, 0.5, 2 * repetition + 1))
        link = link_banks(new, old)
        z.append((link.shift - (TRUE[20:60].mean() - TRUE[:40].mean())) / link.shift_error)
    assert np.mean(np.square(z)) == pytest.approx(1, abs=0.35)  # sd 0.18; were the mean item's error added, 0.56


def test_banks_of_the_same_items_have_one_scale_to_begin_with() -> None:
    old, new = calibrate(drawn(0, 40, 0.0, 0)), calibrate(drawn(0, 40, 0.0, 1))
    link = link_banks(new, old)
    assert abs(link.shift) < 3 * link.shift_error < 0.02  # the mean item is 0 in both; one item's error is 0.14
