"""Two calibrations on one scale by shared items, and items that nothing connects."""

from __future__ import annotations

import numpy as np
import pytest
from linking_banks import MODELS, TRUE, bank_2pl, difficulty_of, drawn, named
from scipy.stats import t

from easyhard.chance import cell_rng
from easyhard.irt import (
    ModelName,
    calibrate,
    fit_2pl,
    islands,
    link_banks,
    simulate_rasch,
)
from easyhard.schema import InputError, Responses


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
