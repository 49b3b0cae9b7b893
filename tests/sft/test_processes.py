"""A training in two processes takes the steps of one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from safetensors.torch import load_file

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import load_model
from easyhard.schema import InputError, WorkError
from easyhard.sft import TrainingConfig, load_trained, processes, train, worker
from easyhard.sft.processes import Job, launch_file
from sums import sums
from tiny_model import save_tiny_model

SPEC = BenchmarkSpec("sums", "choices")
SETTINGS: dict[str, Any] = {"rank": 4, "epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "engine": "trl"}
TWO: dict[str, Any] = {"processes": 2, "launch": "ddp-cpu", "per_device_batch_size": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.mark.parametrize(("method", "weights"), [("lora", "adapter_model"), ("full", "model")])
def test_two_processes_take_the_steps_of_one(folder: str, tmp_path: Path, method: Any, weights: str) -> None:
    # Five items in batches of four: the second batch of an epoch leaves a process without an example.
    one = TrainingConfig(**SETTINGS, method=method)
    two = TrainingConfig(**SETTINGS, **TWO, method=method)
    steps: list[tuple[int, int]] = []
    alone = train(load_model(folder), sums(5), SPEC, one, 3, tmp_path / "one")
    shared = train(
        load_model(folder), sums(5), SPEC, two, 3, tmp_path / "two", lambda done, total: steps.append((done, total))
    )
    assert steps == [(k, 4) for k in range(1, 5)]
    assert shared.loss == pytest.approx(alone.loss, abs=1e-5)
    assert shared.gradient_norm == pytest.approx(alone.gradient_norm, abs=1e-5)
    assert shared.learning_rate == pytest.approx(alone.learning_rate)
    assert (shared.n_items, shared.notes) == (alone.n_items, alone.notes)
    a, b = (load_file(tmp_path / name / f"{weights}.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)
    assert {file.name for file in (tmp_path / "two").iterdir()} == {file.name for file in (tmp_path / "one").iterdir()}
    load_trained(load_model(folder), tmp_path / "two")


def test_what_a_process_refuses_is_raised_here(folder: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "_watched", lambda command, *_: worker.main(command[-1]))  # one, in this process
    with pytest.raises(InputError, match=r"'sums/0' has 3\d tokens.*max_length"):
        train(load_model(folder), sums(5), SPEC, TrainingConfig(**SETTINGS, **TWO, max_length=8), 0, tmp_path)


def test_processes_that_die_leave_what_they_said(folder: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "WORKER", "easyhard.sft.no_such_module")
    with pytest.raises(WorkError, match=r"2 processes ended with code 1.*processes\.log"):
        train(load_model(folder), sums(5), SPEC, TrainingConfig(**SETTINGS, **TWO), 0, tmp_path)
    assert "no_such_module" in (tmp_path / "processes.log").read_text()


@pytest.mark.skipif(torch.cuda.device_count() > 1, reason="there are GPUs")
def test_more_processes_than_gpus_are_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"torch sees \d GPU"):
        train(load_model(folder), sums(5), SPEC, TrainingConfig(**SETTINGS, processes=2, launch="fsdp"), 0, tmp_path)


@pytest.mark.skipif(find_spec("deepspeed") is not None, reason="deepspeed is installed")
def test_a_launch_without_its_package_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="need deepspeed, not installed here"):
        train(load_model(folder), sums(5), SPEC, TrainingConfig(**SETTINGS, processes=2, launch="zero3"), 0, tmp_path)


@pytest.mark.parametrize("name", ["ddp-cpu", "fsdp", "zero3"])
def test_the_shipped_files_are_what_accelerate_reads(name: str) -> None:
    from accelerate.commands.config import config_args  # type: ignore[import-untyped]

    settings = config_args.load_config_from_file(str(launch_file(name)))
    assert settings.distributed_type == yaml.safe_load(launch_file(name).read_text())["distributed_type"]


def test_a_job_reads_back_the_same(tmp_path: Path) -> None:
    job = Job("model", "abc", SPEC, TrainingConfig(preset="paper"), 42, tmp_path)
    assert Job.load(job.dump()) == job
