"""The ``fsdp`` launch without GPUs: two CPU processes share a tiny model, and take the steps of one process.

    python tools/fsdp_on_cpus.py

accelerate shards a model among GPUs alone. The processes started here tell it that they have some, and work on CPUs
over gloo; everything else is what a study runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SETTINGS: dict[str, Any] = {"rank": 4, "epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "engine": "trl"}


def compare() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from easyhard.benchmarks import BenchmarkSpec
    from easyhard.llm import load_model
    from easyhard.sft import TrainingConfig, processes, train
    from sums import sums
    from tiny_model import save_tiny_model

    processes.WORKER = Path(__file__).stem
    processes._refuse_absent_gpus = lambda _: None
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    spec, folder = BenchmarkSpec("sums", "choices"), Path(tempfile.mkdtemp())
    model = str(save_tiny_model(folder / "model"))
    for method in ("full", "lora"):
        for dtype in ("float32", "bfloat16"):
            one = TrainingConfig(**SETTINGS, method=method, dtype=dtype)
            two = TrainingConfig(**SETTINGS, method=method, dtype=dtype, processes=2, launch="fsdp")
            alone, shared = (train(load_model(model), sums(10), spec, c, 0, folder / "out") for c in (one, two))
            apart = max(abs(a - b) for a, b in zip(alone.loss, shared.loss, strict=True))
            print(f"{method}, {dtype}: {len(alone.loss)} steps, losses differ by at most {apart:.2g} nats", flush=True)


def work(job_file: str) -> int:
    """One of the processes, which says that it has a GPU and that its weights are shared."""
    from accelerate import state

    from easyhard.sft import trl_engine, worker

    plain, start = trl_engine._plain_settings, state.PartialState.__init__

    def started(self: Any, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        if self.distributed_type == state.DistributedType.MULTI_CPU:
            self.distributed_type = state.DistributedType.MULTI_GPU

    state.PartialState.__init__ = started
    trl_engine._plain_settings = lambda *arguments: {**plain(*arguments), "use_cpu": True}
    save = trl_engine._save

    def checked(trainer: Any, *arguments: Any) -> None:
        assert trainer.accelerator.distributed_type == state.DistributedType.FSDP
        assert all(type(weight).__name__ == "DTensor" for weight in trainer.model.parameters())
        save(trainer, *arguments)

    trl_engine._save = checked
    return worker.main(job_file)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(work(sys.argv[1]))
    compare()
