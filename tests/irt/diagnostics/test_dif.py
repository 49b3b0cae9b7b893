from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch
from easyhard.irt.diagnostics.dif import DifferentialFunctioning, differential_functioning, ets_class
from easyhard.irt.diagnostics.group_abilities import group_abilities
from easyhard.irt.diagnostics.group_difficulty import group_items
from easyhard.irt.diagnostics.robust_centre import robust_centre
from easyhard.schema import FloatArray, InputError, IntArray


@dataclass(frozen=True)
class Simulated:
    correct: IntArray
    group: npt.NDArray[np.bool_]


def simulated(
    name: str,
    n_respondents: int,
    bias: FloatArray,
    impact: float = 0.0,
    missing: float = 0.0,
    spread: float = 0.0,
    share: float = 0.5,
    mean: float = 0.0,
) -> Simulated:
    """Items harder by ``bias`` [items] for a group whose mean ability is ``impact`` lower than the others'."""
    rng = cell_rng(0, "test dif", name)
    group = np.arange(n_respondents) < share * n_respondents
    ability = rng.normal(mean, 1, n_respondents) - impact * group
    difficulty = rng.normal(0, 1, len(bias)) + group[:, None] * bias
    log_odds = np.exp(spread * rng.normal(0, 1, len(bias))) * (ability[:, None] - difficulty)
    correct = (rng.random(log_odds.shape) < expit(log_odds)).astype(np.int8)
    correct[rng.random(correct.shape) < missing] = -1
    return Simulated(correct, group)


def found(data: Simulated) -> DifferentialFunctioning:
    return differential_functioning(data.correct, fit_rasch(data.correct), data.group)


# Recovery: false positives


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_items_that_do_not_differ_are_rejected_at_the_nominal_rate_although_abilities_differ(missing: float) -> None:
    runs = [
        found(simulated(f"null {missing} {repeat}", 150, np.zeros(40), impact=1.0, missing=missing))
        for repeat in range(25)
    ]
    rejected = np.concatenate([one.p < 0.05 for one in runs])
    assert rejected.mean() == pytest.approx(0.05, abs=0.02)  # 1000 items: binomial sd 0.007
    assert np.std(np.concatenate([one.z for one in runs])) == pytest.approx(1, abs=0.06)
    # Where nothing differs, the false-discovery rate is the chance of flagging anything: at most 5% of 25.
    assert sum(one.flagged.any() for one in runs) <= 4
    assert np.mean([one.impact for one in runs]) == pytest.approx(-1, abs=0.1)


def test_a_small_group_near_the_ceiling_is_not_rejected_too_often() -> None:
    runs = [found(simulated(f"ceiling {repeat}", 60, np.zeros(40), share=0.2, mean=2.0)).p for repeat in range(30)]
    p = np.concatenate(runs)
    assert (p[np.isfinite(p)] < 0.05).mean() == pytest.approx(0.045, abs=0.02)


