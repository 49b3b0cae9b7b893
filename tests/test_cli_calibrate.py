"""`easyhard calibrate` and `easyhard diagnose`, from the console script's entry point to the files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from easyhard import cli
from easyhard.chance import cell_rng
from easyhard.files import read_bank
from easyhard.irt import simulate_rasch
from easyhard.responses import write_responses
from easyhard.schema import Responses

DIFFICULTY = np.linspace(-1.5, 1.5, 24)


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    """120 respondents x 24 items, of which item 23 repeats item 10 and item 5 has a wrong key."""
    correct = simulate_rasch(120, DIFFICULTY, 0.3, 1.5, 0.05, cell_rng(0, "test", "cli"))
    correct[:, 23] = correct[:, 10]
    correct[:, 5] = np.where(correct[:, 5] < 0, -1, 1 - correct[:, 5])
    names = tuple(f"{'llama' if row % 3 else 'qwen'}-{row}" for row in range(120))
    path = tmp_path / "responses.parquet"
    write_responses(Responses(correct, names, tuple(f"item {k:02d}" for k in range(24))), path)
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["easyhard", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_2pl_bank_and_its_bins_say_their_unit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], responses: Path, tmp_path: Path
) -> None:
    bank, bins = tmp_path / "bank.parquet", tmp_path / "bins.parquet"
    assert call(monkeypatch, "calibrate", responses, "-o", bank, "--model", "2pl", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "2pl" and told["unit"] == "ability sd"
    discrimination = read_bank(bank).table["discrimination"].to_numpy()
    assert abs(discrimination[23] - discrimination[10]) < 1e-9  # the two that are alike, up to rounding
    assert (np.diff(np.sort(discrimination[:23])) > 1e-6).all()
    assert call(monkeypatch, "bin", bank, "-o", bins, "--count", "3") == 0
    assert "difficulty in ability sd" in capsys.readouterr().out


def test_a_bank_is_calibrated_onto_an_older_scale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], responses: Path, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    half = tmp_path / "half.parquet"
    pl.read_parquet(responses).filter(pl.col("item") < "item 12").write_parquet(half)
    assert call(monkeypatch, "calibrate", half, "-o", old) == 0
    assert call(monkeypatch, "calibrate", responses, "-o", new, "--onto", old) == 0
    before, after = read_bank(old).table, read_bank(new).table
    np.testing.assert_array_equal(after["difficulty"][:12], before["difficulty"])
    assert (after["standard_error"][12:] > 0).all()
    assert call(monkeypatch, "calibrate", responses, "-o", new, "--onto", old, "--model", "2pl") == 2
    assert "Calibrate with the model of the bank" in capsys.readouterr().err


def test_a_2pl_bank_is_calibrated_onto_an_older_scale(
    monkeypatch: pytest.MonkeyPatch, responses: Path, tmp_path: Path
) -> None:
    half, old, new = (tmp_path / name for name in ("half.parquet", "old.parquet", "new.parquet"))
    pl.read_parquet(responses).filter(pl.col("item") < "item 12").write_parquet(half)
    assert call(monkeypatch, "calibrate", half, "-o", old, "--model", "2pl") == 0
    assert call(monkeypatch, "calibrate", responses, "-o", new, "--onto", old, "--model", "2pl") == 0
    before, after = read_bank(old).table, read_bank(new).table
    for column in ("difficulty", "discrimination"):
        np.testing.assert_array_equal(after[column][:12], before[column])
    assert (after["standard_error"][12:] > 0).all()


def test_diagnose_answers_every_question_and_leaves_its_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], responses: Path, tmp_path: Path
) -> None:
    out = tmp_path / "diagnosis"
    assert call(monkeypatch, "diagnose", responses, "-o", out, "--group", "qwen") == 0
    shown = capsys.readouterr().out
    readings = json.loads((out / "readings.json").read_text())
    assert len(readings) == 9
    for name, answer in readings.items():
        assert answer["question"] in shown
        assert answer["reading"] and not answer["reading"].startswith("Not to be had")
        assert pl.read_parquet(out / f"{name}.parquet").height > 0
    assert "item 05" in readings["mislabelled"]["reading"]
    assert "item 10" in readings["local_dependence"]["reading"]


def test_a_group_that_is_nobody_or_everybody_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], responses: Path, tmp_path: Path
) -> None:
    for group in ("mistral", "-"):
        assert call(monkeypatch, "diagnose", responses, "-o", tmp_path / "d", "--group", group) == 2
        assert "Give a part of the names of some" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_the_shape_of_abilities_can_be_left_free(
    responses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shape in ("normal", "free"):
        assert call(monkeypatch, "calibrate", responses, "-o", tmp_path / shape, "--ability", shape) == 0
    normal, free = (read_bank(tmp_path / shape).table["difficulty"].to_numpy() for shape in ("normal", "free"))
    assert np.corrcoef(normal, free)[0, 1] > 0.99
    assert not np.array_equal(normal, free)
