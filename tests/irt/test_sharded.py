from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, simulate_rasch
from easyhard.irt.item_model import ItemModel
from easyhard.irt.sharded import fit_2pl_sharded, fit_rasch_sharded
from easyhard.schema import InputError, IntArray, SparseResponses


@dataclass(frozen=True)
class HeldShard:
    """Rows of a matrix, handed out as they would be read."""

    correct: IntArray

    def load(self) -> SparseResponses:
        seen = self.correct != -1
        row, item = np.nonzero(seen)
        starts = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
        return SparseResponses(starts, item.astype(np.int32), self.correct[row, item])


@dataclass(frozen=True)
class GivenShard:
    """Responses as they are given."""

    responses: SparseResponses

    def load(self) -> SparseResponses:
        return self.responses


def shards_of(correct: IntArray, count: int, seed: int = 0) -> list[HeldShard]:
    """The respondents of ``correct`` in ``count`` shards of any size, in any order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(correct))
    cuts = np.sort(rng.integers(0, len(correct) + 1, count - 1))
    return [HeldShard(correct[rows]) for rows in np.split(order, cuts)]


def fit_shards(correct: IntArray, count: int, seed: int = 0) -> ItemModel:
    return fit_rasch_sharded(shards_of(correct, count, seed), correct.shape[1])


def simulated(name: str, n_respondents: int, n_items: int, missing: float) -> IntArray:
    rng = cell_rng(0, "test sharded", name)
    correct = simulate_rasch(n_respondents, rng.normal(0, 1.5, n_items), 0.4, 1.0, missing, rng)
    return correct[:, (correct != -1).any(axis=0)]


def three_benchmarks() -> IntArray:
    """Every respondent has seen two of three benchmarks, the whole of each."""
    correct = simulated("benchmarks", 300, 90, 0.0)
    for left_out in range(3):
        correct[left_out::3, 30 * left_out : 30 * left_out + 30] = -1
    return correct


DATA: dict[str, Callable[[], IntArray]] = {
    "complete": lambda: simulated("complete", 200, 80, 0.0),
    "a tenth missing": lambda: simulated("tenth", 200, 150, 0.1),
    "nine tenths missing": lambda: simulated("nine tenths", 300, 250, 0.9),
    "all of a benchmark or nothing": three_benchmarks,
    "items all right or all wrong": lambda: np.hstack(
        [simulated("extremes", 40, 150, 0.3), np.ones((40, 2), dtype=np.int8), np.zeros((40, 1), dtype=np.int8)]
    ),
}


@pytest.fixture
def by_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of information by expectation also where ``fit_rasch`` could afford it case by case."""
    monkeypatch.setattr("easyhard.irt.search.exact_rows_are_few", lambda n_cases, n_parameters: False)


def assert_same(found: ItemModel, expected: ItemModel) -> None:
    np.testing.assert_allclose(found.difficulty, expected.difficulty, atol=1e-8)
    np.testing.assert_allclose(found.standard_error, expected.standard_error, rtol=1e-6)
    np.testing.assert_allclose(found.discrimination, expected.discrimination, atol=1e-8)
    np.testing.assert_allclose(found.discrimination_error, expected.discrimination_error, rtol=1e-6)
    assert found.ability_mean == pytest.approx(expected.ability_mean, abs=1e-8)
    assert found.ability_sd == pytest.approx(expected.ability_sd, abs=1e-8)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-11)
    assert found.n_parameters == expected.n_parameters
    assert found.converged is expected.converged


@pytest.mark.usefixtures("by_expectation")
@pytest.mark.parametrize("data", list(DATA))
def test_shards_give_what_all_responses_together_give(data: str) -> None:
    correct = DATA[data]()
    expected = fit_rasch(correct)
    for count in (1, 3, 20):
        assert_same(fit_shards(correct, count, seed=count), expected)


@pytest.mark.usefixtures("by_expectation")
@pytest.mark.parametrize(("data", "prior"), [*((name, 1.0) for name in DATA), ("complete", None)])
def test_2pl_in_shards_gives_what_all_responses_together_give(data: str, prior: float | None) -> None:
    correct = DATA[data]()
    expected = fit_2pl(correct, prior)
    for count in (1, 7):
        assert_same(fit_2pl_sharded(shards_of(correct, count, seed=count), correct.shape[1], map, prior), expected)


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_neither_number_nor_order_of_shards_changes_an_estimate(count: int, seed: int) -> None:
    correct = simulated("any sharding", 60, 70, 0.5)
    assert_same(fit_shards(correct, count, seed), fit_shards(correct, 1))


def test_standard_errors_are_near_those_taken_case_by_case() -> None:
    correct = simulated("case by case", 400, 90, 0.3)
    found, exact = fit_shards(correct, 4), fit_rasch(correct)
    np.testing.assert_allclose(found.difficulty, exact.difficulty, atol=1e-8)
    np.testing.assert_allclose(found.standard_error, exact.standard_error, rtol=5e-3)


