"""Where the raw rows of a benchmark are: the user's file or folder, or the Hugging Face hub."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from easyhard.benchmarks.benchmark import Benchmark
from easyhard.schema import InputError, WorkError
from easyhard.wording import shown_all


@dataclass(frozen=True, slots=True)
class Part:
    """A file of raw rows, and the subset that all its rows belong to; ``""`` where the file tells, or none is."""

    path: Path
    subset: str = ""


def parts_of(benchmark: Benchmark, path: Path | None) -> list[Part]:
    """Files of ``benchmark`` at ``path``, or where its source says. Raises InputError if there are none."""
    place = path or benchmark.source.path
    if place is None:
        place = _downloaded(benchmark)
    if not place.is_dir():
        return [Part(place, _subset_of("/".join(place.parts[-2:]), benchmark))]
    found = [
        Part(file, subset)
        for subset, pattern in benchmark.source.files.items()
        for file in sorted(place.rglob("*"))
        if file.is_file() and _named(file.relative_to(place).as_posix(), pattern)
    ]
    lacking = [name for name in benchmark.source.files if name not in {part.subset for part in found}]
    if lacking:
        patterns = [benchmark.source.files[name] for name in lacking]
        raise InputError(
            f"{place} lacks {len(lacking)} of the {len(benchmark.source.files)} files of {benchmark.name}: "
            f"{shown_all(patterns)}. Give the folder as the source has it, or one file of all rows."
        )
    return found


def _subset_of(path: str, benchmark: Benchmark) -> str:
    """The subset whose file this is by its name; else the file must have a column that tells."""
    matches = (name for name, pattern in benchmark.source.files.items() if name and _named(path, pattern))
    return next(matches, "")


def _named(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")


def _downloaded(benchmark: Benchmark) -> Path:
    """Folder with the source's files at its revision, in the hub's own cache. Data only: no code is ever run."""
    source = benchmark.source
    if not source.dataset:
        raise InputError(f"{benchmark.name} has no source. Say where its rows are: items.path.")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    except ImportError as error:
        raise InputError(
            f"Fetching {benchmark.name} needs the hub's client. Install it: pip install 'easyhard[hub]'; "
            "or name a file of its rows: items.path."
        ) from error
    patterns = list(source.files.values())
    where = f"the data set {source.dataset} (revision {source.revision})"
    try:
        return Path(
            snapshot_download(
                source.dataset,
                repo_type="dataset",
                revision=source.revision,
                allow_patterns=patterns,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
            )
        )
    except GatedRepoError as error:
        raise InputError(
            f"{where} is gated: accept its terms on https://huggingface.co/datasets/{source.dataset}, then log in with "
            "`hf auth login`; or name a file of its rows that you have: items.path."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"the hub shows no data set {source.dataset}. Check its name, log in with `hf auth login` if it is "
            "private, or name a file of its rows: items.path."
        ) from error
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WorkError(
            f"{where} could not be fetched: {reason} Try again later, or name a file of its rows: items.path."
        ) from error
