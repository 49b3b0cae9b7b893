"""Groups of like ability: every response is counted once, in the group of its respondent."""

from __future__ import annotations

import numpy as np
import pytest

from easyhard.irt import calibrate, estimate_ability
from easyhard.irt.ability_groups import ability_groups
from easyhard.irt.bank_model import bank_model
from easyhard.irt.simulate import simulate_rasch
from easyhard.schema import MISSING, InputError, Responses

CORRECT = simulate_rasch(83, np.linspace(-2, 2, 40), 0.0, 1.2, 0.15, np.random.default_rng(3))
RESPONSES = Responses(CORRECT, tuple(f"r{k}" for k in range(83)), tuple(f"i{k}" for k in range(40)))
BANK = calibrate(RESPONSES)
GROUPS = ability_groups(RESPONSES, BANK)


def test_every_response_is_counted_once() -> None:
    assert GROUPS.count == 8 and GROUPS.size.sum() == 83 and np.ptp(GROUPS.size) <= 1
    assert (GROUPS.seen.sum(axis=1) == (CORRECT != MISSING).sum(axis=0)).all()
    assert (GROUPS.correct.sum(axis=1) == (CORRECT == 1).sum(axis=0)).all()


def test_a_group_holds_the_respondents_next_in_ability() -> None:
    ability = estimate_ability(CORRECT, bank_model(BANK), "eap").estimate
    order = np.argsort(ability)
    first = order[: GROUPS.size[0]]
    assert GROUPS.ability[0] == pytest.approx(ability[first].mean())
    assert (GROUPS.correct[:, 0] == (CORRECT[first] == 1).sum(axis=0)).all()
    assert (np.diff(GROUPS.ability) > 0).all()


def test_the_order_of_respondents_changes_nothing() -> None:
    order = np.random.default_rng(0).permutation(83)
    again = ability_groups(Responses(CORRECT[order], tuple(f"r{k}" for k in order), RESPONSES.items), BANK)
    assert (again.correct == GROUPS.correct).all() and again.ability == pytest.approx(GROUPS.ability)


def test_merged_groups_hold_the_same_responses() -> None:
    half = ability_groups(RESPONSES, BANK, 5).merged()
    five = ability_groups(RESPONSES, BANK, 5)
    assert half.count == 3
    assert (half.correct[:, 0] == five.correct[:, :2].sum(axis=1)).all() and (half.seen[:, 2] == five.seen[:, 4]).all()
    assert half.ability @ half.size == pytest.approx(five.ability @ five.size)


def test_few_respondents_make_few_groups_and_silent_ones_none() -> None:
    few = ability_groups(Responses(CORRECT[:13], RESPONSES.respondents[:13], RESPONSES.items), BANK)
    assert few.count == 4 and few.size.min() >= 3
    silent = np.vstack([CORRECT, np.full((5, 40), MISSING, dtype=np.int8)])
    names = (*RESPONSES.respondents, *(f"silent{k}" for k in range(5)))
    assert ability_groups(Responses(silent, names, RESPONSES.items), BANK).size.sum() == 83


def test_items_are_chosen_by_name() -> None:
    two = GROUPS.select(("i7", "unknown"))
    assert (two.correct[0] == GROUPS.correct[7]).all() and two.seen[1].sum() == 0
    with pytest.raises(InputError, match="have no responses"):
        ability_groups(Responses(CORRECT[:, :5], RESPONSES.respondents, RESPONSES.items[:5]), BANK)
