"""Responses as Parquet: seconds, peak memory and bytes to write and read a matrix of simulated responses.

    python benchmarks/responses_parquet/run.py --sizes 1000x1319,4500x12032 --missing 0,0.1

Each writing and reading is a process of its own, because the peak memory that the system reports for a process
never falls. What is read is compared with what was drawn. Prints one table in Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from easyhard.responses import read_responses, write_responses
from easyhard.schema import MISSING, IntArray, Responses

SEED = 20_261_101
ROWS = 256  # respondents drawn at once
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Drawn:
    """A matrix, and what it cannot be stored in less than: bytes of the entropy of its responses and its holes."""

    responses: Responses
    floor: float


def main() -> None:
    """Measure every case, or do one step of one (as called by this script itself)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000x1319,4500x12032", help="respondents x items, with commas")
    parser.add_argument("--missing", default="0,0.1", help="shares of responses that are holes, with commas")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        print(*step(*asked.step))
        return
    print("| responses | missing | write s | MB in use | file MB | floor MB | read s | MB in use |")
    print("|---|---|---|---|---|---|---|---|")
    for size in asked.sizes.split(","):
        for missing in asked.missing.split(","):
            print(row(size, missing), flush=True)


def row(size: str, missing: str) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "responses.parquet")
        write_s, write_mb, floor = in_a_process("write", size, missing, path)
        file = path.stat().st_size / MEGABYTE
        read_s, read_mb, _ = in_a_process("read", size, missing, path)
    return (
        f"| {size} | {float(missing):.0%} | {write_s:.1f} | {write_mb:.0f} | {file:.1f} | {floor:.1f} "
        f"| {read_s:.1f} | {read_mb:.0f} |"
    )


def in_a_process(what: str, size: str, missing: str, path: Path) -> list[float]:
    """Seconds, peak megabytes, and floor in megabytes."""
    command = [sys.executable, __file__, "--step", what, size, missing, str(path)]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def step(what: str, size: str, missing: str, path: str) -> Sequence[float]:
    """Write, or read and then compare; the clock and the memory are of that alone, with imports and the matrix."""
    if what == "write":
        drawn = draw(size, float(missing))
        start = time.perf_counter()
        write_responses(drawn.responses, path)
        return time.perf_counter() - start, peak(), drawn.floor / MEGABYTE
    start = time.perf_counter()
    found = read_responses(path)
    seconds, memory = time.perf_counter() - start, peak()
    refuse_difference(found, draw(size, float(missing)).responses)
    return seconds, memory, 0.0


def peak() -> float:
    """Megabytes that this process has used at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def draw(size: str, missing: float) -> Drawn:
    """Simulated responses of the Rasch model: abilities N(0, 1), difficulties N(0, 1.3), holes at random."""
    n_respondents, n_items = (int(number) for number in size.split("x"))
    rng = np.random.default_rng([SEED, n_respondents, n_items])
    ability, difficulty = rng.normal(0, 1, n_respondents), rng.normal(0, 1.3, n_items)
    correct: IntArray = np.empty((n_respondents, n_items), dtype=np.int8)
    bits = 0.0
    for at in range(0, n_respondents, ROWS):
        p = 1 / (1 + np.exp(difficulty - ability[at : at + ROWS, None]))
        correct[at : at + ROWS] = rng.random(p.shape) < p
        correct[at : at + ROWS][rng.random(p.shape) < missing] = MISSING
        bits += float(entropy(p).sum()) * (1 - missing)
    bits += correct.size * float(entropy(np.array(missing)))
    respondents = tuple(f"organisation-{k % 97}/model-{k}" for k in range(n_respondents))
    items = tuple(f"mmlu_pro/{hashlib.sha256(str(k).encode()).hexdigest()[:12]}" for k in range(n_items))
    return Drawn(Responses(correct, respondents, items), bits / 8)


def entropy(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bits of a yes or no with probability ``p``."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


def refuse_difference(found: Responses, drawn: Responses) -> None:
    """End with a message unless ``found`` is ``drawn``, sorted."""
    rows, columns = np.argsort(drawn.respondents), np.argsort(drawn.items)
    names = [drawn.respondents[row] for row in rows], [drawn.items[column] for column in columns]
    same = (list(found.respondents), list(found.items)) == names and all(
        np.array_equal(found.correct[place], drawn.correct[row][columns]) for place, row in enumerate(rows)
    )
    if not same:
        raise SystemExit("what was read is not what was written")


if __name__ == "__main__":
    main()
