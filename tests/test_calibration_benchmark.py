"""The calibration benchmark says what it measured: its table is recomputed here from what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RUN = Path(__file__).resolve().parents[1] / "benchmarks" / "calibration" / "run.py"
CASES = ("150x60-rasch-0", "150x60-rasch-0.1")
COLUMNS = ("model", "missing", "package", "RMSE", "Spearman", "coverage")


def run(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--sizes", "150x60", "--models", "rasch", "--missing", "0,0.1", "--here", "--rounds", "2"]
    command = [sys.executable, str(RUN), "--work", str(work), *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration")
    done = run(folder, "--peers", "easyhard", "--floor")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def rows(work: Path) -> list[dict[str, str]]:
    lines = [line for line in (work / "table.md").read_text().splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, cells, strict=True)) for cells in body[: len(CASES)]]


def recomputed(work: Path, case: str) -> tuple[float, float]:
    """RMSE and coverage, in other words than the benchmark's own."""
    answer: dict[str, Any] = json.loads((work / "answers" / f"{case}.easyhard.json").read_text())
    truth = np.load(work / "data" / f"{case}.truth.npz")
    estimated = np.array(answer["difficulty"])[truth["varies"]]
    error = np.array(answer["standard_error"])[truth["varies"]]
    deviation = estimated - truth["difficulty"][truth["varies"]]
    inside = np.abs(deviation - deviation.mean()) <= 1.96 * error
    return float(deviation.std()), float(inside.mean())


def test_the_table_holds_the_distance_to_the_truth(work: Path) -> None:
    table = rows(work)
    assert [row["missing"] for row in table] == ["none", "10%"]
    for case, row in zip(CASES, table, strict=True):
        rmse, coverage = recomputed(work, case)
        assert row["package"].startswith("easyhard")
        assert float(row["RMSE"]) == pytest.approx(rmse, abs=6e-5)
        assert float(row["coverage"]) == pytest.approx(coverage, abs=6e-4)
        assert 0.1 < rmse < 0.4  # 150 respondents: a standard error of 0.18 for the middle items


def test_the_responses_follow_the_truth_and_have_the_holes_asked_for(work: Path) -> None:
    whole, holed = (np.load(work / "data" / f"{case}.npy") for case in CASES)
    difficulty = np.load(work / "data" / f"{CASES[0]}.truth.npz")["difficulty"]
    assert whole.shape == (150, 60)
    assert set(np.unique(whole)) == {0, 1}
    assert np.corrcoef(whole.mean(axis=0), difficulty)[0, 1] < -0.9
    assert np.mean(holed == -1) == pytest.approx(0.1, abs=0.02)
    assert np.array_equal(whole[holed != -1], holed[holed != -1])


def test_results_json_has_every_fit_and_the_floor(work: Path) -> None:
    results = json.loads((work / "results.json").read_text())
    assert [record["case"] for record in results["records"]] == list(CASES)
    for record in results["records"]:
        assert len(record["seconds"]) == 2
        assert record["ratio"] == 1
        assert record["peak_memory"] > 1e7
    assert results["floor"]["150x60"]["bytes"] == 150 * 60


def test_a_second_run_takes_what_is_there(work: Path) -> None:
    path = work / "records" / f"{CASES[0]}.easyhard.json"
    before = path.read_bytes()
    assert run(work, "--peers", "easyhard").returncode == 0
    assert path.read_bytes() == before


def test_a_fit_over_the_budget_is_shown_as_such(tmp_path: Path) -> None:
    done = run(tmp_path, "--peers", "easyhard", "--missing", "0", "--budget", "0.01")
    assert done.returncode == 1
    assert "| > 0.01 |" in done.stdout
    assert "1. easyhard: ended after the budget of 0.01 s" in done.stdout


def test_a_fit_that_fails_is_shown_with_its_last_words(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    np.save(data / f"{CASES[0]}.npy", np.full((150, 60), 7, dtype=np.int8))
    done = run(tmp_path, "--peers", "easyhard", "--missing", "0")
    assert done.returncode == 1
    assert "| failed |" in done.stdout
    assert "correct holds 7 in row 0" in done.stdout
