"""Rasch calibration of simulated responses that need not fit in memory: shards on disk, several processes.

    python benchmarks/calibration/large.py --respondents 10000 --items 10000 --observed 0.01
    python benchmarks/calibration/large.py --respondents 100000 --items 100000 --observed 0.01

The data are simulated: abilities N(0, 1), difficulties N(0, 1.3), responses of the Rasch model, observed at
random. They are written as one long table in Parquet, cut into shards by ``write_shards``, and fitted by
``fit_rasch_sharded`` in processes of one thread each. Data that are there are not made again. Prints what it
took, and adds it as a line to ``large.jsonl`` in the work folder.
"""

# ruff: noqa: E402  (numpy and polars read the number of threads when they are imported)

from __future__ import annotations

import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[threads] = "1"  # inherited by the workers

import argparse
import json
import multiprocessing
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.irt.item_model import ItemModel
from easyhard.irt.sharded import fit_rasch_sharded
from easyhard.responses import ShardedResponses, open_shards, write_shards

SEED = 20_260_102
ROWS_AT_ONCE = 5_000_000  # of the long table

_HERE, _WORKERS = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN

FloatArray = npt.NDArray[np.float64]


def main() -> None:
    """Make the data if need be, fit, and report."""
    options = _options()
    folder = options.work / f"{options.respondents}x{options.items}-{options.observed:g}"
    difficulty = np.random.default_rng(SEED).normal(0, 1.3, options.items)
    wrote = _make(folder, options, difficulty)
    responses = open_shards(folder / "shards")
    if options.data_only:
        return
    passes = Passes()
    start = time.perf_counter()
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        passes.pool = pool
        fit = fit_rasch_sharded(responses.shards, responses.n_items, passes.map_shards)
    seconds = time.perf_counter() - start
    found = {
        "data": "simulated, Rasch",
        "respondents": responses.n_respondents,
        "items": responses.n_items,
        "responses": responses.n_responses,
        "shards": len(responses.shards),
        "processes": options.processes,
        "seconds": round(seconds, 1),
        "seconds in passes over the shards": [round(one, 1) for one in passes.seconds],
        "iterations": fit.iterations,
        "seconds an iteration": round(seconds / fit.iterations, 1),
        "CPU seconds: parent, workers": [round(_cpu_seconds(who), 1) for who in (_HERE, _WORKERS)],
        "peak memory, MB: parent": _megabytes(_HERE),
        "peak memory, MB: largest worker": _megabytes(_WORKERS),
        **_recovery(fit, difficulty, responses),
        "convergence": fit.convergence,
        "seconds to make the shards": wrote,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
    print(json.dumps(found, indent=1))
    with (options.work / "large.jsonl").open("a") as log:
        log.write(json.dumps(found) + "\n")


@dataclass
class Passes:
    """Maps over shards in the processes of a pool, and how long each took."""

    pool: ProcessPoolExecutor | None = None
    seconds: list[float] = field(default_factory=list)

    def map_shards(self, function: Callable[[Any], Any], shards: Sequence[Any]) -> Iterator[Any]:
        """What ``function`` gives for each shard, in order."""
        assert self.pool is not None
        start = time.perf_counter()
        yield from self.pool.map(function, shards)
        self.seconds.append(time.perf_counter() - start)
        print(f"pass {len(self.seconds)} over {len(shards)} shards: {self.seconds[-1]:.1f} s", flush=True)


def _make(folder: Path, options: argparse.Namespace, difficulty: FloatArray) -> float | None:
    """Write the shards; None if they are there. The long table is removed afterwards."""
    if (folder / "shards").is_dir():
        return None
    print("making the data", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    files = list(_long_table(folder, options, difficulty))
    start = time.perf_counter()
    write_shards(files, folder / "shards", options.shard)
    seconds = round(time.perf_counter() - start, 1)
    print(f"write_shards: {seconds} s, peak memory {_megabytes(_HERE)} MB", flush=True)
    for file in files:
        file.unlink()
    return seconds


def _long_table(folder: Path, options: argparse.Namespace, difficulty: FloatArray) -> Iterator[Path]:
    """Parquet files of the responses, some respondents at a time, rows in random order."""
    rng = np.random.default_rng([SEED, options.respondents])
    height = max(1, int(ROWS_AT_ONCE / (options.items * options.observed)))
    for first in range(0, options.respondents, height):
        ability = rng.normal(0, 1, min(height, options.respondents - first))
        n_seen = rng.binomial(options.items, options.observed, len(ability))
        row = np.repeat(np.arange(len(ability)), n_seen)
        pair = rng.permutation(np.unique(row * options.items + rng.integers(0, options.items, len(row))))
        row, item = np.divmod(pair, options.items)  # drawn twice counts once: a little less than the share asked
        correct = rng.random(len(item)) < 1 / (1 + np.exp(difficulty[item] - ability[row]))
        path = folder / f"long-{first}.parquet"
        columns = {"respondent": first + row, "item": item, "correct": correct.astype(np.int8)}
        pl.DataFrame(columns).write_parquet(path)
        yield path


def _recovery(fit: ItemModel, difficulty: FloatArray, responses: ShardedResponses) -> dict[str, float]:
    """How far the estimates are from the truth, over items with right and wrong answers, centred at their mean."""
    varies, n_seen = _varies(responses)
    true = difficulty[np.array([int(name) for name in responses.items])][varies]
    deviation = fit.difficulty[varies] - (true - true.mean())
    return {
        "items all right or all wrong": int((~varies).sum()),
        "responses an item, median": float(np.median(n_seen)),
        "RMSE": round(float(np.sqrt(np.mean(deviation**2))), 4),
        "root mean square of the standard errors": round(float(np.sqrt(np.mean(fit.standard_error[varies] ** 2))), 4),
        "coverage of 95% intervals": round(float(np.mean(np.abs(deviation) < 1.96 * fit.standard_error[varies])), 4),
        "ability_sd (true 1)": round(fit.ability_sd, 4),
    }


def _varies(responses: ShardedResponses) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    right, seen = np.zeros((2, responses.n_items))
    for shard in responses.shards:
        loaded = shard.load()
        right += np.bincount(loaded.item, loaded.correct, responses.n_items)
        seen += np.bincount(loaded.item, minlength=responses.n_items)
    return (right > 0) & (right < seen), seen


def _megabytes(whose: int) -> int:
    peak = resource.getrusage(whose).ru_maxrss  # kilobytes, on a Mac bytes
    return round(peak / (1024**2 if platform.system() == "Darwin" else 1024))


def _cpu_seconds(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--respondents", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--observed", type=float, default=0.01, help="share of the responses that is observed")
    parser.add_argument("--shard", type=int, default=10_000_000, help="responses in a shard, about")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data-only", action="store_true", help="make the shards and stop")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks/large"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
