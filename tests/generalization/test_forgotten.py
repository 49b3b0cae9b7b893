"""Items that all trainings break: counted exactly, and held to what chance alone would make."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from easyhard.generalization.forgotten import forgotten_and_fixed
from easyhard.schema import MISSING, IntArray


def of(before: list[int], after: list[list[int]]) -> dict[str, float | None]:
    found = forgotten_and_fixed([np.array(before, dtype=np.int8)], [np.array(after, dtype=np.int8)])
    return {name: test.p_value for name, test in found.items()} | {
        f"{name} value": test.value for name, test in found.items()
    }


def test_the_p_value_is_binomial_over_items_that_one_run_alone_got_right() -> None:
    # Five items that one of four runs got right, four of them zero-shot; one that all got right says nothing.
    before = [1, 1, 1, 1, 0, 1]
    after = [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1]]
    found = of(before, after)
    assert found["forgotten_items value"] == 4
    wanted = sum(comb(5, k) * 0.25**k * 0.75 ** (5 - k) for k in (4, 5))
    assert found["forgotten_items"] == pytest.approx(wanted)
    assert found["fixed_items value"] == 0 and found["fixed_items"] == 1.0


def test_fixed_items_are_forgotten_ones_the_other_way_round() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 2, 40), rng.integers(0, 2, (3, 40))
    one, other = of(before.tolist(), after.tolist()), of((1 - before).tolist(), (1 - after).tolist())
    assert one["forgotten_items"] == other["fixed_items"] and one["fixed_items"] == other["forgotten_items"]


def test_missing_answers_are_no_answers() -> None:
    found = of([1, 1, MISSING, 1], [[0, MISSING, 0, MISSING], [0, 0, 0, MISSING]])
    assert found["forgotten_items value"] == 2
    assert found["forgotten_items"] == pytest.approx(1 / 3 * 1 / 2)
    assert of([MISSING], [[1]])["fixed_items"] == 1.0


def test_without_an_effect_it_seldom_speaks_and_with_one_it_does() -> None:
    rng, spoke, repeats = np.random.default_rng(1), 0, 400
    for _ in range(repeats):
        chance = rng.uniform(0.05, 0.95, 100)
        runs: IntArray = (rng.random((7, 100)) < chance).astype(np.int8)
        found = forgotten_and_fixed([runs[0]], [runs[1:]])
        spoke += any(test.direction != 0 for test in found.values())
    assert spoke / repeats < 0.1 + 2 * 0.015
    broken = np.ones((7, 30), dtype=np.int8)
    broken[1:] = 0
    test = forgotten_and_fixed([broken[0]], [broken[1:]])["forgotten_items"]
    assert test.direction == -1 and "more than chance would make" in test.sentence
