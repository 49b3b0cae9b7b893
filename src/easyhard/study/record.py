"""Steps on disk: a folder appears whole or not at all, and a finished one is not made again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from easyhard.atomic import write_bytes
from easyhard.schema import EasyhardError, InputError, WorkError
from easyhard.study.disk import DiskError, disk_trouble

PACKAGES = (
    "easyhard", "numpy", "scipy", "polars", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "lm_eval",
)  # fmt: skip
RECORD = "record.json"
RUNNING = "running.json"  # in a folder that is still being filled: since when, and by whom
TRACEBACK = "traceback.txt"
MOST_NAMED = 5  # settings in one sentence
HASHED_ALWAYS = 2**20  # bytes; larger files are compared by size in a run, and by their hash in verify


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
        """The record of exactly this step; None if the folder holds none, another step's, or is damaged."""
        record = read_record(self.folder)
        if record is None or record.get("fingerprint") != self.fingerprint:
            return None
        return None if damage(self.folder, record) else record

    @property
    def is_done(self) -> bool:
        """Whether the folder holds the finished output of exactly this step, but for what was dropped."""
        record = self.record
        return record is not None and record["status"] == "done"

    @property
    def error(self) -> str | None:
        """Why exactly this step failed; None if it did not."""
        record = self.record
        return str(record["error"]) if record is not None and record["status"] == "failed" else None

    @property
    def has_dropped(self) -> bool:
        """Whether files of the finished output were dropped to save space."""
        record = self.record
        return record is not None and bool(record.get("dropped"))

    @property
    def objection(self) -> str:
        """Why what the folder holds cannot stand for this step, as "x changed"; empty if it can, or holds nothing."""
        record = read_record(self.folder)
        if record is None:
            return ""
        if found := damage(self.folder, record):
            return f"{self.folder.name}/{found[0]}"
        if record["fingerprint"] == self.fingerprint:
            return ""
        own, other = (
            _flat(one) for one in ({**self.settings, **self.inputs}, {**record["settings"], **record["inputs"]})
        )
        names = [name for name in {**own, **other} if own.get(name) != other.get(name)]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return f"{', '.join(names[:MOST_NAMED])}{more} changed"

    def run(self, work: Callable[[Path], None]) -> None:
        """Do ``work`` in a temporary folder, add the record, and put the folder in its place.

        Leaves no trace if the work fails. Raises DiskError where the output cannot be written, else what the work
        raises.
        """
        start, started = time.monotonic(), _now()
        with self._part(started) as part:
            work(part)
            self._finish(part, started, start, {"status": "done"})

    def attempt(self, work: Callable[[Path], None], together: int = 1) -> None:
        """As ``run``, but a failure is recorded with its traceback and all files that the work has made.

        ``together`` is how many steps the work is for at the same time; the record has this one's share of the
        seconds. Raises WorkError with one sentence for whatever the work raises, and DiskError, which leaves no trace.
        """
        start, started = time.monotonic(), _now()
        with self._part(started) as part:
            try:
                work(part)
                outcome = {"status": "done"}
            except Exception as error:
                if disk_trouble(error, part):
                    raise
                outcome = {"status": "failed", "error": sentence(error)}
                (part / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
            self._finish(part, started, start, outcome, together)
        if outcome["status"] == "failed":
            raise WorkError(outcome["error"])

    def give_up(self, error: str) -> None:
        """Record the failure of a step whose process ended without a word, with what it left behind."""
        left = sorted(self.folder.parent.glob(f".{self.folder.name}.*.part"), key=lambda one: one.stat().st_mtime)
        started, start = _now(), time.monotonic()
        if left and (running := running_since(left[-1])):
            started = running
        with self._part(started, left[-1] if left else None) as part:
            self._finish(part, started, start, {"status": "failed", "error": error})

    def drop(self, names: list[str]) -> None:
        """Delete files of the finished output. The record goes on to know them, so that the step stays done."""
        record = read_record(self.folder)
        if record is None:
            return
        gone = {name: record["outputs"].pop(name) for name in names if name in record["outputs"]}
        if gone:  # first the record: a file too many is harmless, a file too few would make the step anew
            record["dropped"] = record.get("dropped", {}) | gone
            write_bytes(_sealed(record), self.folder / RECORD)
        for name in record.get("dropped", {}):
            (self.folder / name).unlink(missing_ok=True)

    def receive(self, fill: Callable[[Path], None]) -> None:
        """Put a folder that ``fill`` brings from elsewhere, its record included, in its place.

        Leaves no trace if that fails. Raises DiskError where it cannot be written, else what ``fill`` raises.
        """
        with self._part(_now()) as part:
            fill(part)
            (part / RUNNING).unlink(missing_ok=True)
            _replace(part, self.folder)

    @contextlib.contextmanager
    def _part(self, started: str, left: Path | None = None) -> Iterator[Path]:
        """A folder to fill, which is gone when the block ends. A name of its own keeps dying processes apart."""
        part = left or self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(8)}.part")
        try:
            part.mkdir(parents=True, exist_ok=True)
            who = {"started": started, "host": socket.gethostname(), "pid": os.getpid()}
            (part / RUNNING).write_text(json.dumps(who), encoding="utf-8")
            yield part
        except Exception as error:
            trouble = disk_trouble(error, part) or (error.strerror if isinstance(error, OSError) else None)
            if trouble:
                raise DiskError(
                    f"{self.folder} could not be written: {trouble}. Free some space or mend its rights, and give "
                    "the same command again."
                ) from error
            raise
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _finish(self, part: Path, started: str, start: float, outcome: Mapping[str, str], together: int = 1) -> None:
        (part / RUNNING).unlink(missing_ok=True)
        record: dict[str, Any] = {
            "settings": self.settings,
            "inputs": self.inputs,
            "fingerprint": self.fingerprint,
            "versions": versions(),
            "started": started,
            "seconds": round((time.monotonic() - start) / together, 2),  # by a clock that no one sets
            **({"together": together} if together > 1 else {}),
            **outcome,
            "outputs": {
                str(file.relative_to(part)): {"size": file.stat().st_size, "sha256": sha256(file)}
                for file in sorted(part.rglob("*")) if file.is_file()
            },
        }  # fmt: skip
        (part / RECORD).write_bytes(_sealed(record))
        _replace(part, self.folder)


