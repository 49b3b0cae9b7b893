"""Which files of the Open LLM Leaderboard's details a pull needs, and where they go: names only, no network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from easyhard.schema import InputError
from easyhard.wording import did_you_mean, shown, shown_all

Source = Literal["leaderboard-v1", "leaderboard-v2"]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """One row: where a leaderboard keeps its per-example results.

    ``name`` is a model's repository, ``{}`` standing for ``org__model``. ``files`` gives the file-name patterns of
    each benchmark. ``beside`` is the start of a file of the same run that says how it was made, "" if none is needed.
    """

    owner: str
    name: str
    files: Mapping[str, Sequence[str]]
    beside: str = ""


def _samples(task: str) -> tuple[str, ...]:
    return (f"samples_leaderboard_{task}_*.json", f"samples_leaderboard_{task}_*.jsonl")


# The number of shots is part of the pattern: runs with another one were trials, and no part of the leaderboard.
# A ``?`` stands for the colon, which some runs have replaced.
LEADERBOARDS: Mapping[Source, Leaderboard] = {
    "leaderboard-v1": Leaderboard(
        "open-llm-leaderboard-old",
        "details_{}",
        {
            "arc_challenge": ("details_harness|arc?challenge|25_*.parquet",),
            "drop": ("details_harness|drop|3_*.parquet",),
            "gsm8k": ("details_harness|gsm8k|5_*.parquet",),
            "hellaswag": ("details_harness|hellaswag|10_*.parquet",),
            "mmlu": ("details_harness|hendrycksTest-*|5_*.parquet",),
            "truthfulqa": ("details_harness|truthfulqa?mc|0_*.parquet",),
            "winogrande": ("details_harness|winogrande|5_*.parquet",),
        },
    ),
    "leaderboard-v2": Leaderboard(
        "open-llm-leaderboard",
        "{}-details",
        {name: _samples(name) for name in ("bbh", "gpqa", "ifeval", "math", "mmlu_pro", "musr")},
        beside="results_",
    ),
}


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file as the hub lists it. ``digest`` is its SHA-256 (large files), or the SHA-1 that git names it by."""

    repository: str
    path: str
    size: int
    digest: str

    def target(self, folder: Path) -> Path:
        """Where it goes: ``folder``, the repository's own name, and its path there."""
        return folder / self.repository.rpartition("/")[2] / self.path


def leaderboard(source: str, benchmarks: Sequence[str]) -> Leaderboard:
    """The row of ``source``. Raises InputError for an unknown source or benchmark, and for no benchmark."""
    known = {str(name): row for name, row in LEADERBOARDS.items()}
    if source not in known:
        raise InputError(f"There is no source {shown(source)}, but {shown_all(list(known))}.")
    files = known[source].files
    for name in benchmarks:
        if name not in files:
            hint = did_you_mean(name, files)
            raise InputError(f"{source} has no benchmark {shown(name)}, but {shown_all(list(files))}.{hint}")
    if not benchmarks:
        raise InputError(f"Say which benchmarks to pull: {shown_all(list(files))}.")
    return known[source]


def read_models(path: Path) -> list[str]:
    """Models named in a text file, one ``org/name`` a line; empty lines and lines that begin with # are skipped."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}. Give a text file, one org/name a line.") from None
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def repository_of(model: str, board: Leaderboard) -> str:
    """The repository with the details of ``model``. Raises InputError where that is no name of a model."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model, re.ASCII) or ".." in model:
        raise InputError(f"{shown(model)} is no model's name. Write one org/name a line, as the hub has it.")
    return f"{board.owner}/{board.name.format(model.replace('/', '__'))}"


def is_details(repository: str, board: Leaderboard) -> bool:
    """Whether the hub's ``repository`` holds details of a model, and has a name that is safe to make a folder of."""
    pattern = re.escape(f"{board.owner}/{board.name}").replace(r"\{\}", r"\w[\w.-]*")
    return re.fullmatch(pattern, repository, re.ASCII) is not None and ".." not in repository


def is_safe(path: str) -> bool:
    """Whether a path that a server gave stays below the folder it is put in, on any system, as one plain name each."""
    parts = path.split("/")
    plain = all(part not in {"", ".", ".."} and len(part.encode(errors="replace")) <= 255 for part in parts)
    return plain and "\\" not in path and path.isprintable() and not re.match(r"[A-Za-z]:", path)


def wanted(files: Iterable[HubFile], board: Leaderboard, benchmarks: Sequence[str]) -> list[HubFile]:
    """The files of one repository that hold answers to ``benchmarks``, in order of path, and those beside them.

    All runs are kept: which one is complete shows only in the rows.
    """
    listed = sorted(files, key=lambda file: file.path)
    patterns = [pattern for name in benchmarks for pattern in board.files[name]]
    chosen = [file for file in listed if any(fnmatchcase(_name(file), pattern) for pattern in patterns)]
    runs = {run_of(file.path) for file in chosen}
    beside = [
        file for file in listed if board.beside and _name(file).startswith(board.beside) and run_of(file.path) in runs
    ]
    return sorted([*chosen, *beside], key=lambda file: file.path)


def _name(file: HubFile) -> str:
    return PurePosixPath(file.path).name


def run_of(path: str) -> tuple[str, str]:
    """Folder and date, which files of one run share."""
    place = PurePosixPath(path)
    return str(place.parent), place.name.rpartition("_")[2].partition(".json")[0]


def within(files: Sequence[HubFile], quota_bytes: int | None) -> int:
    """How many of ``files``, from the first, take up at most ``quota_bytes`` together."""
    total = 0
    for count, file in enumerate(files):
        total += file.size
        if quota_bytes is not None and total > quota_bytes:
            return count
    return len(files)
