"""Kill a small study with SIGKILL at random moments, start it again each time, and compare with one left alone.

    python tools/kill_study.py --kills 100

The study trains a random model of a few thousand weights. Every run is the command line in a process of its own,
forked from one that has the libraries loaded, so that kills fall on the work and not on imports. Exit code 1 if the
matrix or a weight differs, a finished cell was worked on again, or a temporary file remains. With ``--together`` above
1, adapters are trained side by side; one whose company was cut differs by rounding, so weights may then by 0.0001.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import polars as pl

from easyhard.study.lock import TEMPORARY, is_locked
from easyhard.study.record import RECORD, RUNNING

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "study")]

# A rate at which even a random model changes its answers, so that equal figures are no accident.
TRAINING = {"epochs": 4, "batch_size": 4, "max_items": 8, "rank": 2, "learning_rate": 0.05}
SEEDS = [0, 1, 2, 3, 4, 5]
SHARE = 0.25  # of an undisturbed run: kills fall at random moments of it, so that a study takes several to end
RESULTS = ("calibration-details", "generalization", "report")  # last of all; who was killed there is left alone next
PATH_FREE = (".parquet", ".jsonl", ".safetensors")  # peft's notes beside an adapter name the base model's folder

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["torch", "scipy.stats", "altair", "peft", "transformers.models.auto.modeling_auto", "easyhard.report",
     "transformers.models.llama.modeling_llama", "easyhard.sft", "easyhard.study.run", "easyhard.cli"]
)  # fmt: skip


@dataclass
class Killed:
    """What happened to one study, or to all."""

    at: Counter[str] = field(default_factory=Counter)  # what was being done when it was killed
    finished: int = 0  # studies that came to their end
    trouble: list[str] = field(default_factory=list)


def main() -> int:
    arguments = _arguments()
    rng, found, start = random.Random(arguments.seed), Killed(), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        _left_alone(_new_study(Path(place, "first")), arguments)  # which loads what later ones find loaded
        alone = _new_study(Path(place, "alone"))
        seconds = _left_alone(alone, arguments)
        number = 0
        while found.at.total() < arguments.kills:
            number += 1
            study = _new_study(Path(place, f"killed-{number}"))
            _kill_until_done(study, arguments, rng, seconds, found)
            found.finished += 1
            found.trouble += _differences(alone.parent / "run", study.parent / "run", arguments.together > 1)
    print(f"{found.at.total()} kills of {found.finished} studies in {(time.monotonic() - start) / 60:.0f} min")
    print(f"a study left alone holds its folder for {seconds:.1f} s; kills fall into the first {SHARE:.0%} of that")
    for what, number in found.at.most_common():
        print(f"  killed during {what}: {number}")
    print("\n".join(found.trouble) or "all ended with the same matrix and weights; nothing done twice, nothing left")
    return 1 if found.trouble else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--together", type=int, default=1)
    return parser.parse_args()


def _new_study(folder: Path) -> Path:
    from small_study import small_study

    folder.mkdir()
    path: Path = small_study(folder, training=TRAINING, seeds=SEEDS)
    return path


def _start(study: Path, arguments: argparse.Namespace) -> BaseProcess:
    how = ("--workers", str(arguments.workers), "--together", str(arguments.together))
    process = FORKS.Process(target=_command, args=("run", str(study), *how))
    process.start()
    return process


def _command(*arguments: str) -> None:
    from easyhard.cli import main as command_line

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.argv = ["easyhard", *arguments]
    command_line()


def _wait_for_lock(process: BaseProcess, folder: Path) -> None:
    while process.is_alive() and not is_locked(folder):
        time.sleep(0.005)


def _left_alone(study: Path, arguments: argparse.Namespace) -> float:
    """Seconds for which an undisturbed run holds its folder."""
    process = _start(study, arguments)
    _wait_for_lock(process, study.parent / "run")
    start = time.monotonic()
    process.join()
    if process.exitcode != 0:
        raise SystemExit("the study left alone failed")
    return time.monotonic() - start


def _kill_until_done(
    study: Path, arguments: argparse.Namespace, rng: random.Random, seconds: float, found: Killed
) -> None:
    """Run a study to its end, killed on the way as long as kills are left."""
    folder = study.parent / "run"
    finished: dict[Path, bytes] = {}
    at = ""
    while True:
        process = _start(study, arguments)
        _wait_for_lock(process, folder)
        is_spared = at in RESULTS or found.at.total() >= arguments.kills
        process.join(None if is_spared else rng.uniform(0, SHARE * seconds))
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            at = _at_work_on(folder)
            found.at[at] += 1
        now = {path: path.read_bytes() for path in sorted((folder / "models").rglob(RECORD)) if _is_whole(path)}
        found.trouble += [f"{path} was made twice" for path, known in finished.items() if now.get(path) != known]
        finished |= now
        if code is not None:
            if code:
                found.trouble.append(f"{study} ended with exit code {code}")
            return


def _is_whole(record: Path) -> bool:
    return not any(part.startswith(".") for part in record.parts[-3:])


def _at_work_on(folder: Path) -> str:
    running = sorted(folder.rglob(RUNNING), key=lambda path: path.stat().st_mtime)
    return running[-1].parent.name.split(".")[1] if running else "something between two steps"


def _differences(expected: Path, folder: Path, are_rounded: bool) -> list[str]:
    trouble = [f"{path} is temporary" for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]
    for name in ("matrix", "cells"):
        tables = [pl.read_parquet(run / "generalization" / f"{name}.parquet") for run in (expected, folder)]
        if not tables[0].equals(tables[1]):
            trouble.append(f"{folder}: {name}.parquet differs")
    for record in sorted((expected / "models").rglob(RECORD)):
        known, own = (json.loads(path.read_text()) for path in (record, folder / record.relative_to(expected)))
        names = [name for name in known["outputs"] if name.endswith(PATH_FREE)]
        differing = [name for name in names if own["outputs"].get(name) != known["outputs"][name]]
        if are_rounded:
            places = [path.parent for path in (record, folder / record.relative_to(expected))]
            differing = [name for name in differing if not _is_alike(name, *(place / name for place in places))]
        trouble += [f"{folder / record.parent.relative_to(expected)}/{name} differs" for name in differing]
    return trouble


def _is_alike(name: str, expected: Path, other: Path) -> bool:
    """Whether a file of a training says the same but for rounding; its log of losses follows from its weights."""
    if not name.endswith(".safetensors") or not other.is_file():
        return name == "training.jsonl"
    import torch
    from safetensors.torch import load_file

    known, own = load_file(expected), load_file(other)
    return known.keys() == own.keys() and all(torch.allclose(known[key], own[key], atol=1e-4) for key in known)


if __name__ == "__main__":
    sys.exit(main())
