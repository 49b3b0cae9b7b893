"""Several models of one study together: their shared items count once, and the interval covers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_up_study import Study

from easyhard.generalization import generalization
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.over_models import SCHEMA, mean_over_models, over_models, over_models_table
from easyhard.schema import FloatArray

ONE_CELL = np.ones((1, 1))


def a_study(rng: np.random.Generator, gains: FloatArray, n_items: int, shared: float, seeds: int = 1) -> list[Changes]:
    """One cell per model; on some items training helps every model, on as many it harms every model."""
    chance = rng.uniform(0.35, 0.65, n_items)
    moved = np.where(rng.random(n_items) < 0.5, shared, -shared)
    models = []
    for gain in gains:
        before = rng.random(n_items) < chance
        after = rng.random((1, seeds, n_items)) < chance + moved + gain
        models.append(Changes((after.astype(np.float64) - before,)))
    return models


def together(models: list[Changes]) -> tuple[float, float]:
    found = mean_over_models([contrast(changes, ONE_CELL) for changes in models])
    assert found.interval is not None
    return found.interval.low, found.interval.high


@pytest.mark.parametrize(("count", "between", "seeds"), [(2, 0.0, 1), (3, 0.05, 1), (6, 0.0, 3), (6, 0.1, 1)])
def test_the_interval_covers_whatever_the_models_share(count: int, between: float, seeds: int) -> None:
    rng, covered, repeats = np.random.default_rng([count, seeds]), 0, 500
    for _ in range(repeats):
        low, high = together(a_study(rng, 0.05 + rng.normal(0, between, count), 60, 0.3, seeds))
        covered += low <= 0.05 <= high
    assert covered / repeats >= 0.92


def test_the_same_answers_many_times_are_worth_one_model() -> None:
    rng = np.random.default_rng(0)
    one = a_study(rng, np.array([0.1]), 80, 0.3)[0]
    single = contrast(one, ONE_CELL)
    found = mean_over_models([single] * 5)
    assert found.value == pytest.approx(single.value) and found.between == 0.0
    interval = single.interval()
    assert interval is not None and found.interval is not None
    assert found.interval.high == pytest.approx(interval.high) and found.interval.low == pytest.approx(interval.low)


def test_without_shared_items_it_is_the_t_interval_of_the_values() -> None:
    """Models whose errors have nothing in common scatter by all there is, as a sample of numbers does."""
    rng = np.random.default_rng(1)
    half = 400
    contrasts = []
    for place in range(4):
        change = np.zeros((1, 1, 4 * half))
        change[0, 0, place * half : (place + 1) * half] = rng.choice([-1.0, 0.0, 1.0], half)
        contrasts.append(contrast(Changes((change,)), ONE_CELL))
    values = np.array([one.value for one in contrasts])
    found = mean_over_models(contrasts)
    assert found.value == pytest.approx(values.mean()) and found.interval is not None
    shared = sum(float(a.influence @ b.influence) for a in contrasts for b in contrasts if a is not b) / 12
    assert abs(shared) < 0.1 * values.var(ddof=1)


def test_true_differences_between_models_are_found() -> None:
    rng = np.random.default_rng(2)
    gains = np.linspace(-0.2, 0.2, 8)
    models = a_study(rng, gains, 2000, 0.0)
    found = mean_over_models([contrast(changes, ONE_CELL) for changes in models])
    assert found.between == pytest.approx(gains.std(ddof=1), rel=0.15)
    assert found.between_interval.low < gains.std(ddof=1) < found.between_interval.high
    assert found.prediction is not None and found.interval is not None
    assert found.prediction.low < found.interval.low < found.interval.high < found.prediction.high


def test_all_questions_are_asked_of_all_models_on_the_same_cells() -> None:
    study = Study()
    zero_shot = {name: study.pattern(lambda j: 20) for name in ("a", "b", "c")}
    runs = [
        run
        for number, name in enumerate(zero_shot)
        for run in study.runs(lambda i, j, n=number: 34 + n - 4 * abs(i - j), model=name)  # type: ignore[misc]
    ]
    table = generalization(study.bins, zero_shot, runs).over_models
    assert table.schema == SCHEMA and "distance_slope" in table["test"] and table["n_models"].unique().to_list() == [3]
    slope = table.row(by_predicate=pl.col("test") == "distance_slope", named=True)
    assert slope["value"] == pytest.approx(-0.1) and slope["direction"] == -1 and slope["p_value"] < 0.01
    assert slope["sentence"].startswith("Over 3 models together: the gain falls with each bin of distance")
    assert "one more model would lie within" in slope["sentence"]
    mean = table.row(by_predicate=pl.col("test") == "mean_gain", named=True)
    assert mean["value"] == pytest.approx(np.mean([[[14 + n - 4 * abs(i - j) for i in range(5)] for j in range(5)]
                                                   for n in range(3)]) / 40)  # fmt: skip


def test_one_model_or_none_with_a_result_is_not_pooled() -> None:
    rng = np.random.default_rng(3)
    one = a_study(rng, np.array([0.1]), 20, 0.0)[0]
    lost = Changes((np.full((1, 1, 20), np.nan),))
    assert over_models([one]) == {} and over_models([one, lost]) == {}
    assert over_models_table([one]).is_empty() and over_models_table([one]).schema == SCHEMA
    assert over_models([one, lost, one])["mean_gain"].n_models == 2
