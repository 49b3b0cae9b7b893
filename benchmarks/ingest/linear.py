"""Whether reading takes time in proportion to what is read: three numbers of models, each format that has many.

    python benchmarks/ingest/linear.py --models 8,32,128

Writes simulated details of the Open LLM Leaderboard, version 1 (Parquet, in the columns of its last generation), and
logs of Inspect (``.eval``, deflated), one file a model, ingests them on one core, each time in a new process, and
prints one table. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SEED = 20_260_102
ITEMS = {"leaderboard-v1": 1_172, "inspect": 250}  # ARC's test set; a usual limit of an agent's benchmark
DATE = "2023-09-15T09-53-02.418861"
THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> None:
    """Write, measure and print; or do one step, as called by this script itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="8,32,128", type=lambda text: [int(one) for one in text.split(",")])
    parser.add_argument("--repeats", default=3, type=int)
    parser.add_argument("--work", default=Path(".benchmarks/ingest/linear"), type=Path, help="folder for the files")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(step(options.step[0], Path(options.step[1]), int(options.step[2]))))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, which the readers inherit
    print("| format | models | rows | MB on disk | MB unpacked | seconds | microseconds a row | peak memory, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for format_ in WRITERS:
        sizes = in_a_process(format_, options.work / format_, max(options.models))
        for models in options.models:
            print(row(format_, options.work / format_, sizes[:models], options.repeats), flush=True)


def row(format_: str, folder: Path, sizes: Sequence[int], repeats: int) -> str:
    """One line of the table."""
    taken = [in_a_process("read", folder, len(sizes)) for _ in range(repeats)]
    seconds = statistics.median(one["seconds"] for one in taken)
    rows, disk = taken[0]["rows"], taken[0]["bytes"]
    return (
        f"| {format_} | {len(sizes)} | {rows:,} | {disk / 1e6:,.1f} | {sum(sizes) / 1e6:,.0f} | {seconds:.2f} "
        f"| {1e6 * seconds / rows:.0f} | {max(one['peak'] for one in taken) / 1e6:.0f} |"
    )


def in_a_process(what: str, folder: Path, models: int) -> Any:
    """A step in a process of its own: the peak of memory that the system reports includes that of the parent."""
    command = [sys.executable, __file__, "--step", what, str(folder), str(models)]
    quiet = {**os.environ, **dict.fromkeys(THREADS, "1")}
    return json.loads(subprocess.check_output(command, env=quiet))


def step(what: str, folder: Path, models: int) -> Any:
    """Read the files of so many models; or write them, which gives their sizes once unpacked."""
    return read(folder, models) if what == "read" else [WRITERS[what](folder, model) for model in range(models)]


def read(folder: Path, models: int) -> dict[str, float]:
    """Ingest the first ``models`` files; seconds on the processor, peak memory, rows and bytes."""
    from easyhard.responses import ingest_logs

    files = sorted(path for path in folder.rglob("*") if path.is_file())[:models]
    began = time.process_time()
    responses, audit = ingest_logs(files)
    seconds = time.process_time() - began
    assert len(responses.respondents) == models and audit.rows == responses.correct.size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "seconds": seconds,
        "peak": peak,
        "rows": audit.rows,
        "bytes": sum(path.stat().st_size for path in files),
    }


def words(draw: random.Random, count: int) -> str:
    """Made-up text."""
    return " ".join("".join(draw.choices("etaoinshrdlucmfw", k=draw.randint(2, 9))) for _ in range(count))


def details(folder: Path, model: int) -> int:
    """A file of details: the example, 25 examples before it, choices, predictions. Its size once unpacked."""
    import polars as pl

    shared, own = random.Random(SEED), random.Random(SEED + 1 + model)
    examples = [words(shared, 25) for _ in range(ITEMS["leaderboard-v1"])]
    choices = [[words(shared, 5) for _ in range(4)] for _ in examples]
    shots = words(shared, 900)
    right = [float(own.random() < 0.6) for _ in examples]
    table = pl.DataFrame(
        {
            "example": examples,
            "full_prompt": [f"{shots}\n\n{example}" for example in examples],
            "choices": choices,
            "gold_index": [[own.randrange(1)] for _ in examples],
            "predictions": [[-40 * own.random() for _ in range(4)] for _ in examples],
            "metrics": [{"acc": one, "acc_norm": one} for one in right],
        }
    )
    path = folder / f"details_Simulated__model-{model:03}" / f"details_harness|arc:challenge|25_{DATE}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path)
    return int(table.estimated_size())


def inspect(folder: Path, model: int) -> int:
    """A log of an agent's samples: the question, ten messages and their events. Its size once unpacked."""
    shared, own = random.Random(SEED), random.Random(SEED + 1 + model)
    spec = {"task": "agents", "model": f"simulated/model-{model:03}", "created": "2025-01-01T00:00:00+00:00"}
    header = {"version": 2, "status": "success", "eval": {**spec, "eval_id": "e"}}
    path = folder / f"2025-01-01_agents_{model:03}.eval"
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("header.json", json.dumps(header))
        for number in range(ITEMS["inspect"]):
            text = [words(own, 80) for _ in range(10)]
            sample = {
                "id": number, "epoch": 1, "input": words(shared, 60), "target": words(shared, 3),
                "messages": [{"role": "assistant", "content": one} for one in text],
                "scores": {"match": {"value": "C" if own.random() < 0.6 else "I"}},
                "events": [{"event": "model", "output": one, "timestamp": spec["created"]} for one in text],
            }  # fmt: skip
            data = json.dumps(sample)
            size += len(data)
            archive.writestr(f"samples/{number}_epoch_1.json", data)
    return size


WRITERS: dict[str, Callable[[Path, int], int]] = {"leaderboard-v1": details, "inspect": inspect}

if __name__ == "__main__":
    main()
