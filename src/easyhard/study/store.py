"""Steps of a study in an object store, where machines that share no disk leave and find them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from urllib.parse import urlsplit

from easyhard.schema import EasyhardError, InputError, WorkError
from easyhard.study.record import RECORD, Step, damage, fingerprint, parse_record, sentence


@dataclass(frozen=True, slots=True)
class Store:
    """Steps below the URL of a folder of any file system that fsspec knows, ``s3://bucket/folder`` for one.

    A step has a place of its own for each fingerprint. Its files go to a folder that is named by what they hold, and
    then its record is put beside it: a store puts an object whole or not at all, so a record that is there says that
    its files are, and nothing that a record names is ever written over. It holds no credentials, and goes to other
    processes by pickle. ``home`` is the study's folder on this machine.
    """

    url: str
    home: Path

    def holds(self, step: Step) -> bool:
        """Whether the store has the finished output of exactly this step."""
        record = self._record(step)
        return record is not None and record["status"] == "done"

    def fetch(self, step: Step, also_failed: bool = True) -> bool:
        """Put what the store has of exactly this step in its place here; False if there is nothing.

        Everything is held against the record. Raises WorkError for what does not match it, and DiskError.
        """
        record = self._record(step)
        if record is None or not (also_failed or record["status"] == "done"):
            return False
        step.receive(lambda part: self._download(step, record, part))
        return True

    def push(self, step: Step) -> None:
        """Put a step with its record into the store, unless it has none that stands."""
        record = step.record
        if record is None:
            return
        names, place = list(record["outputs"]), self._place(step)
        with _reaching(place):
            files = _file_system(self.url)
            if names:
                targets = [f"{place}/{_contents(record)}/{name}" for name in names]
                files.put([str(step.folder / name) for name in names], targets)
            files.pipe_file(f"{place}/{RECORD}", (step.folder / RECORD).read_bytes())

    def drop(self, step: Step) -> None:
        """Delete from the store what was dropped of a step here; its record there goes on to know it."""
        record = step.record
        if record is None or not record.get("dropped"):
            return
        place = self._place(step)
        with _reaching(place):  # first the record: a file too many is harmless, a file too few is a mismatch
            files = _file_system(self.url)
            files.pipe_file(f"{place}/{RECORD}", (step.folder / RECORD).read_bytes())
            for name in record["dropped"]:
                with suppress(FileNotFoundError):
                    files.rm_file(f"{place}/{_contents(record)}/{name}")

    def note(self, name: str, text: str) -> None:
        """Put a file for people beside the steps. Raises WorkError if nothing can be written there."""
        with _reaching(self.url):
            _file_system(self.url).pipe_file(f"{self.url}/{name}", text.encode())

    def _place(self, step: Step) -> str:
        return f"{self.url}/{step.folder.relative_to(self.home).as_posix()}/{step.fingerprint}"

    def _record(self, step: Step) -> dict[str, Any] | None:
        """The record in the store; None if there is none. Raises WorkError for one that is not this step's."""
        place = self._place(step)
        with _reaching(place):
            files = _file_system(self.url)
            try:
                text = files.cat_file(f"{place}/{RECORD}")
            except FileNotFoundError:
                return None
        record = parse_record(text)
        if record is None or not _is_whole(record):
            _refuse(place, f"{RECORD} cannot be read")
        if record["fingerprint"] != step.fingerprint:
            _refuse(place, f"{RECORD} is that of another step")
        # Names come from whoever may write to the store: none may lead out of the step's own folder.
        named = (*record["outputs"], *record.get("dropped", {}))
        if outside := [name for name in named if not _is_inside(name)]:
            _refuse(place, f"{RECORD} names a file outside of its folder, {outside[0]!r}")
        return {**record, "text": text}

    def _download(self, step: Step, record: Mapping[str, Any], part: Path) -> None:
        place = self._place(step)
        folder = f"{place}/{_contents(record)}"
        with _reaching(place):
            files = _file_system(self.url)
            sizes = {key: entry["size"] for key, entry in files.find(folder, detail=True).items()}
            stored = {name: files._strip_protocol(f"{folder}/{name}") for name in record["outputs"]}
            # Before anything is fetched, so that nothing larger than it should be arrives.
            for name, key in stored.items():
                _refuse_size(place, name, sizes.get(key), record["outputs"][name]["size"])
            if stored:
                targets = [part / name for name in stored]
                for target in targets:
                    target.parent.mkdir(parents=True, exist_ok=True)
                files.get(list(stored.values()), [str(target) for target in targets])
        (part / RECORD).write_bytes(record["text"])
        found = damage(part, {name: value for name, value in record.items() if name != "text"}, float("inf"))
        if found:
            _refuse(place, found[0])


