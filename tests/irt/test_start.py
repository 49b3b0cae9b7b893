"""Where the search begins, and the curves of the items that every step computes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_rasch
from easyhard.irt.cases import rasch_cases
from easyhard.irt.checks import check_fittable
from easyhard.irt.point import _curves
from easyhard.irt.sample import make_sample
from easyhard.irt.simulate import simulate_rasch
from easyhard.irt.start import rasch_start


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(("n_respondents", "n_items"), [(300, 400), (1000, 60)])
def test_the_search_begins_near_its_end(n_respondents: int, n_items: int, missing: float) -> None:
    rng = cell_rng(0, f"start {n_respondents} {missing}")
    correct = simulate_rasch(n_respondents, rng.normal(0, 1.3, n_items), 0.0, 1.4, missing, rng)
    counts = check_fittable(correct)
    cases, items = rasch_cases(correct, counts, make_sample(n_respondents, None, None))
    start, _ = rasch_start(cases, items, 1)
    end = fit_rasch(correct)
    difficulty = -start.intercept[cases.group_of]
    apart = difficulty - difficulty.mean() - (end.difficulty - end.difficulty.mean())[counts.varies]
    assert np.sqrt(np.mean(apart**2)) < (0.02 if missing == 0 else 0.06)
    assert start.populations[0].sd == pytest.approx(end.ability_sd, rel=0.06)
    assert end.iterations <= 6


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("item_sd", "ability_sd"), [(6.0, 6.0), (0.01, 6.0), (6.0, 0.01), (0.01, 0.01)])
def test_the_start_is_finite_wherever_items_and_respondents_are(item_sd: float, ability_sd: float) -> None:
    rng = cell_rng(0, "start far out")
    correct = simulate_rasch(60, rng.normal(0, item_sd, 40), 0.0, ability_sd, 0.0, rng)
    counts = check_fittable(correct)
    cases, items = rasch_cases(correct, counts, make_sample(60, None, None))
    start, reach = rasch_start(cases, items, 1)
    assert np.isfinite(start.intercept).all() and np.isfinite(reach).all()
    assert 0 < start.populations[0].sd <= 6
    assert fit_rasch(correct).converged


def test_curves_are_exact_at_any_ability() -> None:
    logit = np.array([[-800.0, -40.0, -1e-9, 0.0, 1e-9, 0.7, 40.0, 800.0]])
    probability, softplus = _curves(logit.copy())
    np.testing.assert_allclose(probability, expit(logit), rtol=1e-13)
    np.testing.assert_allclose(softplus, np.logaddexp(0, logit), rtol=1e-15)
