from __future__ import annotations

import numpy as np
import pytest
from made_up_responses import draw

from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.dimensionality import dimensionality
from easyhard.schema import InputError


@pytest.mark.parametrize(("n_respondents", "n_items", "missing"), [(80, 30, 0.0), (30, 120, 0.1)])
def test_one_dimension_is_one_dimension(n_respondents: int, n_items: int, missing: float) -> None:
    extra = 0
    for repeat in range(20):
        correct = draw(f"one {n_respondents} {missing} {repeat}", n_respondents, n_items, missing)
        extra += dimensionality(correct, fit_rasch(correct), seed=repeat).n_extra > 0
    assert extra <= 4  # of 20: more have a chance of 0.2% at the nominal 1 in 21


def test_a_second_dimension_is_found_with_its_items_and_respondents() -> None:
    correct = draw("two", 400, 30, second=1.2)
    found = dimensionality(correct, fit_rasch(correct), items=[f"q{place}" for place in range(30)])
    assert found.n_extra == 1
    assert found.p[0] < 1e-6
    with_second = np.arange(30) % 3 == 0
    assert found.loading[with_second].min() > found.loading[~with_second].max()
    surplus = correct[:, with_second].mean(axis=1) - correct[:, ~with_second].mean(axis=1)
    assert np.corrcoef(found.contrast, surplus)[0, 1] > 0.8
    assert found.contrast.std() == pytest.approx(1, abs=0.05)
    assert "1 further dimension" in found.reading()
    assert set(found.items_frame()["item"].tail(10)) == {f"q{place}" for place in range(0, 30, 3)}


@pytest.mark.parametrize("model", ["rasch", "2pl"])
def test_a_second_dimension_is_found_with_few_respondents_and_holes(model: str) -> None:
    correct = draw("wide", 60, 150, missing=0.1, second=1.5)
    found = dimensionality(correct, (fit_2pl if model == "2pl" else fit_rasch)(correct))
    assert found.n_extra >= 1
    with_second = np.arange(150) % 3 == 0
    apart = np.nanmean(found.loading[with_second]) - np.nanmean(found.loading[~with_second])
    assert abs(apart) > 0.3


@pytest.mark.parametrize("n_items", [20, 60])
def test_either_side_gives_the_eigenvalues_of_the_residual_correlations(n_items: int) -> None:
    correct = draw("sides", 40, n_items)
    model = fit_rasch(correct)
    posterior = posterior_of(correct, model)
    residual = correct - posterior.weight @ model.probability(posterior.ability)
    varies = correct.std(axis=0) > 0
    expected = np.linalg.eigvalsh(np.corrcoef(residual[:, varies].T))[::-1][:10]
    np.testing.assert_allclose(dimensionality(correct, model, n_simulations=3).eigenvalue, expected, rtol=1e-4)


def test_eigenvalues_are_shares_of_the_residual_variance() -> None:
    correct = draw("shares", 15, 60)
    found = dimensionality(correct, fit_rasch(correct), n_simulations=3)
    assert found.share.sum() < 1
    assert found.frame()["share"].to_list() == pytest.approx(list(found.eigenvalue / found.n_items))
    assert 0 < found.ability_share < 1
    assert (np.diff(found.eigenvalue) <= 1e-9).all()
    assert len(found.respondents_frame()) == 15


def test_the_seed_decides_the_simulations_and_nothing_else_does() -> None:
    correct = draw("seed", 50, 20)
    model = fit_rasch(correct)
    one, again, other = (dimensionality(correct, model, n_simulations=3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.expected, again.expected)
    assert (one.expected != other.expected).any()
    np.testing.assert_array_equal(one.eigenvalue, other.eigenvalue)


def test_too_little_to_look_at_is_refused() -> None:
    correct = draw("refused", 30, 8)
    model = fit_rasch(correct)
    with pytest.raises(InputError, match="0 items that vary"):
        dimensionality(np.ones((5, 8), dtype=np.int8), model)
    with pytest.raises(InputError, match="2 simulations"):
        dimensionality(correct, model, n_simulations=2)