def open_store(url: str, home: Path) -> Store:
    """The store at ``url``. Raises InputError for one that cannot be used, without repeating what may be a secret."""
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            "--store has more in it than a bucket and a folder. Write s3://bucket/folder; credentials belong into the "
            "environment of each machine, see docs/clusters.md."
        )
    if parts.scheme in ("", "file", "local") or not parts.netloc:
        raise InputError(
            f"--store {url!r} is no object store. Write s3://bucket/folder; for a disk that all machines see, leave "
            "--store out and put the study's out there."
        )
    below = parts.path.removeprefix("/").removesuffix("/")
    if below and {"", ".", ".."} & set(below.split("/")):
        raise InputError(f"--store {url!r} has an empty part, '.' or '..' in it. Write s3://bucket/folder.")
    _file_system(url)
    return Store(url.rstrip("/"), home)


def _file_system(url: str) -> Any:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise InputError("fsspec is not installed. Install it with: pip install 'easyhard[s3]'") from error
    try:
        # Other machines write meanwhile: what was listed before must not be taken for what is there.
        return url_to_fs(url, use_listings_cache=False)[0]
    except (ImportError, ValueError) as error:
        raise InputError(
            f"--store {url!r} cannot be used: {sentence(error)}. For s3:// install easyhard[s3]."
        ) from error


@contextmanager
def _reaching(place: str) -> Iterator[None]:
    """Raise whatever a store's own library raises as one sentence that says what to do."""
    try:
        yield
    except EasyhardError:
        raise
    except Exception as error:  # each library has its own for names, rights and the network
        raise WorkError(
            f"{place} could not be read or written from {socket.gethostname()}: {sentence(error)}. See that the bucket "
            "exists, and that the environment of this machine lets it read, write, list and delete there; then give "
            "the same command again."
        ) from error


def _refuse(place: str, finding: str) -> NoReturn:
    raise WorkError(
        f"{place} is not what was put there: {finding}. Delete that folder from the store and give the same command "
        "again: its step is then made anew."
    )


def _refuse_size(place: str, name: str, size: int | None, known: int) -> None:
    if size is None:
        _refuse(place, f"{name} is missing")
    if size != known:
        _refuse(place, f"{name} has {size:,} bytes, not {known:,}")


def _contents(record: Mapping[str, Any]) -> str:
    """Name of the folder of a step's files: by what they hold, also of those that were dropped since."""
    return fingerprint({**record["outputs"], **record.get("dropped", {})})


def _is_whole(record: Mapping[str, Any]) -> bool:
    kinds = {"size": int, "sha256": str}
    dropped = record.get("dropped", {})
    entries = [*record["outputs"].values(), *(dropped.values() if isinstance(dropped, dict) else [None])]
    return all(
        isinstance(entry, dict) and all(isinstance(entry.get(name), kind) for name, kind in kinds.items())
        for entry in entries
    )


def _is_inside(name: str) -> bool:
    """Whether a name is that of a file below the folder it is joined to, written as we write it."""
    parts = PurePosixPath(name).parts
    plain = "/".join(parts) == name and not {"", ".", "..", "/"} & set(parts)
    return plain and parts != () and name != RECORD and not any(letter in name for letter in "\\\0")
