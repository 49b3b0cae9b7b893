"""What another shell is told of a study, and what verify finds."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard import cli
from easyhard.files import read_bank, write_bank
from easyhard.schema import ItemBank
from easyhard.study import Selection, StudyProgress, read_config, run_study, study_status, verify
from easyhard.study import work as work_module
from easyhard.study.lock import locked

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["easyhard", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


@pytest.fixture
def half_done(tmp_path: Path) -> Path:
    run_study(read_config(small_study(tmp_path)), StudyProgress(Console(quiet=True)), Selection(limit=2))
    return tmp_path / "run"


def test_running_cells_are_seen_from_outside_while_a_process_is_at_work(half_done: Path, command: Command) -> None:
    part = half_done / "models" / "tiny" / "bin-01" / "seed-0" / ".training.0123456789abcdef.part"
    with locked(half_done):
        part.mkdir(parents=True)
        (part / "running.json").write_text(json.dumps({"started": "2099-01-01T00:00:00+00:00"}))  # by a clock set back
        status = study_status(half_done)
        code, out, _ = command("status", half_done)
        row = status.cells.filter(pl.col("cell") == "tiny/bin-01/seed-0")
        assert row.select("state", "since").row(0) == ("running", "2099-01-01T00:00:00+00:00")
        assert status.seconds_left is not None and status.seconds_left > 0
        part.rename(part.with_name("aside"))
    part.with_name("aside").rename(part)
    assert code == 0 and "2 done, 1 running, 0 failed, 1 left of 4 cells; about" in out
    assert "A process is at work." in " ".join(out.split())
    left_by_a_killed_one = study_status(half_done)
    assert left_by_a_killed_one.count("running") == 0 and not left_by_a_killed_one.is_running


def test_what_a_training_found_unusual_is_said_once_by_the_run_and_by_status(tmp_path: Path, command: Command) -> None:
    note = "tiny: The tokenizer has no chat template, so prompts and completions are plain text."
    code, said, _ = command("run", small_study(tmp_path))
    assert code == 0 and " ".join(said.split()).count(note) == 1
    code, said, _ = command("status", tmp_path / "run")
    assert code == 0 and " ".join(said.split()).count(note) == 1
    cells = study_status(tmp_path / "run").cells
    assert [len(notes) for notes in cells["notes"]] == [0, 2, 2, 2]  # nothing was trained in zero-shot


def test_a_whole_study_matches(half_done: Path, command: Command) -> None:
    code, out, _ = command("verify", half_done)
    assert code == 0 and "match, and so does the matrix made anew" in " ".join(out.split())


def places(folder: Path) -> set[str]:
    return {place for place, _ in verify(folder).mismatches}


def test_a_report_holds_the_difficulties_against_intended_ones(half_done: Path, command: Command) -> None:
    bank = read_bank(half_done / "calibration" / "bank.parquet")
    harder = ItemBank(bank.table.with_columns(pl.col("difficulty") + 0.25), bank.calibration)
    write_bank(harder, half_done / "harder.parquet")
    settings = half_done / "study.yaml"
    kept = settings.read_text(encoding="utf-8")
    settings.write_text(kept.replace("intended: null", "intended: harder.parquet"), encoding="utf-8")
    assert places(half_done) == {"report"}
    assert command("report", half_done)[0] == 0 and not places(half_done)
    page = (half_done / "report" / "index.html").read_text(encoding="utf-8")
    assert "Against harder (60 items)" in page and "0.25 logits from its place" in page and "is 0.25 easier" in page
    other = ItemBank(bank.table, replace(bank.calibration, model="2pl"))
    write_bank(other, half_done / "harder.parquet")
    assert places(half_done) == {"report"}
    code, _, error = command("validate", settings)
    assert code == 2 and "has difficulties in ability sd" in " ".join(error.split())
    (half_done / "harder.parquet").unlink()
    assert command("validate", settings)[0] == command("report", half_done)[0] == 2 and not places(half_done)
    settings.write_text(kept, encoding="utf-8")
    assert command("report", half_done)[0] == 0 and not places(half_done)
    assert "Against harder" not in (half_done / "report" / "index.html").read_text(encoding="utf-8")


def test_another_intended_bank_makes_the_report_anew_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_study(tmp_path)
    run_study(read_config(path), StudyProgress(Console(quiet=True)))
    (tmp_path / "banks").mkdir()
    shutil.copy(tmp_path / "run" / "calibration" / "bank.parquet", tmp_path / "banks" / "wanted.parquet")

    def records() -> dict[str, str]:
        files = {file.parent: json.loads(file.read_text()) for file in (tmp_path / "run").rglob("record.json")}
        made_anew = ("generalization", "report")
        return {place.name: one["fingerprint"] for place, one in files.items() if place.name in made_anew} | {
            str(place): one["started"] for place, one in files.items() if place.name not in made_anew
        }

    before = records()
    monkeypatch.setattr(work_module, "base_model", lambda *_, **__: pytest.fail("worked on what is done"))
    monkeypatch.chdir("/")  # the path counts from the study's file
    run_study(read_config(path, ["intended=banks/wanted.parquet"]), StudyProgress(Console(quiet=True)))
    after = records()
    assert [name for name in before if before[name] != after[name]] == ["report"] and before.keys() == after.keys()
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Against wanted (60 items)" in page and not verify(tmp_path / "run").mismatches


def test_verify_names_what_does_not_match(half_done: Path, command: Command) -> None:
    cell = half_done / "models" / "tiny" / "bin-00" / "seed-0"
    weights = cell / "training" / "adapter_model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert places(half_done) == {"models/tiny/bin-00/seed-0/training"}
    code, out, err = command("verify", half_done)
    assert code == 1 and "was changed" in out and "1 finding(s)" in err
    weights.write_bytes(kept)

    record = cell / "evaluation" / "record.json"
    kept = record.read_bytes()
    record.write_bytes(kept.replace(b'"seconds": ', b'"seconds": 9'))
    assert places(half_done) == {"models/tiny/bin-00/seed-0/evaluation", "generalization"}
    record.write_bytes(kept)

    matrix = half_done / "generalization" / "matrix.parquet"
    table = pl.read_parquet(matrix)
    table.with_columns(pl.col("gain") + 0.01).write_parquet(matrix)
    findings = [finding for _, finding in verify(half_done).mismatches]
    assert "matrix.parquet is not what the responses say: gain differ" in findings
    assert command("report", half_done)[0] == 0 and places(half_done) == set()

    responses = half_done.parent / "responses.csv"
    responses.write_text(responses.read_text() + "llm-new,sum/00,1\n")
    assert places(half_done) == {"calibration", "bins"}
    responses.unlink()
    found = verify(half_done)
    assert not found.mismatches and "cannot be looked at" in found.notes[0]


def test_a_dry_run_says_what_the_disk_must_hold(tmp_path: Path, command: Command) -> None:
    path = small_study(tmp_path)
    needed = {}
    for keep in ("all", "adapter", "none"):
        code, out, _ = command("run", path, "--dry-run", "--json", "--set", f"keep={keep}")
        assert code == 0
        needed[keep] = json.loads(out)["space"]
    assert needed["all"]["kept"] == needed["adapter"]["kept"]
    assert needed["none"]["kept"] + 3 * needed["none"]["at_work"] == needed["all"]["kept"]
    run_study(read_config(path), StudyProgress(Console(quiet=True)), Selection(limit=2))
    weights = next((tmp_path / "run").rglob("adapter_model.safetensors")).stat().st_size
    assert needed["none"]["at_work"] == pytest.approx(weights, rel=0.5)  # beside its head of names
