"""A random-effects summary agrees with a published one, and its interval covers."""

from __future__ import annotations

import numpy as np
import pytest

from easyhard.generalization.pooled import pooled
from easyhard.schema import InputError


def test_equal_estimates_have_no_spread_between_them() -> None:
    found = pooled([0.1, 0.1, 0.1], [0.02, 0.02, 0.02])
    assert found.mean == pytest.approx(0.1) and found.between == 0.0
    # Hartung and Knapp's factor is held at 1: the errors are known to be there.
    assert found.interval.high - found.mean == pytest.approx(4.303 * 0.02 / np.sqrt(3), rel=1e-3)


def test_the_variance_between_solves_its_equation() -> None:
    value, error = np.array([0.02, -0.10, 0.15, 0.30]), np.array([0.03, 0.05, 0.04, 0.08])
    found = pooled(value, error)
    weight = 1 / (error**2 + found.between**2)
    assert (weight * (value - found.mean) ** 2).sum() == pytest.approx(3.0, abs=1e-6)
    assert found.prediction is not None and found.prediction.low < found.interval.low


def test_equal_errors_give_the_plain_mean_and_variance() -> None:
    """With equal errors the variance between is that of the values less that of an error, and the interval is t's."""
    value = np.array([0.0, 0.1, 0.2, 0.5, 0.3])
    found = pooled(value, np.full(5, 0.05))
    assert found.mean == pytest.approx(value.mean())
    assert found.between**2 == pytest.approx(value.var(ddof=1) - 0.05**2, rel=1e-9)
    assert found.interval.high - found.mean == pytest.approx(2.776 * value.std(ddof=1) / np.sqrt(5), rel=1e-3)


@pytest.mark.parametrize(("n", "between"), [(3, 0.0), (5, 0.05), (7, 0.1)])
def test_the_interval_covers_simulated_means(n: int, between: float) -> None:
    rng, covered, repeats = np.random.default_rng(n), 0, 600
    for _ in range(repeats):
        error = rng.uniform(0.02, 0.08, n)
        found = pooled(0.1 + rng.normal(0, between, n) + rng.normal(0, error), error)
        covered += found.interval.low <= 0.1 <= found.interval.high
    assert covered / repeats >= 0.92


def test_words_and_refusals() -> None:
    text = pooled([0.1, 0.2, 0.15], [0.02, 0.02, 0.03]).reading("The slope on distance")
    assert text.startswith("The slope on distance, over 3 together: +15.0 points (95% interval +2.2 to +27.8)")
    assert "one more would lie within" in text
    assert "one more" not in pooled([0.1, 0.2], [0.02, 0.02]).reading("The slope")
    with pytest.raises(InputError, match="cannot be pooled"):
        pooled([0.1], [0.1])
    with pytest.raises(InputError, match="not positive"):
        pooled([0.1, 0.2], [0.1, 0.0])
