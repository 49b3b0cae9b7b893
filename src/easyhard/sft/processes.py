"""A training in several processes, one for each GPU, started through accelerate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any

from easyhard.atomic import write_parquet
from easyhard.benchmarks import BenchmarkSpec
from easyhard.schema import InputError, Items, Progress, WorkError
from easyhard.sft.config import TrainingConfig
from easyhard.sft.log import TrainingLog, read_training_log
from easyhard.sft.trl_engine import refuse_absent_parts

WORKER = "easyhard.sft.worker"  # the module that each process runs
OUTCOME = "outcome.json"  # what the processes leave beside their job
WORKER_LOG = "processes.log"  # what all processes of a failed training said
_PATIENCE = 30.0  # seconds for processes to end by themselves when they are told to
TICK = "easyhard-step"  # opens a line of standard output that reports progress


@dataclass(frozen=True, slots=True)
class Job:
    """A training as its processes read it, in JSON beside the table of items."""

    model: str
    revision: str | None
    spec: BenchmarkSpec
    config: TrainingConfig
    seed: int
    folder: Path

    def dump(self) -> str:
        """The job as JSON."""
        plain = {**asdict(self), "config": self.config.model_dump(mode="json"), "folder": str(self.folder)}
        return json.dumps(plain)

    @staticmethod
    def load(text: str) -> Job:
        """The job of ``dump``."""
        plain = json.loads(text)
        plain["spec"] = BenchmarkSpec(**plain["spec"])
        plain["config"] = TrainingConfig.model_validate(plain["config"])
        plain["folder"] = Path(plain["folder"])
        return Job(**plain)


def train_in_processes(
    model: str,
    revision: str | None,
    items: Items,
    spec: BenchmarkSpec,
    config: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
) -> TrainingLog:
    """Fine-tune the model at path or hub name ``model`` in ``config.processes`` processes.

    The same as ``train`` on a loaded model, which here each process loads by itself. Raises what the first process
    that failed raised; if it said nothing, WorkError with the end of what the processes wrote, all of which is then
    in ``processes.log`` in the folder.
    """
    refuse_absent_parts(config)
    _refuse_absent_gpus(config)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="easyhard-job-") as place:
        job = Path(place, "job.json")
        job.write_text(Job(model, revision, spec, config, seed, folder.resolve()).dump(), encoding="utf-8")
        write_parquet(items.table, job.with_name("items.parquet"))
        status = _watched(_command(config, job), folder / WORKER_LOG, progress)
        outcome = job.with_name(OUTCOME)
        said = json.loads(outcome.read_text(encoding="utf-8")) if outcome.is_file() else {}
    if "error" in said:
        raise (InputError if said["kind"] == "InputError" else WorkError)(said["error"])
    if status or not said:
        raise WorkError(
            f"a training in {config.processes} processes ended with code {status} and no result: "
            f"{_last_line(folder / WORKER_LOG)} All they said is in {WORKER_LOG}."
        )
    (folder / WORKER_LOG).unlink()
    return read_training_log(folder, said["n_items"], "trl", tuple(said["notes"]))


def launch_file(name: str) -> Path:
    """The shipped accelerate configuration of that name: ddp-cpu, fsdp or zero3."""
    return Path(str(resources.files("easyhard.sft") / "launch" / f"{name}.yaml"))


def _refuse_absent_gpus(config: TrainingConfig) -> None:
    import torch

    if config.launch != "ddp-cpu" and torch.cuda.device_count() < config.processes:
        raise InputError(
            f"training.processes is {config.processes}, but torch sees {torch.cuda.device_count()} GPU(s). "
            "Set training.processes to that number or less, or training.launch: ddp-cpu to try it without GPUs."
        )


def _command(config: TrainingConfig, job: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        *("--config_file", str(launch_file(config.launch))),
        *("--num_processes", str(config.processes)),
        *("--mixed_precision", "bf16" if config.dtype == "bfloat16" else "no"),
        *("--main_process_port", "0"),  # any free one, so that two trainings can run on a machine
        *("--module", WORKER, str(job)),
    ]


def _watched(command: list[str], log: Path, progress: Progress | None) -> int:
    """Exit code of a command that reports progress on its standard output; everything else it says is logged."""
    with log.open("w", encoding="utf-8") as file, _running(command) as lines:
        process, stream = lines
        for line in stream:
            if line.startswith(TICK):
                if progress:
                    _, done, total = line.split()
                    progress(int(done), int(total))
            else:
                file.write(line)
                file.flush()
        return process.wait()


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A command in a process group of its own, of which nothing is left afterwards, however this ends.

    If this process is killed, the first of the command's processes ends at its next step, when it can no longer
    report, and takes the others with it.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        _end(process)
        process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)  # which torch's launcher passes on: its workers are in other groups
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines: deque[str] = deque(maxlen=1)
    with log.open(encoding="utf-8", errors="replace") as file:
        lines.extend(line.strip() for line in file if line.strip())
    return lines[0] if lines else "they said nothing."


def outcome_of(log: TrainingLog) -> dict[str, Any]:
    """What the first process reports of a training that ended well."""
    return {"n_items": log.n_items, "notes": list(log.notes)}
