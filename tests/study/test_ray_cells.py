"""Promises of cells on a Ray cluster of two workers: the same numbers, and a worker that dies costs its cell only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")
pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study
from test_study_processes import LEARNS, SLOW, killing, matrix_alone, placing, run, stacks, two_models

from easyhard.schema import InputError
from easyhard.study import Machines, study_status
from easyhard.study.ray_cells import GIB, _fits, _options

# Ray leaves its services, and older versions their logs, for Python to close, which warns of it.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:subprocess \d+ is still running:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:unclosed file .*/ray/session_:ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, with two workers."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
def test_a_study_on_ray_has_the_numbers_of_one_process(tmp_path: Path) -> None:
    expected = matrix_alone(tmp_path / "alone")
    outcome = run(small_study(tmp_path, training=LEARNS), Machines("ray"))
    assert outcome.matrix.runs.equals(expected.runs) and expected.runs["gain"].abs().sum() > 0
    assert stacks(outcome.folder) == [1, 2, 2]  # half of what is left for each of two workers


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_its_cells_work_only(tmp_path: Path) -> None:
    path = small_study(tmp_path, training=SLOW)
    with killing(tmp_path / "run" / "models" / "tiny" / "bin-01" / "seed-0", "training", 1) as killed:
        outcome = run(path, Machines("ray"))
    assert len(killed) == 1 and outcome.failed == ()
    assert study_status(outcome.folder).count("done") == 4
    assert not list(outcome.folder.rglob(".*.part"))


@pytest.mark.usefixtures("cluster")
def test_each_worker_keeps_to_a_model(tmp_path: Path) -> None:
    with placing(tmp_path / "run") as seen:
        assert run(two_models(tmp_path), Machines("ray")).failed == ()
    assert {model for _, model in seen} == {"a", "b"} and len(seen) <= 3


def test_what_a_cell_needs_is_declared_and_held_against_each_machine() -> None:
    machine = {"CPU": 8.0, "GPU": 1.0, "memory": 32.0 * GIB}
    assert _options(Machines("ray"), machine) == {"num_cpus": 1, "num_gpus": 1.0}
    assert _options(Machines("ray"), {"CPU": 8.0}) == {"num_cpus": 1, "num_gpus": 0.0}
    asked = _options(Machines("ray", cpus=4, gpus=0.5, memory=24), machine)
    assert asked == {"num_cpus": 4, "num_gpus": 0.5, "memory": 24 * GIB}
    assert _fits(machine, asked) and not _fits({"CPU": 8.0}, asked) and not _fits({**machine, "CPU": 2.0}, asked)


def test_without_ray_the_way_to_get_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'easyhard\[ray\]'"):
        run(small_study(tmp_path), Machines("ray"))
