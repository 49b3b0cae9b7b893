"""How fast sample logs become responses on one core, and in how much memory, beside plain JSON parsers.

    python benchmarks/ingest/run.py --models 2,8,24

Writes ``table.md`` and ``results.json`` into the work folder, and prints the table. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
READERS = {"easyhard": "easyhard", "json.loads": "json", "orjson.loads": "orjson", "polars": "polars"}
THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> None:
    """Run the benchmark."""
    options = _options()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, which the readers inherit
    readers = [name for name, module in READERS.items() if find_spec(module) is not None]
    found = []
    for models in options.models:
        folder = options.work / f"{models}x{options.items}"
        subprocess.run([sys.executable, FOLDER / "logs.py", folder, str(models), str(options.items)], check=True)
        size = sum(log.stat().st_size for log in folder.rglob("samples_*.jsonl"))
        taken = [(name, _read(name, folder)) for _ in range(options.repeats) for name in readers]  # in turn
        found += [_row(name, models, size, [one for other, one in taken if other == name]) for name in readers]
    table = _table(found)
    machine = {"platform": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    (options.work / "results.json").write_text(json.dumps({"machine": machine, "rows": found}, indent=2))
    (options.work / "table.md").write_text(table)
    print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed and memory of reading sample logs, on one core.")
    parser.add_argument("--models", default="2,8,24", type=lambda text: [int(one) for one in text.split(",")])
    parser.add_argument("--items", default=12_032, type=int, help="rows of a log; MMLU-Pro has 12,032")
    parser.add_argument("--repeats", default=5, type=int, help="how many times each reads, in turn")
    parser.add_argument("--work", default=Path(".benchmarks/ingest"), type=Path, help="folder for logs and results")
    return parser.parse_args()


def _read(reader: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, FOLDER / "readers.py", reader, folder]
    quiet = {**os.environ, **dict.fromkeys(THREADS, "1")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _row(reader: str, models: int, size: int, taken: list[dict[str, float]]) -> dict[str, Any]:
    seconds = statistics.median(one["seconds"] for one in taken)
    spread = [size / one["seconds"] / 1e6 for one in taken]
    return {
        "reader": reader,
        "models": models,
        "megabytes": size / 1e6,
        "seconds": seconds,
        "speed": size / seconds / 1e6,
        "slowest": min(spread),
        "fastest": max(spread),
        "peak": max(one["peak"] for one in taken) / 1e6,
        "accuracy": taken[0]["accuracy"],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    plain = {row["models"]: row["speed"] for row in rows if row["reader"] == "json.loads"}
    lines = ["| logs | reader | MB/s (slowest, fastest) | x json.loads | peak memory, MB |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['models']} models, {row['megabytes']:,.0f} MB | {row['reader']} "
        f"| {row['speed']:,.0f} ({row['slowest']:,.0f}, {row['fastest']:,.0f}) "
        f"| {row['speed'] / plain[row['models']]:.2f} | {row['peak']:,.0f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
