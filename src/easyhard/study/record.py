"""Steps on disk: a folder appears whole or not at all, and a finished one is not made again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import platform
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from easyhard.schema import InputError, WorkError

PACKAGES = ("easyhard", "numpy", "scipy", "polars", "torch", "transformers", "peft")
RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work: where its output goes, and everything that decides what comes out.

    ``settings`` and ``inputs`` (names to fingerprints) are JSON-able; together they are the fingerprint.
    """

    folder: Path
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Hash over settings and inputs: equal fingerprints mean equal output."""
        return fingerprint({"settings": self.settings, "inputs": self.inputs})

    @property
    def record(self) -> dict[str, Any] | None:
        """The record of exactly this step; None if the folder holds none, another step's, or lost a file."""
        record = read_record(self.folder)
        if record is None or record.get("fingerprint") != self.fingerprint:
            return None
        whole = all(_size(self.folder / name) == size for name, size in record["outputs"].items())
        return record if whole else None

    @property
    def is_done(self) -> bool:
        """Whether the folder holds the finished output of exactly this step."""
        record = self.record
        return record is not None and record["status"] == "done"

    def run(self, work: Callable[[Path], None]) -> None:
        """Do ``work`` in a temporary folder, add the record, and put the folder in its place.

        A WorkError is recorded with its traceback and raised again; anything else leaves no trace.
        """
        temporary = self.folder.with_name(f".{self.folder.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        _make(temporary)
        start, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        record: dict[str, Any] = {
            "settings": self.settings,
            "inputs": self.inputs,
            "fingerprint": self.fingerprint,
            "versions": versions(),
            "started": started,
        }
        try:
            work(temporary)
            record |= {"status": "done"}
        except WorkError as error:
            record |= {"status": "failed", "error": str(error)}
            (temporary / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
            raise
        except (RuntimeError, MemoryError) as error:  # torch says so when a device is full
            record |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
            (temporary / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
            raise WorkError(f"{self.folder} failed: {error}. Its traceback.txt has the details.") from error
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise WorkError(
                f"{self.folder} could not be written: {error}. Free some space or mend its rights."
            ) from error
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        finally:
            if temporary.exists():
                record["outputs"] = {
                    str(file.relative_to(temporary)): file.stat().st_size
                    for file in sorted(temporary.rglob("*")) if file.is_file()
                }  # fmt: skip
                record["seconds"] = round(time.monotonic() - start, 2)
                (temporary / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
                _replace(temporary, self.folder)


def fingerprint(value: Any) -> str:
    """16 hex digits of a JSON-able value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """16 hex digits of a file's bytes. Raises InputError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a step's folder; None if there is none, or none that can be read."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("outputs"), dict) else None


def versions() -> dict[str, str]:
    """Versions of what computes, as far as installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a study's folder for this process. Raises InputError if another process has it."""
    _make(folder)
    try:
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to: {error.strerror}. Mend its rights, or choose another folder."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{folder} is being worked on by another easyhard. Wait for it, or choose another folder."
            ) from error
        yield


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}. Choose another folder to write to.") from error


def _replace(new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``old``; the moment between the renames is the only one without either."""
    discarded = old.with_name(f".{old.name}.old")
    shutil.rmtree(discarded, ignore_errors=True)
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
