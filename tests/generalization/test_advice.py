"""Advice names a winner only where the data do, and the supervision gap only where there is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from easyhard.generalization.advice import advise
from easyhard.generalization.changes import Changes
from easyhard.generalization.recovered import gap_recovered

ROWS = [f"bin {k}" for k in range(5)] + ["the mixture 'uniform'"]


def simulated(gains: np.ndarray, n_items: int, rng: np.random.Generator, seeds: int = 1) -> Changes:
    """Simulated changes [rows, seeds, items] of items that half of all runs get right, paired within an item."""
    by_eval_bin = []
    for column in range(gains.shape[1]):
        chance = rng.uniform(0.3, 0.7, n_items)
        before = rng.random(n_items) < chance
        after = rng.random((len(gains), seeds, n_items)) < chance + gains[:, column, None, None]
        by_eval_bin.append(after.astype(float) - before)
    return Changes(tuple(by_eval_bin))


def by_goal(changes: Changes, rows: list[str] = ROWS) -> dict[str, dict[str, Any]]:
    return {advice["goal"]: advice for advice in advise(changes, rows)}


def test_a_clear_winner_is_named_for_each_goal() -> None:
    gains = np.zeros((6, 5))
    gains[5] = 0.15  # the mixture helps everywhere
    gains[4, 4] = gains[4, 3] = 0.29  # the hardest bin helps the hardest items most
    found = by_goal(simulated(gains, 4000, np.random.default_rng(0)))
    assert found["the best mean over all bins"]["choice"] == "the mixture 'uniform'"
    assert found["the best worst bin"]["choice"] == "the mixture 'uniform'"
    assert found["the best on the hardest third"]["choice"] == "bin 4"
    assert all(advice["shown"] and not advice["also"] for advice in found.values())
    assert all("ahead of all others" in advice["sentence"] for advice in found.values())


def test_equals_are_said_to_be_equal() -> None:
    gains = np.full((6, 5), 0.1)
    gains[0] = -0.2
    for advice in by_goal(simulated(gains, 400, np.random.default_rng(1))).values():
        assert len(advice["also"]) >= 3 and "bin 0" not in [advice["choice"], *advice["also"]]
        assert "The data cannot tell it apart from" in advice["sentence"]


def test_without_any_effect_a_winner_is_rarely_named() -> None:
    """Simulated without effect: at most 5% of studies say that a training helps or is ahead of all."""
    rng, repeats = np.random.default_rng(2), 60
    shown, ahead = 0, 0
    for _ in range(repeats):
        found = by_goal(simulated(np.zeros((6, 5)), 40, rng))
        shown += any(advice["shown"] for advice in found.values() if advice["goal"].startswith("the best mean"))
        ahead += any(not advice["also"] for advice in found.values())
    assert shown / repeats <= 0.1 and ahead / repeats <= 0.1


def test_one_training_gives_no_advice() -> None:
    changes = simulated(np.zeros((2, 5)), 30, np.random.default_rng(3))
    alone = Changes(tuple(np.where(np.arange(2)[:, None, None] == 0, change, np.nan) for change in changes.by_eval_bin))
    assert advise(alone, ["bin 0", "bin 1"]) == []


def recovered(easy: float, hard: float, n_items: int, rng: np.random.Generator) -> Any:
    gains = np.zeros((6, 6))
    gains[:2, 4:], gains[4:, 4:] = easy, hard
    return gap_recovered(simulated(gains, n_items, rng))


def test_the_gap_recovered_is_the_ratio_of_the_gains() -> None:
    found = recovered(0.1, 0.2, 40_000, np.random.default_rng(0))
    assert found.value == pytest.approx(0.5, abs=0.03)
    assert found.interval.low < 0.5 < found.interval.high
    assert "recovers 50%" in found.sentence or "recovers 49%" in found.sentence or "recovers 51%" in found.sentence


def test_no_gap_no_ratio() -> None:
    found = recovered(0.1, 0.0, 100, np.random.default_rng(0))
    assert found.value is None and "is not defined" in found.sentence


def test_the_ends_are_where_johnson_s_t_of_the_items_meets_student_s_quantile() -> None:
    """Fieller's limits found again from the items' own numbers: easy less r times hard, in the two hardest bins."""
    gains = np.zeros((6, 6))
    gains[:2, 4:], gains[4:, 4:] = 0.1, 0.3
    changes = simulated(gains, 40, np.random.default_rng(11))
    found = gap_recovered(changes)
    assert found.interval is not None
    for r in (found.interval.low, found.interval.high):
        items = [change[:2, 0].mean(axis=0) - r * change[4:, 0].mean(axis=0) for change in changes.by_eval_bin[4:]]
        parts = np.array([one.var(ddof=1) / len(one) / 4 for one in items])
        freedom = parts.sum() ** 2 / (parts**2 / 39).sum()
        third = sum(float(((one - one.mean()) ** 3).sum()) * (40 / 39) ** 1.5 / 80**3 for one in items)
        t = stats.t.ppf(0.975, freedom)
        shifted = np.mean(items) + (1 + 2 * t**2) * third / (6 * parts.sum())
        assert abs(shifted) == pytest.approx(t * np.sqrt(parts.sum()), rel=1e-4)


def test_the_intervals_cover_simulated_ratios() -> None:
    rng, repeats, covered, defined = np.random.default_rng(4), 80, 0, 0
    for _ in range(repeats):
        found = recovered(0.1, 0.25, 150, rng)
        if found.interval:
            defined += 1
            covered += found.interval.low <= 0.4 <= found.interval.high
    assert defined > 0.9 * repeats
    assert covered / defined >= 0.89