def test_items_all_right_or_all_wrong_in_batches_are_where_they_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = simulated("batches", 12, 200, 0.4)
    at_once = fit_shards(correct, 3)
    n_extreme = int(((correct != 0).all(axis=0) | (correct != 1).all(axis=0)).sum())
    assert n_extreme > 20
    monkeypatch.setattr("easyhard.irt.sharded._EXTREMES_AT_ONCE", 4)
    assert_same(fit_shards(correct, 3), at_once)


def test_a_shard_or_respondent_without_responses_counts_for_nothing() -> None:
    correct = simulated("nothing", 80, 70, 0.3)
    empty, nobody = np.full((2, 70), -1, dtype=np.int8), np.empty((0, 70), dtype=np.int8)
    shards = [HeldShard(nobody), HeldShard(correct[:50]), HeldShard(empty), HeldShard(correct[50:]), HeldShard(nobody)]
    assert_same(fit_rasch_sharded(shards, 70), fit_shards(correct, 1))


def test_items_of_a_respondent_may_come_in_any_order() -> None:
    correct = simulated("backwards", 80, 70, 0.3)
    sorted_ = HeldShard(correct).load()
    order = np.concatenate(
        [np.arange(b - 1, a - 1, -1) for a, b in zip(sorted_.starts, sorted_.starts[1:], strict=False)]
    )
    backwards = SparseResponses(sorted_.starts, sorted_.item[order], sorted_.correct[order])
    assert_same(fit_rasch_sharded([GivenShard(backwards)], 70), fit_shards(correct, 1))


def test_all_that_travels_can_be_pickled_and_is_small_beside_the_responses() -> None:
    correct = simulated("travel", 500, 70, 0.2)
    correct[:, 0] = 1
    travelled: list[int] = []

    def far_away(function: Callable[[Any], Any], shards: Sequence[Any]) -> Iterator[Any]:
        for shard in shards:
            answer = pickle.dumps(pickle.loads(pickle.dumps(function))(shard))
            travelled.append(len(answer))
            yield pickle.loads(answer)

    shards = shards_of(correct, 2)
    assert_same(fit_rasch_sharded(shards, 70, far_away), fit_rasch_sharded(shards, 70))
    n_numbers = np.array(travelled[:-2]) / 8  # without the last question, that for the item all right
    assert n_numbers.max() < 150 * 70 + 40_000  # a part by the item and a part that depends on abilities alone


def test_far_more_respondents_than_one_block_holds_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = simulated("blocks", 300, 70, 0.5)
    whole = fit_shards(correct, 2)
    monkeypatch.setattr("easyhard.irt.cases._SLICE", 1500)
    monkeypatch.setattr("easyhard.irt.counts.row_blocks.__defaults__", (1500,))
    assert_same(fit_shards(correct, 2), whole)


def given_shard(starts: Sequence[int], item: Sequence[int], correct: Sequence[int]) -> GivenShard:
    codes: npt.NDArray[np.int8] = np.array(correct, dtype=np.int8)
    return GivenShard(SparseResponses(np.array(starts), np.array(item, dtype=np.int32), codes))


@pytest.mark.parametrize(
    ("shard", "finding"),
    [
        (given_shard([0, 2, 3], [0, 0, 1], [1, 0, 1]), "respondent 0 has more than one response to item 0"),
        (given_shard([0, 2, 5], [0, 1, 1, 0, 1], [1, 0, 1, 1, 0]), "respondent 1 has more than one response to item 1"),
        (given_shard([0, 1, 2], [0, 2], [1, 0]), "response 1 is to item 2"),
        (given_shard([0, 1, 2], [0, -1], [1, 0]), "response 1 is to item -1"),
        (given_shard([0, 1, 2], [0, 1], [1, -1]), "response 1 has the code -1"),
        (given_shard([0, 1], [0, 1], [1, 0]), "do not rise from 0 to its 2 responses"),
        (given_shard([0, 2, 1, 2], [0, 1], [1, 0]), "do not rise"),
        (given_shard([0, 1, 2], [0, 1], [1]), "2 items but 1 codes"),
        (given_shard([0, 1, 2], [0, 0], [1, 0]), "1 of 2 items have no response"),
        (given_shard([0, 2], [0, 1], [1, 0]), "1 respondents x 2 items are too few"),
        (given_shard([0, 2, 4], [0, 1, 0, 1], [1, 0, 0, 0]), "1 of 2 items were answered correctly by some"),
    ],
)
def test_a_shard_that_cannot_be_used_is_refused_with_the_place(shard: GivenShard, finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        fit_rasch_sharded([shard], 2)


def test_the_shard_at_fault_is_named() -> None:
    good, bad = given_shard([0, 2, 4], [0, 1, 0, 1], [1, 0, 0, 1]), given_shard([0, 1], [7], [1])
    with pytest.raises(InputError, match=r"shard GivenShard.*item 7"):
        fit_rasch_sharded([good, bad], 2)
    with pytest.raises(InputError, match="no shard"):
        fit_rasch_sharded([], 2)
    with pytest.raises(InputError, match="log_discrimination_sd is 0"):
        fit_2pl_sharded([good], 2, log_discrimination_sd=0.0)
