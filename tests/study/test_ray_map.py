"""Promises of shards through Ray: the answer of ``map``, in order, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ray = pytest.importorskip("ray")

from easyhard.chance import cell_rng
from easyhard.irt.sharded import fit_rasch_sharded
from easyhard.irt.simulate import simulate_rasch
from easyhard.responses import write_shards
from easyhard.schema import InputError, Responses, WorkError
from easyhard.study.ray_map import ray_map

# Ray leaves its services, and older versions their logs, for Python to close, which warns of it.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:subprocess \d+ is still running:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:unclosed file .*/ray/session_:ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, with two workers, which find this file's functions."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@dataclass(frozen=True)
class KilledOnce:
    """A function whose worker is killed at one shard, the first time that any worker gets there."""

    function: Callable[[Any], Any]
    at: Any
    marker: Path

    def __call__(self, shard: Any) -> Any:
        if shard == self.at and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(shard)


def responses_with_extremes() -> Responses:
    rng = cell_rng(0, "test ray")
    correct = simulate_rasch(200, rng.normal(0, 1.5, 90), 0.3, 1.0, 0.4, rng)
    correct[:, 0] = np.where(correct[:, 0] == -1, -1, 1)
    names = [tuple(f"{kind} {number}" for number in range(n)) for kind, n in (("r", 200), ("i", 90))]
    return Responses(correct, names[0], names[1])


@pytest.mark.usefixtures("cluster")
def test_a_fit_in_two_workers_one_of_them_killed_is_that_of_map(tmp_path: Path) -> None:
    found = write_shards(responses_with_extremes().frame(), tmp_path / "shards", 2000)
    assert len(found.shards) >= 5
    marker, passes = tmp_path / "killed", []

    def map_shards(function: Callable[[Any], Any], shards: Sequence[Any]) -> Iterator[Any]:
        passes.append(len(shards))
        half_way = KilledOnce(function, shards[len(shards) // 2], marker) if len(passes) == 4 else function
        return ray_map(half_way, shards)

    expected = fit_rasch_sharded(found.shards, found.n_items)
    fit = fit_rasch_sharded(found.shards, found.n_items, map_shards)
    assert marker.exists()
    np.testing.assert_allclose(fit.difficulty, expected.difficulty, atol=1e-8)
    np.testing.assert_allclose(fit.standard_error, expected.standard_error, rtol=1e-8)
    assert fit.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)


def squared(number: int) -> int:
    return number**2


def killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def refused(number: int) -> int:
    raise InputError(f"{number} is not liked. Give another.")


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("most_in_flight", [None, 1, 3])
def test_answers_come_in_order_however_many_are_in_flight(most_in_flight: int | None) -> None:
    assert list(ray_map(squared, range(20), most_in_flight)) == [number**2 for number in range(20)]
    assert list(ray_map(squared, [], most_in_flight)) == []


@pytest.mark.usefixtures("cluster")
def test_no_more_are_begun_than_may_be_in_flight() -> None:
    begun: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            begun.append(number)
            yield number

    answers = ray_map(squared, numbers(), most_in_flight=3)
    for taken in range(5):
        assert next(answers) == taken**2
        assert len(begun) <= 3 + taken
    answers.close()


@pytest.mark.usefixtures("cluster")
def test_what_the_function_raises_is_raised_here_and_a_hopeless_shard_is_given_up() -> None:
    with pytest.raises(InputError, match=r"^1 is not liked\. Give another\.$"):
        list(ray_map(refused, [1, 2]))
    with pytest.raises(WorkError, match="died again and again"):
        list(ray_map(killed, [1], retries=0))


def test_without_ray_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'easyhard\[ray\]'"):
        list(ray_map(squared, [1]))
