"""Several studies together: what they share counts once, and the interval covers."""

from __future__ import annotations

import numpy as np
import pytest

from easyhard.generalization.changes import Changes, Contrast, contrast
from easyhard.generalization.over_models import ASKED, mean_over_models
from easyhard.generalization.over_studies import SCHEMA, Estimate, connected, mean_over_studies, over_studies_table
from easyhard.schema import InputError

N = 60


def a_cell(rng: np.random.Generator, gain: float, moved: np.ndarray, seeds: int = 1) -> Contrast:
    """Gain of one training on one bin of items, that training moves by ``moved`` in every model."""
    chance = np.full(len(moved), 0.45)
    before = rng.random(len(moved)) < chance
    after = rng.random((1, seeds, len(moved))) < chance + moved + gain
    return contrast(Changes((after.astype(np.float64) - before,)), np.ones((1, 1)))


def a_dataset(rng: np.random.Generator, number: int, gains: dict[str, float], seeds: int = 1) -> list[Estimate]:
    moved = np.where(rng.random(N) < 0.5, 0.3, -0.3)
    items = tuple(f"{number}/{item}" for item in range(N))
    return [Estimate(number, model, items, a_cell(rng, gain, moved, seeds)) for model, gain in gains.items()]


@pytest.mark.parametrize(
    ("n_datasets", "n_models", "recur", "by_dataset", "by_model"),
    [(2, 2, True, 0.0, 0.0), (3, 1, False, 0.05, 0.0), (3, 3, True, 0.05, 0.05), (4, 2, False, 0.1, 0.05)],
)
def test_the_interval_covers_a_common_effect(
    n_datasets: int, n_models: int, recur: bool, by_dataset: float, by_model: float
) -> None:
    rng, covered, repeats = np.random.default_rng([n_datasets, n_models]), 0, 300
    for _ in range(repeats):
        of_model = {f"m{k}": rng.normal(0, by_model) for k in range(n_models)}
        estimates = []
        for number in range(n_datasets):
            own = of_model if recur else {f"{number}/{k}": rng.normal(0, by_model) for k in range(n_models)}
            shift = 0.05 + rng.normal(0, by_dataset)
            estimates += a_dataset(rng, number, {name: shift + gain for name, gain in own.items()})
        interval = mean_over_studies(estimates).interval
        assert interval is not None
        covered += interval.low <= 0.05 <= interval.high
    assert covered / repeats >= 0.92


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_study_twice_is_worth_one(seeds: int) -> None:
    rng = np.random.default_rng(0)
    (one,) = a_dataset(rng, 0, {"m": 0.1}, seeds)
    found, alone = mean_over_studies([one, one, one]), one.contrast.interval()
    assert alone is not None and found.interval is not None and found.value == pytest.approx(one.contrast.value)
    assert (found.interval.low, found.interval.high) == pytest.approx((alone.low, alone.high))
    assert (found.n_datasets, found.n_models) == (1, 1) and found.covers == "items like these"


def test_several_studies_twice_are_worth_what_they_are_once() -> None:
    rng = np.random.default_rng(1)
    estimates = [one for number in range(3) for one in a_dataset(rng, number, {"a": 0.1, "b": 0.2, "c": 0.0})]
    once, twice = mean_over_studies(estimates), mean_over_studies([*estimates, *estimates])
    assert once.interval is not None and twice.interval is not None
    assert (twice.interval.low, twice.interval.high) == pytest.approx((once.interval.low, once.interval.high))
    assert twice.between == pytest.approx(once.between) and twice.n_models == 3 and twice.n_datasets == 3


def test_studies_of_one_dataset_are_what_one_study_of_their_models_is() -> None:
    rng = np.random.default_rng(2)
    estimates = a_dataset(rng, 0, {"a": 0.1, "b": 0.2, "c": 0.0})
    found, wanted = mean_over_studies(estimates), mean_over_models([one.contrast for one in estimates])
    assert found.interval == wanted.interval and found.prediction == wanted.prediction
    assert found.between == wanted.between and found.covers == "models and items like these, on this dataset"


def test_items_shared_in_part_are_matched_by_name_and_not_by_place() -> None:
    rng = np.random.default_rng(3)
    (one,) = a_dataset(rng, 0, {"m": 0.1})
    order = rng.permutation(N)
    spread = one.contrast.spread
    other = Estimate(
        0, "m", tuple(one.items[k] for k in order), Contrast(0.0, spread, one.contrast.influence[order])
    )  # the same answers in another order
    apart = Estimate(0, "m", tuple(f"x{k}" for k in range(N)), one.contrast)
    alone = one.contrast.interval()
    same, half = mean_over_studies([one, other]).interval, mean_over_studies([one, apart]).interval
    assert alone is not None and same is not None and half is not None
    assert same.high - same.low == pytest.approx(alone.high - alone.low)
    assert half.high - half.low == pytest.approx((alone.high - alone.low) / np.sqrt(2))


def test_datasets_with_models_of_their_own_give_students_interval_of_their_means() -> None:
    rng = np.random.default_rng(4)
    estimates = [one for k in range(4) for one in a_dataset(rng, k, {f"{k}a": 0.1 * k, f"{k}b": 0.1 * k})]
    means = np.array([np.mean([one.contrast.value for one in estimates if one.dataset == k]) for k in range(4)])
    found = mean_over_studies(estimates)
    assert found.interval is not None and found.value == pytest.approx(means.mean())
    assert found.interval.high - found.value == pytest.approx(3.182446 * means.std(ddof=1) / 2)
    assert found.between is not None and 0 < found.between < means.std(ddof=1)


def test_one_more_dataset_is_never_better_known_than_the_mean() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        found = mean_over_studies([one for k in range(3) for one in a_dataset(rng, k, {"a": -0.1, "b": 0.2})])
        assert found.prediction is not None and found.interval is not None
        assert found.prediction.low <= found.interval.low and found.interval.high <= found.prediction.high


def test_models_that_recur_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    estimates = [one for number in range(4) for one in a_dataset(rng, number, {"a": -0.2, "b": 0.3})]
    apart = [Estimate(one.dataset, f"{one.dataset}/{one.model}", one.items, one.contrast) for one in estimates]
    recurring, others = mean_over_studies(estimates).interval, mean_over_studies(apart).interval
    assert recurring is not None and others is not None
    assert recurring.high - recurring.low > 2 * (others.high - others.low)


def test_the_sentence_says_what_the_interval_covers() -> None:
    rng = np.random.default_rng(6)
    estimates = [one for number in range(3) for one in a_dataset(rng, number, {"a": 0.1, "b": 0.2})]
    table = over_studies_table({"mean_gain": mean_over_studies(estimates)})
    assert table.schema == SCHEMA
    sentence = table["sentence"][0]
    assert sentence.startswith("Over 3 datasets and 2 models together: training ")
    for part in (", for datasets and models like these;", " for these datasets alone, with other items and seeds)",
                 "true values of datasets differ by ", "one more dataset would lie within "):  # fmt: skip
        assert part in sentence
    alone = mean_over_studies(estimates[:1]).reading(ASKED["mean_gain"])
    assert alone.startswith("Over 1 dataset and 1 model together: ") and alone.endswith(", for items like these).")
    with pytest.raises(InputError, match="no estimate"):
        mean_over_studies([])


def test_keys_with_a_part_in_common_are_connected_also_through_others() -> None:
    assert connected({"a": "12", "b": "3", "c": "24", "d": "45", "e": ""}) == [["a", "c", "d"], ["b"], ["e"]]
    assert connected({}) == []
