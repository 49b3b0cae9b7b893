from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_responses import draw

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.local_dependence import LocalDependence, local_dependence


@pytest.mark.parametrize(("n_respondents", "n_items", "missing"), [(60, 100, 0.0), (300, 20, 0.2), (1000, 15, 0.0)])
def test_false_pairs_are_as_rare_as_they_should_be(n_respondents: int, n_items: int, missing: float) -> None:
    below, adjusted, findings = [], [], 0
    for repeat in range(20):
        correct = draw(f"q3 {n_respondents} {n_items} {missing} {repeat}", n_respondents, n_items, missing)
        found = local_dependence(correct, fit_rasch(correct), keep=10_000)
        assert found.n_pairs == len(found.p)
        below.append(np.mean(found.p < 0.05))
        adjusted.append(found.q3_adjusted.mean())
        findings += found.n_found > 0
    assert 0.02 < np.mean(below) < 0.06
    assert np.mean(adjusted) == pytest.approx(0, abs=0.004)
    assert findings <= 4  # of 20; more than 4 has a chance of 0.3% at the nominal 5%


def test_q3_is_below_0_on_average_and_adjusted_q3_is_not() -> None:
    correct = draw("q3 mean", 1500, 12)
    found = local_dependence(correct, fit_rasch(correct))
    assert -1 / 11 < found.q3_mean < -0.03
    assert found.q3_adjusted.mean() == pytest.approx(0, abs=0.01)
    assert found.q3_star == pytest.approx(found.q3.max() - found.q3.mean())


@pytest.mark.parametrize(("model", "missing"), [("rasch", 0.0), ("rasch", 0.2), ("2pl", 0.0)])
def test_a_near_copy_is_the_first_pair(model: str, missing: float) -> None:
    correct = draw(f"copy {missing}", 300, 25, missing)
    same = cell_rng(0, "test copy").random(300) < 0.85
    correct[:, 20] = np.where(same & (correct[:, 20] >= 0), correct[:, 7], correct[:, 20])
    found = local_dependence(correct, (fit_2pl if model == "2pl" else fit_rasch)(correct), keep=5)
    assert (found.first[0], found.second[0]) == (7, 20)
    assert found.p_bh[0] < (1e-2 if model == "2pl" else 1e-6)  # high discriminations explain part of it
    assert found.q3[0] > 0.5
    assert len(found.z) == 5
    assert "'item 7' and 'item 20'" in found.reading()


def residual_correlation(found: LocalDependence) -> dict[tuple[int, int], float]:
    return {(int(a), int(b)): float(q) for a, b, q in zip(found.first, found.second, found.q3, strict=True)}


def test_q3_is_the_correlation_of_residuals_over_common_respondents() -> None:
    correct = draw("residuals", 60, 8, 0.3)
    model = fit_rasch(correct)
    posterior = posterior_of(correct, model)
    residual = correct - posterior.weight @ model.probability(posterior.ability)
    found = residual_correlation(local_dependence(correct, model, posterior))
    assert len(found) == 28
    for (a, b), q3 in found.items():
        both = (correct[:, a] >= 0) & (correct[:, b] >= 0)
        x, y = residual[both, a], residual[both, b]
        assert q3 == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)), abs=1e-5)


def test_tiles_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = draw("tiles", 50, 30, 0.1)
    model = fit_rasch(correct)
    one = local_dependence(correct, model, keep=40)
    monkeypatch.setattr(import_module("easyhard.irt.diagnostics.local_dependence"), "_TILE", 7)
    other = local_dependence(correct, model, keep=40)
    np.testing.assert_array_equal(one.first, other.first)
    np.testing.assert_array_equal(one.second, other.second)
    np.testing.assert_allclose(one.z, other.z, rtol=1e-4)
    np.testing.assert_allclose(one.p_bh, other.p_bh, rtol=0.05)
    assert one.n_found == other.n_found
    assert one.n_pairs == other.n_pairs == 435


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_items_changes_nothing(order: list[int]) -> None:
    correct = draw("order q3", 60, 8)
    one = residual_correlation(local_dependence(correct, fit_rasch(correct)))
    shuffled = np.ascontiguousarray(correct[:, order])
    other = residual_correlation(local_dependence(shuffled, fit_rasch(shuffled)))
    for (a, b), q3 in other.items():
        first, second = sorted((order[a], order[b]))
        assert q3 == pytest.approx(one[first, second], abs=1e-4)


def test_adjusted_p_values_do_not_depend_on_how_many_pairs_are_kept() -> None:
    correct = draw("keep", 200, 30)
    correct[:, 1] = correct[:, 0]
    model = fit_rasch(correct)
    all_pairs, few = local_dependence(correct, model, keep=435), local_dependence(correct, model, keep=10)
    np.testing.assert_allclose(few.p_bh, all_pairs.p_bh[:10], rtol=0.05)
    assert (np.diff(all_pairs.p_bh) >= -1e-12).all()


def test_pairs_without_enough_common_respondents_are_not_tested() -> None:
    correct = draw("apart", 40, 6)
    correct[:20, :3] = -1
    correct[20:, 3:] = -1
    found = local_dependence(correct, fit_rasch(correct))
    assert found.n_pairs == 6
    none = local_dependence(np.ones((9, 6), dtype=np.int8), fit_rasch(correct))
    assert none.n_pairs == 0
    assert none.frame().is_empty()
    assert "No pair" in none.reading()
