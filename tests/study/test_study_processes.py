"""Promises of cells in several processes: the same numbers, and a process that dies costs its cell's work only."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.schema import GeneralizationMatrix
from easyhard.study import Machines, StudyOutcome, StudyProgress, read_config, run_study, study_status
from easyhard.study.record import RUNNING
from tiny_model import save_tiny_model

LEARNS = {"epochs": 4, "batch_size": 4, "max_items": 8, "rank": 2, "learning_rate": 0.05}
SLOW = {**LEARNS, "epochs": 60}  # long enough to be found at work


def run(path: Path, machines: Machines | None = None) -> StudyOutcome:
    return run_study(read_config(path), StudyProgress(Console(quiet=True)), machines=machines)


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of a model's numbers depend on how many threads share them."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def matrix_alone(folder: Path) -> GeneralizationMatrix:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        folder.mkdir()
        # Side by side adapters are summed in another order, and their last digits differ.
        return run(small_study(folder, training=LEARNS), Machines(together=1)).matrix
    finally:
        torch.set_num_threads(threads)


@contextmanager
def killing(folder: Path, step: str, times: int, above: str = "") -> Iterator[list[int]]:
    """Meanwhile kill the process that works on the step in ``folder/step``, so many times.

    ``above``: a pattern for what lies between the two, ending in a slash.
    """
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while len(killed) < times and not over.wait(0.002):
            for file in folder.glob(f"{above}.{step}.*.part/{RUNNING}"):
                try:
                    number = int(json.loads(file.read_text())["pid"])
                except (OSError, ValueError):  # gone meanwhile, or not yet written
                    continue
                if number not in killed and number != os.getpid():
                    os.kill(number, signal.SIGKILL)
                    killed.append(number)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def stacks(folder: Path) -> list[int]:
    """How many trainings went side by side, of each training."""
    records = [json.loads(file.read_text()) for file in folder.glob("models/*/*/*/training/record.json")]
    return sorted(record.get("together", 1) for record in records)


def test_two_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    expected = matrix_alone(tmp_path / "alone")
    outcome = run(small_study(tmp_path, training=LEARNS), Machines(workers=2))
    assert outcome.matrix.runs.equals(expected.runs) and expected.runs["gain"].abs().sum() > 0
    assert stacks(outcome.folder) == [1, 2, 2]  # half of what is left for each
    assert not list(outcome.folder.rglob("log.txt"))


def test_a_killed_process_costs_its_cell_and_a_cell_that_kills_twice_has_failed(tmp_path: Path) -> None:
    path = small_study(tmp_path, training=SLOW)
    home = tmp_path / "run" / "models" / "tiny"
    with (
        killing(home / "bin-01" / "seed-0", "training", 1) as once,
        killing(home / "bin-02" / "seed-0", "training", 2) as twice,
    ):
        outcome = run(path, Machines(workers=2))
    assert (len(once), len(twice)) == (1, 2)
    assert outcome.failed == ("tiny, trained on bin 2, seed 0",)
    table = study_status(outcome.folder)
    assert (table.count("done"), table.count("failed")) == (3, 1)
    (error,) = table.cells["error"].drop_nulls()
    assert error.startswith("The process that worked on it was killed by SIGKILL, and so did a second one.")
    assert (home / "bin-02" / "seed-0" / "training" / "log.txt").is_file()
    assert not list(outcome.folder.rglob(".*.part"))


@contextmanager
def placing(folder: Path) -> Iterator[set[tuple[int, str]]]:
    """Meanwhile note which process works on which model, as its steps tell."""
    seen: set[tuple[int, str]] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            for file in folder.glob(f"models/*/bin-*/*/.*.part/{RUNNING}"):
                with suppress(OSError, ValueError):  # gone meanwhile, or not yet written
                    seen.add((int(json.loads(file.read_text())["pid"]), file.relative_to(folder).parts[1]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def two_models(folder: Path) -> Path:
    models = [{"path": str(save_tiny_model(folder / name, seed)), "name": name} for seed, name in enumerate("ab")]
    return small_study(folder, models=models, training=SLOW, seeds=[0, 1])


def test_each_process_keeps_to_a_model(tmp_path: Path) -> None:
    with placing(tmp_path / "run") as seen:
        assert run(two_models(tmp_path), Machines(workers=2)).failed == ()
    assert {model for _, model in seen} == {"a", "b"}
    assert len(seen) <= 3  # each its own, and who is done first may help; in turns it would be all four


def test_an_interruption_ends_all_processes_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    path = small_study(tmp_path, training={**SLOW, "epochs": 2_000})

    class Interrupting(StudyProgress):
        def given_up(self, name: str) -> None:
            raise KeyboardInterrupt

    home = tmp_path / "run" / "models" / "tiny"
    with killing(home / "bin-00" / "seed-0", "training", 2) as killed, pytest.raises(KeyboardInterrupt):
        run_study(read_config(path), Interrupting(Console(quiet=True)), machines=Machines(workers=2, together=1))
    assert len(killed) == 2
    assert not list((tmp_path / "run").rglob(".*.part")) and not study_status(tmp_path / "run").is_running


def test_what_a_failing_cell_prints_in_another_process_is_kept(tmp_path: Path) -> None:
    path = small_study(tmp_path, training={"epochs": 1, "max_items": 8, "rank": 2, "max_length": 30})
    outcome = run(path, Machines(workers=2))
    assert len(outcome.failed) == 3
    training = outcome.folder / "models" / "tiny" / "bin-00" / "seed-0" / "training"
    assert {"log.txt", "traceback.txt"} <= {file.name for file in training.iterdir()}
