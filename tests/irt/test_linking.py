from __future__ import annotations

import numpy as np
import pytest

from easyhard.chance import cell_rng
from easyhard.irt import calibrate, fit_2pl, fit_rasch, islands, link_banks, simulate_rasch
from easyhard.schema import FloatArray, InputError, IntArray, ItemBank, Responses

TRUE = cell_rng(0, "test", "linking").normal(0, 1.2, 60)


def named(correct: IntArray, first: int = 0) -> Responses:
    n_respondents, n_items = correct.shape
    respondents = tuple(f"model {row}" for row in range(n_respondents))
    return Responses(correct, respondents, tuple(f"item {first + column}" for column in range(n_items)))


def drawn(low: int, high: int, ability_mean: float, seed: int, drift: FloatArray | float = 0.0) -> Responses:
    difficulty = (TRUE + drift)[low:high]
    return named(simulate_rasch(600, difficulty, ability_mean, 1.0, 0.05, cell_rng(seed, "test", "link")), low)


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
    rng = cell_rng(0, "test", "link 2pl")
    slope = rng.lognormal(0, 0.3, 60)

    def bank(low: int, high: int, mean: float, sd: float) -> ItemBank:
        ability = rng.normal(mean, sd, 1500)
        p = 1 / (1 + np.exp(-slope[low:high] * (ability[:, None] - TRUE[low:high])))
        return calibrate(named((rng.random(p.shape) < p).astype(np.int8), low), model="2pl")

    link = link_banks(bank(20, 60, 0.7, 1.4), bank(0, 40, 0.0, 1.0))
    assert link.slope == pytest.approx(1.4, abs=0.12)
    assert link.shift == pytest.approx(0.7, abs=0.12)


def test_a_link_needs_shared_items_and_one_model() -> None:
    old = calibrate(drawn(0, 20, 0.0, 0))
    with pytest.raises(InputError, match="0 items are in both banks"):
        link_banks(calibrate(drawn(20, 40, 0.0, 1)), old)
    with pytest.raises(InputError, match="2pl, the old one rasch"):
        link_banks(calibrate(drawn(0, 20, 0.0, 1), model="2pl"), old)


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
    with pytest.raises(InputError, match="needs the Rasch model"):
        calibrate(drawn(20, 60, 0.8, 1), model="2pl", onto=old)


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
