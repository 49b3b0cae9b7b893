"""Our estimates against those of other packages, as stored in reference/ by tools/reference/make_reference.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lsat
import numpy as np
import pytest
from scipy.stats import norm

from easyhard.chance import cell_rng
from easyhard.irt import ItemModel, fit_2pl, fit_rasch, simulate_rasch
from easyhard.irt.conditional import fit_conditional
from easyhard.irt.joint import fit_joint
from easyhard.schema import IntArray

REFERENCE = Path(__file__).parent / "reference"
DATA_SETS = ["lsat6", "lsat7", "rasch_complete", "rasch_missing", "two_parameter"]
COMPLETE = [name for name in DATA_SETS if name != "rasch_missing"]
CODES = {".": -1, "0": 0, "1": 1}


def reference(name: str) -> tuple[IntArray, dict[str, Any]]:
    stored: dict[str, Any] = json.loads((REFERENCE / f"{name}.json").read_text())
    rows = [[CODES[symbol] for symbol in row] for row, count in stored["patterns"].items() for _ in range(count)]
    return np.array(rows, dtype=np.int8), stored


# Conditional maximum likelihood. eRm's search ends within 1e-5 of the maximum, psychotools' (told to go further
# than usual) within 1e-7; both agree with us to what they reach.


@pytest.mark.parametrize("name", DATA_SETS)
@pytest.mark.parametrize(("package", "nearness"), [("eRm", 1e-5), ("psychotools", 2e-7)])
def test_conditional_estimates_agree_with(package: str, nearness: float, name: str) -> None:
    correct, stored = reference(name)
    fit, other = fit_conditional(correct), stored[package]
    np.testing.assert_allclose(fit.difficulty, other["difficulty"], atol=nearness)
    np.testing.assert_allclose(fit.standard_error, other["standard_error"], rtol=10 * nearness)
    assert fit.log_likelihood == pytest.approx(other["log_likelihood"], abs=1e-8)


# Marginal maximum likelihood. mirt 1.2.0 (61 points of quadrature, its EM stopped at 1e-10) has the same model,
# standard errors from the same observed information, and is within 1e-5 everywhere; EM stops short of the
# maximum by more than its last step.


@pytest.mark.parametrize("name", DATA_SETS)
def test_rasch_agrees_with_mirt(name: str) -> None:
    correct, stored = reference(name)
    fit, other = fit_rasch(correct), stored["mirt"]["rasch"]
    np.testing.assert_allclose(fit.difficulty, other["difficulty"], atol=1e-5)
    np.testing.assert_allclose(fit.standard_error, other["standard_error"], rtol=1e-5)
    assert fit.ability_mean == pytest.approx(other["ability_mean"], abs=1e-5)
    assert fit.ability_sd == pytest.approx(other["ability_sd"], abs=2e-5)
    assert fit.log_likelihood == pytest.approx(other["log_likelihood"], abs=1e-7)


@pytest.mark.parametrize("name", DATA_SETS)
def test_2pl_agrees_with_mirt(name: str) -> None:
    correct, stored = reference(name)
    fit, other = fit_2pl(correct, log_discrimination_sd=None), stored["mirt"]["two_parameter"]
    np.testing.assert_allclose(fit.discrimination, other["discrimination"], atol=5e-5)
    np.testing.assert_allclose(fit.difficulty, other["difficulty"], atol=5e-5)
    np.testing.assert_allclose(fit.discrimination_error, other["discrimination_error"], rtol=1e-4)
    np.testing.assert_allclose(fit.standard_error, other["standard_error"], rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(other["log_likelihood"], abs=1e-7)


# girth 0.8.0 solves for the difficulties at which the expected proportions right are the observed ones, rather
# than maximising the likelihood over them. Both are consistent; they differ by up to a twentieth of a standard
# error here.


@pytest.mark.parametrize("name", COMPLETE)
def test_rasch_is_close_to_girth(name: str) -> None:
    correct, stored = reference(name)
    fit, other = fit_rasch(correct), stored["girth"]["rasch"]
    off = np.abs(fit.difficulty - other["difficulty"]) / fit.standard_error
    assert off.max() < 0.05
    assert fit.ability_sd == pytest.approx(other["ability_sd"], abs=1e-3)


@pytest.mark.parametrize("name", COMPLETE)
def test_2pl_is_close_to_girth(name: str) -> None:
    correct, stored = reference(name)
    fit, other = fit_2pl(correct, log_discrimination_sd=None), stored["girth"]["two_parameter"]
    np.testing.assert_allclose(fit.discrimination, other["discrimination"], atol=3e-3)
    assert np.max(np.abs(fit.difficulty - other["difficulty"]) / fit.standard_error) < 0.05


# The Law School Admission Test


@pytest.mark.parametrize(("name", "counts"), [("LSAT6", lsat.LSAT6_COUNTS), ("LSAT7", lsat.LSAT7_COUNTS)])
def test_lsat_has_its_known_totals(name: str, counts: tuple[int, ...]) -> None:
    correct = lsat.expand(counts)
    assert correct.shape == (1000, 5)
    assert tuple(correct.sum(axis=0)) == lsat.N_RIGHT[name]
    stored, _ = reference(name.lower())
    np.testing.assert_array_equal(stored, correct)


def check_published(fit: ItemModel, published: lsat.Published, digits: float, errors: float) -> None:
    """Compare, intercepts with intercepts where these are what was published."""
    np.testing.assert_allclose(fit.discrimination, published.discrimination, atol=digits)
    if published.intercept:
        np.testing.assert_allclose(-fit.discrimination * fit.difficulty, published.intercept, atol=digits)
    else:
        np.testing.assert_allclose(fit.difficulty, published.difficulty, atol=digits)
    if published.discrimination_error:
        np.testing.assert_allclose(fit.discrimination_error, published.discrimination_error, rtol=errors)
    if published.difficulty_error:
        np.testing.assert_allclose(fit.standard_error, published.difficulty_error, rtol=errors)
    assert fit.log_likelihood == pytest.approx(published.log_likelihood, abs=6e-4)


def test_2pl_gives_the_published_estimates_of_lsat_section_6() -> None:
    # ltm: 21 points of quadrature, and stopped at a gradient of 0.024, which leaves 2 units of the third decimal.
    fit = fit_2pl(lsat.expand(lsat.LSAT6_COUNTS), log_discrimination_sd=None)
    check_published(fit, lsat.LSAT6_2PL, digits=3e-3, errors=2e-3)


def test_2pl_gives_the_published_estimates_of_lsat_section_7() -> None:
    # mirt for R: EM stopped at steps of 1e-4, far from its end; errors from numerical derivatives.
    fit = fit_2pl(lsat.expand(lsat.LSAT7_COUNTS), log_discrimination_sd=None)
    check_published(fit, lsat.LSAT7_2PL, digits=2e-3, errors=3e-3)


def test_rasch_gives_the_published_estimates_of_lsat_section_7() -> None:
    fit = fit_rasch(lsat.expand(lsat.LSAT7_COUNTS))
    assert fit.ability_sd == pytest.approx(lsat.LSAT7_RASCH.discrimination[0], abs=6e-4)
    np.testing.assert_allclose(fit.ability_mean - fit.difficulty, lsat.LSAT7_RASCH.intercept, atol=6e-4)


# Our three ways to fit the Rasch model


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_marginal_and_conditional_estimates_of_a_long_test_are_one(missing: float) -> None:
    rng = cell_rng(0, "test agreement", "long", str(missing))
    correct = simulate_rasch(400, norm.ppf((np.arange(150) + 0.5) / 150), 0.3, 1.0, missing, rng)
    marginal, conditional = fit_rasch(correct), fit_conditional(correct)
    off = (marginal.difficulty - conditional.difficulty) / conditional.standard_error
    assert np.abs(off).max() < 0.05
    np.testing.assert_allclose(marginal.standard_error, conditional.standard_error, rtol=0.01)
    corrected = fit_joint(correct, corrected=True)
    assert np.max(np.abs(corrected.difficulty - conditional.difficulty) / conditional.standard_error) < 0.2


def test_marginal_estimates_keep_less_error_than_conditional_ones_where_abilities_are_normal() -> None:
    correct, _ = reference("rasch_complete")
    marginal, conditional = fit_rasch(correct), fit_conditional(correct)
    # The ability distribution is information: a little, and never less than none.
    assert np.mean(marginal.standard_error**2) < np.mean(conditional.standard_error**2)
    np.testing.assert_allclose(marginal.standard_error, conditional.standard_error, rtol=0.03)