def sentence(error: BaseException) -> str:
    """What an error says, as it may stand in a table: our own sentences as they are, others with their kind."""
    text = str(error).strip() or "no message"
    return text if isinstance(error, EasyhardError) else f"{type(error).__name__}: {text.splitlines()[0]}"


def fingerprint(value: Any) -> str:
    """16 hex digits of a JSON-able value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """16 hex digits of a file's bytes. Raises InputError if it cannot be read."""
    try:
        return sha256(path)[:16]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a step's folder; None if there is none, or none that can be read."""
    try:
        return parse_record((folder / RECORD).read_bytes())
    except OSError:
        return None


def parse_record(text: bytes) -> dict[str, Any] | None:
    """The record that ``text`` holds; None if it holds none."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    kinds = {"settings": dict, "inputs": dict, "outputs": dict, "fingerprint": str, "status": str}
    whole = isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in kinds.items())
    return record if whole else None


def damage(folder: Path, record: Mapping[str, Any], hashed_up_to: float = HASHED_ALWAYS) -> list[str]:
    """What a step's folder and its record show to have been changed since the step wrote them, as "x was ..."."""
    if record.get("digest") != _digest(record):
        return [f"{RECORD} was changed after it was written"]
    if record["fingerprint"] != fingerprint({"settings": record["settings"], "inputs": record["inputs"]}):
        return [f"{RECORD} has a fingerprint that is not that of its settings and inputs"]
    found = []
    for name, known in record["outputs"].items():
        file = folder / name
        if not file.is_file():
            found.append(f"{name} is missing")
        elif file.stat().st_size != known["size"]:
            found.append(f"{name} has {file.stat().st_size:,} bytes, not {known['size']:,}")
        elif known["size"] <= hashed_up_to and sha256(file) != known["sha256"]:
            found.append(f"{name} was changed after it was written")
    return found


def running_since(part: Path) -> str | None:
    """When the work in a folder that is still being filled began; None if it is none."""
    try:
        return str(json.loads((part / RUNNING).read_text(encoding="utf-8"))["started"])
    except (OSError, ValueError, KeyError):
        return None


def is_being_filled(part: Path) -> bool:
    """Whether a living process of this machine is at work in a folder that is not in its place yet."""
    try:
        who = json.loads((part / RUNNING).read_text(encoding="utf-8"))
        if who["host"] != socket.gethostname():
            return False
        os.kill(int(who["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return False
    return True


def versions() -> dict[str, str]:
    """Versions of what computes, as far as installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _digest(record: Mapping[str, Any]) -> str:
    return fingerprint({name: value for name, value in record.items() if name != "digest"})


def _sealed(record: Mapping[str, Any]) -> bytes:
    """A record as JSON, with a digest over the rest of it, which shows whether it was edited."""
    plain = json.loads(json.dumps({name: value for name, value in record.items() if name != "digest"}))
    return (json.dumps({**plain, "digest": _digest(plain)}, indent=1) + "\n").encode()


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by dotted names, as JSON holds them."""
    found: dict[str, Any] = {}
    for name, value in json.loads(json.dumps(settings)).items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found


def _replace(new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``old``; the moment between the renames is the only one without either."""
    discarded = old.with_name(f".{old.name}.{secrets.token_hex(8)}.old")
    if old.exists():
        old.rename(discarded)
    new.rename(old)
    shutil.rmtree(discarded, ignore_errors=True)


def attempt_together(
    steps: Sequence[Step], work: Callable[[list[Path]], Sequence[Exception | None]]
) -> list[str | None]:
    """``attempt`` several steps with one piece of work, which fills their folders and says why each failed, or None.

    Gives the failures in a sentence each. What the work itself raises is the failure of all. Raises DiskError.
    """
    found: list[Exception | None] = [None] * len(steps)
    errors: list[str | None] = [None] * len(steps)

    def fill(parts: list[Path]) -> None:
        if len(parts) == len(steps):
            try:
                found[:] = work(parts)
            except Exception as error:
                found[:] = [error] * len(steps)
            return
        k = len(parts)

        def inside(part: Path) -> None:
            fill([*parts, part])
            if (error := found[k]) is not None:
                raise error

        try:
            steps[k].attempt(inside, together=len(steps))
        except DiskError:
            raise
        except WorkError as error:
            errors[k] = str(error)

    fill([])
    return errors
