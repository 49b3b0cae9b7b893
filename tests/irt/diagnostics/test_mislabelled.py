from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_responses import draw, with_wrong_keys

from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.mislabelled import mislabelled
from easyhard.irt.diagnostics.rest import rest_blocks
from easyhard.irt.diagnostics.rising import ability_groups, log_likelihoods


@pytest.mark.parametrize(("model", "missing"), [("rasch", 0.0), ("rasch", 0.2), ("2pl", 0.0)])
def test_planted_wrong_keys_are_found_and_hardly_any_other(model: str, missing: float) -> None:
    found, false, planted = 0, 0, 0
    for repeat in range(1 if model == "2pl" else 6):
        name = f"keys {model} {missing} {repeat}"
        bad = np.array([3, 30, 55, 78])
        correct = with_wrong_keys(draw(name, 200, 80, missing, spread=0.3), bad, name)
        flagged = set(mislabelled(correct, (fit_2pl if model == "2pl" else fit_rasch)(correct)).flagged)
        found, false, planted = found + len(flagged & set(bad)), false + len(flagged - set(bad)), planted + len(bad)
    assert found >= 0.8 * planted
    assert false <= 0.15 * (found + false)


@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_sound_keys_are_hardly_ever_flagged(spread: float) -> None:
    flagged = 0
    for repeat in range(15):
        correct = draw(f"sound {spread} {repeat}", 150, 60, spread=spread)
        flagged += bool(mislabelled(correct, fit_rasch(correct)).flagged)
    assert flagged <= 3


def test_the_table_has_the_likeliest_wrong_key_first_and_says_why() -> None:
    correct = with_wrong_keys(draw("table", 300, 40), np.array([11]), "table")
    found = mislabelled(correct, fit_rasch(correct), items=[f"q{place}" for place in range(40)])
    first = found.frame().row(0, named=True)
    assert first["item"] == "q11"
    assert first["flagged"]
    assert first["probability"] > 0.95
    assert first["log_likelihood_ratio"] > 5
    assert first["slope"] < 0.2
    assert first["able_correct"] < first["able_expected"] - 0.1
    assert "'q11'" in found.reading()
    assert "No gold answer" in mislabelled(draw("fine", 300, 40), fit_rasch(draw("fine", 300, 40))).reading()


def test_the_likelihood_of_a_slope_is_that_of_logistic_regression_with_a_fixed_slope() -> None:
    correct = draw("logistic", 120, 10)
    model = fit_rasch(correct)
    (block,) = rest_blocks(correct, model, posterior_of(correct, model))
    groups = ability_groups(block, model)
    found = log_likelihoods(groups, np.array([0.0, 0.8, -0.6]))
    share = correct.mean(axis=0)
    flat = 120 * (share * np.log(share) + (1 - share) * np.log(1 - share))
    np.testing.assert_allclose(found[0], flat, rtol=1e-9)
    for row, slope in ((1, 0.8), (2, -0.6)):
        for item in range(10):
            places = np.linspace(-6, 6, 4001)
            log_odds = places + slope * groups.ability[:, [item]]
            n, right = groups.n[:, [item]], groups.right[:, [item]]
            best = (right * log_odds - n * np.logaddexp(0, log_odds)).sum(axis=0).max()
            assert found[row, item] == pytest.approx(best, abs=1e-3)
    np.testing.assert_allclose(groups.n.sum(axis=0), 120)
    np.testing.assert_allclose(groups.right.sum(axis=0), correct.sum(axis=0))


def test_grouping_thousands_of_respondents_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = with_wrong_keys(draw("grouped", 900, 30), np.array([5]), "grouped")
    model = fit_rasch(correct)
    grouped = mislabelled(correct, model)
    monkeypatch.setattr("easyhard.irt.diagnostics.rising._MOST_GROUPS", 10_000)
    single = mislabelled(correct, model)
    np.testing.assert_allclose(grouped.log_likelihood_ratio, single.log_likelihood_ratio, rtol=0.03, atol=0.05)


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_items_changes_nothing(order: list[int]) -> None:
    correct = draw("order keys", 70, 12)
    one = mislabelled(correct, fit_rasch(correct))
    shuffled = np.ascontiguousarray(correct[:, order])
    other = mislabelled(shuffled, fit_rasch(shuffled))
    np.testing.assert_allclose(other.log_likelihood_ratio, one.log_likelihood_ratio[order], atol=1e-4)


def test_items_that_do_not_vary_cannot_be_judged() -> None:
    correct = draw("unjudged", 60, 10)
    correct[:, 4] = 0
    model = fit_rasch(correct)
    found = mislabelled(correct, model)
    assert np.isnan(found.probability[4])
    assert 4 not in found.flagged
    assert found.frame().row(-1, named=True)["item"] == "item 4"
    alike = mislabelled(np.zeros((3, 10), dtype=np.int8), model)
    assert "No gold answer can be judged" in alike.reading()
