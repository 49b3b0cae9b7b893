"""Steps on disk: whole or not at all, and what is told of a folder that does not stand."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from easyhard.schema import InputError, WorkError
from easyhard.study import record as record_module
from easyhard.study.disk import DiskError
from easyhard.study.lock import TEMPORARY, is_locked, locked, sweep
from easyhard.study.record import RECORD, RUNNING, TRACEBACK, Step, read_record


def a_step(folder: Path, **settings: Any) -> Step:
    return Step(folder / "step", {"epochs": 3, **settings}, {"items": "abc"})


def writes(text: str = "output", then: BaseException | None = None) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        (folder / "output.txt").write_text(text)
        if then:
            raise then

    return work


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if TEMPORARY.fullmatch(path.name)]


def test_a_record_holds_what_made_the_output_and_its_hash(tmp_path: Path) -> None:
    step = a_step(tmp_path)
    step.attempt(writes())
    record = read_record(step.folder)
    assert step.is_done and record is not None
    digest = hashlib.sha256(b"output").hexdigest()
    assert record["outputs"]["output.txt"] == {"size": 6, "sha256": digest}
    assert set(record["outputs"]) == {"output.txt"} and not left_over(tmp_path)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (InputError("an example is too long. Raise max_length."), "an example is too long. Raise max_length."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (MemoryError(), "MemoryError: no message"),
    ],
)
def test_a_failure_keeps_its_sentence_its_traceback_and_what_was_made(
    tmp_path: Path, raised: Exception, said: str
) -> None:
    step = a_step(tmp_path)
    with pytest.raises(WorkError) as caught:
        step.attempt(writes(then=raised))
    assert str(caught.value) == step.error == said
    assert not step.is_done and not left_over(tmp_path)
    assert "Traceback" in (step.folder / TRACEBACK).read_text()
    assert (step.folder / "output.txt").read_text() == "output"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("how", [Step.run, Step.attempt])
def test_a_disk_that_takes_no_more_is_no_failure_of_the_step(
    tmp_path: Path, number: int, how: Callable[[Step, Callable[[Path], None]], None]
) -> None:
    said = WorkError("could not be saved")
    said.__cause__ = OSError(number, "no room")
    step = a_step(tmp_path)
    for error in (OSError(number, "no room"), said, RuntimeError(f"I/O error: no room (os error {number})")):
        with pytest.raises(DiskError, match="could not be written"):
            how(step, writes(then=error))
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        a_step(tmp_path).attempt(writes(then=KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


def edit(step: Step, **changes: Any) -> None:
    path = step.folder / RECORD
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_edited_record_and_a_changed_output_do_not_stand(tmp_path: Path) -> None:
    step = a_step(tmp_path)
    step.attempt(writes())
    edit(step, seconds=0.5)
    assert (step.is_done, step.objection) == (False, "step/record.json was changed after it was written")
    step.attempt(writes())
    (step.folder / "output.txt").write_text("OUTPUT")  # of the same length
    assert (step.is_done, step.objection) == (False, "step/output.txt was changed after it was written")
    step.attempt(writes())
    (step.folder / "output.txt").write_text("cut")
    assert step.objection == "step/output.txt has 3 bytes, not 6"
    (step.folder / "output.txt").unlink()
    assert step.objection == "step/output.txt is missing"
    (step.folder / RECORD).write_text("{")
    assert not step.is_done


def test_what_changed_since_a_step_was_made_is_named(tmp_path: Path) -> None:
    a_step(tmp_path, training={"rank": 2, "epochs": 1}).attempt(writes())
    assert a_step(tmp_path, training={"rank": 2, "epochs": 1}).objection == ""
    assert a_step(tmp_path, training={"rank": 4, "epochs": 1}).objection == "training.rank changed"
    other = Step(tmp_path / "step", {"epochs": 4, "training": {"rank": 2, "epochs": 1}}, {"items": "other"})
    assert other.objection == "epochs, items changed"
    assert a_step(tmp_path / "nowhere").objection == ""


def test_a_clock_that_jumps_back_makes_no_negative_duration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 29, 3, tzinfo=UTC)

    class Backwards(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            nonlocal now
            now -= timedelta(hours=1)
            return now

    monkeypatch.setattr(record_module, "datetime", Backwards)
    monkeypatch.setattr("time.time", lambda: now.timestamp())
    step = a_step(tmp_path)
    step.attempt(writes())
    assert step.record is not None and 0 <= step.record["seconds"] < 60


def test_dropped_files_leave_the_step_done(tmp_path: Path) -> None:
    step = a_step(tmp_path)
    step.attempt(writes())
    step.drop(["output.txt", "other"])
    assert step.is_done and step.has_dropped and not (step.folder / "output.txt").exists()
    (step.folder / "output.txt").write_text("output")  # as if killed between the record and the deletion
    step.drop([])
    assert step.is_done and not (step.folder / "output.txt").exists()


def test_what_a_dead_process_left_is_taken_over_as_its_failure(tmp_path: Path) -> None:
    step = a_step(tmp_path)
    part = tmp_path / ".step.0123456789abcdef.part"
    part.mkdir()
    (part / "log.txt").write_text("terminate called")
    step.give_up("The process was killed.")
    assert step.error == "The process was killed."
    assert (step.folder / "log.txt").read_text() == "terminate called" and not left_over(tmp_path)
    a_step(tmp_path / "another").give_up("It left nothing.")
    assert a_step(tmp_path / "another").error == "It left nothing."


def test_only_the_temporary_files_of_steps_are_swept(tmp_path: Path) -> None:
    mine = [tmp_path / ".notes.part", tmp_path / ".old", tmp_path / "a.part"]
    for file in mine:
        file.write_text("mine")
    (tmp_path / "models" / ".training.0123456789abcdef.part").mkdir(parents=True)
    (tmp_path / "models" / ".training.fedcba9876543210.old").mkdir()
    (tmp_path / ".0123456789abcdef.part").write_text("half")
    at_work = tmp_path / ".report.0123456789abcdef.part"
    at_work.mkdir()
    who = {"started": "", "host": socket.gethostname(), "pid": os.getpid()}
    (at_work / RUNNING).write_text(json.dumps(who))
    sweep(tmp_path)
    assert left_over(tmp_path) == [at_work]
    (at_work / RUNNING).write_text(json.dumps({**who, "host": "another"}))
    sweep(tmp_path)
    assert not left_over(tmp_path) and all(file.exists() for file in mine)


def test_one_process_at_a_time_and_others_can_tell(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(InputError, match="being worked on by another"), locked(tmp_path):
            pass
    assert not is_locked(tmp_path)
