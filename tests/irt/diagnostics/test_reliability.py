from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics.reliability import Separation, reliability


@pytest.mark.parametrize(("model", "missing"), [("rasch", 0.0), ("rasch", 0.3), ("2pl", 0.0)])
def test_reliability_is_the_squared_correlation_with_the_truth(model: str, missing: float) -> None:
    rng = cell_rng(0, "test reliability", model, str(missing))
    ability, difficulty = rng.normal(0.5, 1.3, 800), rng.normal(0, 1, 40)
    correct = (rng.random((800, 40)) < expit(ability[:, None] - difficulty)).astype(np.int8)
    correct[rng.random(correct.shape) < missing] = -1
    fitted = (fit_2pl if model == "2pl" else fit_rasch)(correct)
    posterior = posterior_of(correct, fitted)
    found = reliability(correct, fitted, posterior)
    assert found.respondents.reliability == pytest.approx(np.corrcoef(posterior.mean, ability)[0, 1] ** 2, abs=0.025)
    assert found.marginal == pytest.approx(found.respondents.reliability, abs=0.02)
    assert found.items.reliability == pytest.approx(np.corrcoef(fitted.difficulty, difficulty)[0, 1] ** 2, abs=0.02)
    if model == "rasch":
        assert found.respondents.true_sd == pytest.approx(1.3, abs=0.15)
        assert found.items.true_sd == pytest.approx(difficulty.std(ddof=1), abs=0.1)


def test_more_items_tell_respondents_apart_better_and_more_respondents_items() -> None:
    rng = cell_rng(0, "test more")
    ability, difficulty = rng.normal(0, 1, 400), rng.normal(0, 1, 80)
    correct = (rng.random((400, 80)) < expit(ability[:, None] - difficulty)).astype(np.int8)
    whole = reliability(correct, fit_rasch(correct))
    short, few = correct[:, :20], correct[:60]
    assert reliability(short, fit_rasch(short)).respondents.strata < whole.respondents.strata - 0.5
    assert reliability(few, fit_rasch(few)).items.strata < whole.items.strata - 1


def test_separation_and_strata_follow_from_reliability_as_wright_and_masters_say() -> None:
    one = Separation(n=100, true_sd=2.0, rmse=1.0, reliability=0.8)
    assert one.separation == pytest.approx(2.0)
    assert one.strata == pytest.approx(3.0)
    assert Separation(3, 1.0, 0.0, 1.0).strata == np.inf


def test_respondents_without_responses_and_items_that_do_not_vary_do_not_count() -> None:
    rng = cell_rng(0, "test counted")
    correct = (rng.random((50, 12)) < 0.6).astype(np.int8)
    padded = np.vstack([np.column_stack([correct, np.ones(50, dtype=np.int8)]), np.full((1, 13), -1, dtype=np.int8)])
    found = reliability(padded, fit_rasch(padded))
    assert found.respondents.n == 50
    assert found.items.n == 12
    assert found.frame()["of"].to_list() == ["respondents", "items"]


def test_what_has_no_reliability_says_so() -> None:
    rng = cell_rng(0, "test none")
    correct = (rng.random((200, 10)) < 0.5).astype(np.int8)
    found = reliability(correct, fit_rasch(correct))
    assert 0 <= found.respondents.reliability < 0.35
    alone = reliability(np.ones((1, 10), dtype=np.int8), fit_rasch(correct))
    assert "no reliability" in alone.reading()
