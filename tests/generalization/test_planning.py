from __future__ import annotations

import math

import numpy as np
import pytest

from easyhard.generalization import paired_gain, smallest_detectable_gain


def detected(n_items: int, n_seeds: int, base: float, gain: float, correlation: float, repeats: int = 1200) -> float:
    """Share of simulated cells whose interval excludes zero.

    An item is easy or hard for the model at even odds, which moves each accuracy a by
    sqrt(correlation a (1 - a)): the answers then correlate as asked.
    """
    rng = np.random.default_rng([n_items, n_seeds, round(100 * base)])
    accuracy = np.array([base] + [base + gain] * n_seeds)[:, None]
    shift = np.sqrt(correlation * accuracy * (1 - accuracy))
    assert (accuracy + shift <= 1).all() and (accuracy - shift >= 0).all()
    hits = 0
    for _ in range(repeats):
        side = rng.choice([-1.0, 1.0], n_items)
        answers = (rng.random((n_seeds + 1, n_items)) < accuracy + side * shift).astype(np.int8)
        found = paired_gain(answers[1:], answers[0])
        assert found is not None
        hits += found.interval.low > 0
    return hits / repeats


@pytest.mark.parametrize(
    ("n_items", "n_seeds", "base", "correlation"),
    [(50, 1, 0.5, 0.2), (100, 1, 0.2, 0.2), (100, 1, 0.4, 0.5), (300, 1, 0.7, 0.2), (60, 3, 0.5, 0.2)],
)
def test_the_promised_power_is_kept(n_items: int, n_seeds: int, base: float, correlation: float) -> None:
    gain = smallest_detectable_gain(n_items, n_seeds, base, correlation)
    assert detected(n_items, n_seeds, base, gain, correlation) == pytest.approx(0.8, abs=0.05)


def test_more_items_and_seeds_and_correlation_detect_less() -> None:
    assert smallest_detectable_gain(200) < smallest_detectable_gain(50)
    assert smallest_detectable_gain(50, n_seeds=4) < smallest_detectable_gain(50)
    assert smallest_detectable_gain(50, correlation=0.6) < smallest_detectable_gain(50)
    assert smallest_detectable_gain(50, power=0.9) > smallest_detectable_gain(50)


def test_without_room_nothing_can_be_detected() -> None:
    assert math.isinf(smallest_detectable_gain(100, base_accuracy=1.0))
    assert math.isinf(smallest_detectable_gain(20, base_accuracy=0.9))
    assert math.isfinite(smallest_detectable_gain(100, base_accuracy=0.0))
