"""The data: a response matrix with known abilities and difficulties, the same one for the same name.

Abilities N(0, 1), difficulties N(0, 1.3); discriminations lognormal(0, 0.3) under 2PL, 1 under Rasch. Missing
responses are missing at random, and are holes in the complete matrix of the same model and size.

Run as ``python simulated.py FOLDER CASE``: in a process of its own, because the peak memory that the system
reports for a peer can never be below what the process that started it held.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SEED = 20_260_101
ROWS = 256  # respondents drawn at once

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One data set."""

    respondents: int
    items: int
    model: str  # "rasch" or "2pl"
    missing: float  # share of the responses

    @property
    def size(self) -> str:
        """Respondents x items."""
        return f"{self.respondents}x{self.items}"

    @property
    def name(self) -> str:
        """As it stands in file names."""
        return f"{self.size}-{self.model}-{self.missing:g}"

    @classmethod
    def parse(cls, name: str) -> Case:
        """The case with this name."""
        found = re.fullmatch(r"(\d+)x(\d+)-(rasch|2pl)-([\d.]+)", name)
        if found is None:
            raise SystemExit(f"{name!r} is no case. Write it like 500x500-rasch-0.1.")
        return cls(int(found[1]), int(found[2]), found[3], float(found[4]))


@dataclass(frozen=True)
class Truth:
    """What the responses were drawn from, per item."""

    difficulty: FloatArray
    discrimination: FloatArray
    varies: npt.NDArray[np.bool_]  # items with a right and a wrong response: the others have no finite estimate


def matrix_path(folder: Path, case: Case) -> Path:
    """Where the responses are: int8 [respondents, items], 1 correct, 0 wrong, -1 missing."""
    return folder / f"{case.name}.npy"


def read_truth(folder: Path, case: Case) -> Truth:
    """The truth behind a case that ``write_case`` has written."""
    with np.load(folder / f"{case.name}.truth.npz") as stored:
        return Truth(stored["difficulty"], stored["discrimination"], stored["varies"])


def write_case(folder: Path, case: Case) -> None:
    """Draw the case and write its matrix and its truth."""
    draw = _rng(case.size, case.model)
    ability = draw.normal(0, 1, case.respondents)
    difficulty = draw.normal(0, 1.3, case.items)
    discrimination = draw.lognormal(0, 0.3, case.items) if case.model == "2pl" else np.ones(case.items)
    holes = _rng(case.size, case.model, f"{case.missing:g}")
    correct = np.empty((case.respondents, case.items), dtype=np.int8)
    for at in range(0, case.respondents, ROWS):
        rows = slice(at, at + ROWS)
        logit = discrimination * (ability[rows, None] - difficulty)
        correct[rows] = draw.random(logit.shape) < 1 / (1 + np.exp(-logit))
        if case.missing:
            correct[rows][holes.random(logit.shape) < case.missing] = -1
    varies = (correct == 1).any(axis=0) & (correct == 0).any(axis=0)
    np.savez(folder / f"{case.name}.truth.npz", difficulty=difficulty, discrimination=discrimination, varies=varies)
    np.save(matrix_path(folder, case), correct)


def _rng(*path: str) -> np.random.Generator:
    digest = hashlib.sha256("/".join(path).encode()).digest()
    return np.random.default_rng([SEED, int.from_bytes(digest[:8], "big")])


if __name__ == "__main__":
    write_case(Path(sys.argv[1]), Case.parse(sys.argv[2]))
