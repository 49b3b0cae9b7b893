"""Steps in an object store: whole or not at all, held against their records, and never outside of their folder."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

fsspec = pytest.importorskip("fsspec")

from test_record import writes

from easyhard.schema import InputError, WorkError
from easyhard.study import record
from easyhard.study.record import RECORD, Step
from easyhard.study.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in the memory of this process, which puts whole objects as others do."""
    return open_store(f"memory://{uuid.uuid4().hex}/study", tmp_path / "here")


def a_step(home: Path, **settings: Any) -> Step:
    return Step(home / "models" / "tiny" / "training", {"epochs": 3, **settings}, {"items": "abc"})


def there(store: Store) -> Store:
    """The same store, as another machine sees it."""
    return replace(store, home=store.home.with_name("there"))


def pushed(store: Store) -> Step:
    def work(folder: Path) -> None:
        writes()(folder)
        (folder / "logs").mkdir()
        (folder / "logs" / "a.txt").write_text("x")

    step = a_step(store.home)
    step.attempt(work)
    store.push(step)
    return step


def objects(store: Store) -> list[str]:
    found: list[str] = fsspec.filesystem("memory").find(store.url.removeprefix("memory:/"))
    return found


def place(store: Store, end: str) -> str:
    (found,) = (name for name in objects(store) if name.endswith(end))
    return found


def test_a_step_comes_out_as_it_went_in(store: Store) -> None:
    step = pushed(store)
    other = a_step(there(store).home)
    assert store.holds(step) and there(store).fetch(other) and other.is_done
    assert {file.name: file.read_bytes() for file in step.folder.rglob("*.*")} == {
        file.name: file.read_bytes() for file in other.folder.rglob("*.*")
    }
    assert not there(store).fetch(a_step(there(store).home, epochs=4))  # made otherwise, so it is another step


def test_a_record_is_put_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise ConnectionError("the line is cut")

    with monkeypatch.context() as patched:
        patched.setattr(type(fsspec.filesystem("memory")), "pipe_file", stopped)
        with pytest.raises(WorkError, match=r"could not be read or written from .*: ConnectionError: the line is cut"):
            pushed(store)
    assert objects(store) and not store.holds(a_step(store.home))
    assert not there(store).fetch(a_step(there(store).home))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda data: data[:-1], "output.txt has 5 bytes, not 6"),
        (lambda data: b"OUTPUT", "output.txt was changed after it was written"),
        (lambda data: data * 1000, "output.txt has 6,000 bytes, not 6"),
        (None, "output.txt is missing"),
    ],
)
def test_an_object_that_is_not_what_was_put_is_refused(store: Store, change: Any, finding: str) -> None:
    step = pushed(store)
    memory, key = fsspec.filesystem("memory"), place(store, "/output.txt")
    if change:
        memory.pipe_file(key, change(memory.cat_file(key)))
    else:
        memory.rm_file(key)
    other = a_step(there(store).home)
    with pytest.raises(WorkError, match=finding) as caught:
        there(store).fetch(other)
    assert f"models/tiny/training/{step.fingerprint}" in str(caught.value) and "Delete that folder" in str(caught.value)
    assert not list(other.folder.parent.glob("*")) and not list(other.folder.parent.glob(".*"))


@pytest.mark.parametrize(
    "name", ["../../outside.txt", "/outside.txt", "a/../../outside.txt", "..\\outside.txt", "", ".", "a//b", RECORD]
)
@pytest.mark.parametrize("kind", ["outputs", "dropped"])
def test_a_name_that_leads_out_of_the_folder_is_refused(store: Store, name: str, kind: str) -> None:
    pushed(store)
    memory, key = fsspec.filesystem("memory"), place(store, f"/{RECORD}")
    hostile = json.loads(memory.cat_file(key))
    hostile[kind] = {name: {"size": 6, "sha256": "0" * 64}}
    memory.pipe_file(key, record._sealed(hostile))  # as whoever may write there can seal it
    with pytest.raises(WorkError, match="names a file outside of its folder"):
        there(store).fetch(a_step(there(store).home))
    assert not [file for file in store.home.parent.rglob("*") if "outside" in file.name]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"[" * 100_000])
def test_a_record_that_is_none_is_refused(store: Store, text: bytes) -> None:
    pushed(store)
    fsspec.filesystem("memory").pipe_file(place(store, f"/{RECORD}"), text)
    with pytest.raises(WorkError, match=r"record\.json cannot be read"):
        there(store).fetch(a_step(there(store).home))


def test_an_edited_record_and_that_of_another_step_are_refused(store: Store) -> None:
    pushed(store)
    memory, key = fsspec.filesystem("memory"), place(store, f"/{RECORD}")
    known = json.loads(memory.cat_file(key))
    for changes, finding in (
        ({"seconds": 9}, "was changed after it was written"),
        ({"fingerprint": "0" * 16}, "is that of another step"),
        ({"outputs": {"output.txt": {"size": "6"}}}, "cannot be read"),
    ):
        memory.pipe_file(key, json.dumps({**known, **changes}).encode())
        with pytest.raises(WorkError, match=finding):
            there(store).fetch(a_step(there(store).home))


def test_what_is_dropped_is_dropped_there_too(store: Store) -> None:
    step = pushed(store)
    step.drop(["output.txt"])
    store.drop(step)
    assert not [name for name in objects(store) if name.endswith("output.txt")]
    other = a_step(there(store).home)
    assert there(store).fetch(other) and other.is_done and other.has_dropped
    assert sorted(file.name for file in other.folder.rglob("*.*")) == ["a.txt", RECORD]


def test_a_failure_is_fetched_where_it_is_wanted(store: Store) -> None:
    step = a_step(store.home)
    with pytest.raises(WorkError):
        step.attempt(writes(then=ZeroDivisionError("by zero")))
    store.push(step)
    other = a_step(there(store).home)
    assert not store.holds(step) and not there(store).fetch(other, also_failed=False)
    assert there(store).fetch(other) and other.error == "ZeroDivisionError: by zero"


@pytest.mark.parametrize(
    "url", ["runs/study", "/runs/study", "file:///runs", "s3://", "s3://bucket/../other", "s3://b//a"]
)
def test_what_is_no_object_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Write s3://bucket/folder"):
        open_store(url, tmp_path)


@pytest.mark.parametrize(
    "url", ["s3://KEY:SECRET@bucket/study", "s3://bucket/study?token=SECRET", "s3://bucket/a#SECRET"]
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_store(url, tmp_path)
    assert "SECRET" not in str(caught.value) and "environment of each machine" in str(caught.value)


def test_an_unknown_kind_of_store_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        open_store("nosuch://bucket/study", tmp_path)