def test_many_items_biased_to_one_side_leave_the_others_alone() -> None:
    bias = np.where(np.arange(40) < 8, -1.2, 0.0)  # a fifth leaked to the group
    runs = [found(simulated(f"leaked {repeat}", 300, bias, impact=0.5)) for repeat in range(15)]
    clean = np.array([one.p[8:] for one in runs])
    assert (clean < 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert np.mean([one.difference[8:] for one in runs]) == pytest.approx(0, abs=0.05)
    assert np.mean([one.difference[:8] for one in runs]) == pytest.approx(-1.2, abs=0.12)
    assert np.mean([one.impact for one in runs]) == pytest.approx(-0.5, abs=0.12)
    share = [(one.flagged[8:].sum()) / max(one.flagged.sum(), 1) for one in runs]
    assert np.mean(share) < 0.1
    assert np.mean([one.anchor[:8].mean() for one in runs]) < 0.15


def test_2pl_keeps_the_rate_where_items_discriminate_unequally_and_rasch_does_not() -> None:
    rejected = {"rasch": [], "2pl": []}  # type: dict[str, list[float]]
    for repeat in range(9):
        data = simulated(f"slopes {repeat}", 300, np.zeros(30), impact=1.2, spread=0.4)
        for fit in (fit_rasch, fit_2pl):
            model = fit(data.correct)
            one = differential_functioning(data.correct, model, data.group)
            rejected[model.name].append(float((one.p < 0.05).mean()))
    assert np.mean(rejected["2pl"]) == pytest.approx(0.05, abs=0.03)
    assert np.mean(rejected["rasch"]) > 0.1


# Recovery: power


def test_a_shift_of_eight_tenths_of_a_logit_on_a_tenth_of_the_items_is_found() -> None:
    bias = np.where(np.arange(60) < 6, 0.8, 0.0)
    runs = [found(simulated(f"power {repeat}", 600, bias, impact=1.0)) for repeat in range(10)]
    assert np.mean([(one.p < 0.05)[:6] for one in runs]) > 0.85
    assert np.mean([one.flagged[:6] for one in runs]) > 0.7
    assert np.mean([one.flagged[6:] for one in runs]) < 0.02
    difference = np.array([one.difference[:6] for one in runs])
    error = np.array([one.standard_error[:6] for one in runs])
    assert difference.mean() == pytest.approx(0.8, abs=0.08)
    assert np.mean(np.abs(difference - 0.8) < 1.96 * error) == pytest.approx(0.95, abs=0.08)
    assert np.mean([one.delta[:6] for one in runs]) == pytest.approx(-2.35 * 0.8, abs=0.2)
    assert np.mean([one.ets_class[:6] != "A" for one in runs]) > 0.8


# Agreement


def test_agrees_with_mantel_haenszel() -> None:
    bias = np.where(np.arange(40) < 4, 1.0, 0.0)
    data = simulated("mantel haenszel", 2000, bias, impact=0.5)
    total = data.correct.sum(axis=1)
    log_odds_ratio = np.array([mantel_haenszel(data.correct[:, item] == 1, data.group, total) for item in range(40)])
    delta = found(data).delta
    # Both estimate -2.35 times the logits of difference; the strata's own centre is not where most items lie.
    expected = -2.35 * log_odds_ratio
    assert np.corrcoef(delta, expected)[0, 1] > 0.99
    np.testing.assert_allclose(delta - np.median(delta), expected - np.median(expected), atol=0.25)


def mantel_haenszel(right: npt.NDArray[np.bool_], group: npt.NDArray[np.bool_], total: npt.NDArray[np.int64]) -> float:
    """Logarithm of the common odds ratio, others to group, over strata of the total (Mantel & Haenszel 1959)."""
    above = below = 0.0
    for stratum in np.unique(total):
        rows = total == stratum
        cells = [(right[rows & of] == value).sum() for of in (~group, group) for value in (True, False)]
        above += cells[0] * cells[3] / rows.sum()
        below += cells[1] * cells[2] / rows.sum()
    return float(np.log(above / below))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_predictions_are_those_from_the_other_anchor_items(missing: float) -> None:
    data = simulated("predictions", 30, np.zeros(6), missing=missing)
    model = fit_rasch(data.correct)
    anchor = np.array([True, True, True, True, False, True])
    abilities = group_abilities(data.correct, model, data.group, anchor)
    (block,) = group_items(data.correct, model, abilities, anchor, np.arange(6))
    ability = np.linspace(-12, 12, 4001)
    curve = model.probability(ability)
    for respondent in (0, 29):
        of_group = bool(data.group[respondent])
        coins = block.coins(np.zeros(6), np.ones(6), of_group)
        rows = np.flatnonzero(abilities.in_group == of_group)
        place = int(np.flatnonzero(rows == abilities.class_of[respondent])[0])
        for item in range(6):
            others = anchor & (np.arange(6) != item) & (data.correct[respondent] >= 0)
            chance = np.where(data.correct[respondent] == 1, curve, 1 - curve)[:, others].prod(axis=1)
            chance *= np.exp(abilities.populations[int(of_group)].log_density(ability))
            expected = chance @ curve[:, item] / chance.sum()
            which = 0 if data.correct[respondent, item] == 1 else 1
            if data.correct[respondent, item] >= 0:
                assert coins.predicted[which, place, item] == pytest.approx(expected, abs=1e-7)


def test_classes_are_those_of_the_educational_testing_service() -> None:
    delta = np.array([0.9, -1.2, 1.2, -1.6, 1.6, 3.0, np.nan])
    error = np.array([0.1, 0.1, 1.0, 0.1, 0.5, 0.2, np.nan])
    p = np.array([0.0, 0.0, 0.2, 0.0, 0.001, 0.0, np.nan])
    assert ets_class(delta, error, p).tolist() == ["A", "B", "A", "C", "B", "C", ""]


def test_the_centre_is_where_most_lie_although_a_third_lies_to_one_side() -> None:
    rng = cell_rng(0, "test dif", "centre")
    estimate = np.append(rng.normal(0.3, 0.2, 200), rng.normal(1.8, 0.2, 100))
    assert robust_centre(estimate, np.full(300, 0.2)) == pytest.approx(0.3, abs=0.04)


# Invariance


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_changes_nothing_and_exchanging_the_sides_turns_the_sign(seed: int) -> None:
    data = simulated("invariance", 80, np.where(np.arange(15) < 2, 1.5, 0.0), missing=0.1)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(80), rng.permutation(15)
    usual = found(data)
    moved = found(Simulated(data.correct[rows][:, columns], data.group[rows]))
    turned = found(Simulated(data.correct, ~data.group))
    np.testing.assert_allclose(moved.z, usual.z[columns], atol=1e-4)
    np.testing.assert_allclose(moved.difference, usual.difference[columns], atol=1e-4)
    np.testing.assert_allclose(turned.z, -usual.z, atol=1e-3)
    np.testing.assert_allclose(turned.difference, -usual.difference, atol=1e-3)
    assert turned.impact == pytest.approx(-usual.impact, abs=1e-3)


# Edge


def test_an_item_that_the_whole_group_got_right_has_a_finite_difference() -> None:
    data = simulated("all right", 60, np.zeros(20))
    data.correct[data.group, 3] = 1
    one = found(data)
    assert -8 < one.difference[3] < -1
    assert one.z[3] < -2


def test_items_that_cannot_be_compared_are_null() -> None:
    data = simulated("gaps", 60, np.zeros(20))
    data.correct[data.group, 3] = -1
    data.correct[:, 5] = 1
    one = found(data)
    table = one.frame()
    assert table.filter(table["difference"].is_null())["item"].to_list() == ["item 3", "item 5"]
    assert table["ets_class"].null_count() == table["p_bh"].null_count() == 2
    assert not one.flagged[[3, 5]].any()
    assert table["n_group"][3] == 0
    assert "18 items" in one.reading()


def test_errors_name_the_finding_and_the_next_step() -> None:
    data = simulated("errors", 40, np.zeros(8))
    model = fit_rasch(data.correct)
    with pytest.raises(InputError, match="group is int64 of shape"):
        differential_functioning(data.correct, model, data.group.astype(np.int64))
    with pytest.raises(InputError, match="The group has 1 of 40 respondents"):
        differential_functioning(data.correct, model, np.arange(40) == 0)
    apart = np.where(data.group[:, None] == (np.arange(8) < 4), data.correct, np.int8(-1))
    with pytest.raises(InputError, match="0 of 8 items vary and were seen by both sides"):
        differential_functioning(apart, model, data.group)
