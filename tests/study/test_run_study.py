"""A whole study, in miniature: complete, resumable, honest about what failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.schema import InputError, WorkError
from easyhard.study import Machines, Selection, StudyOutcome, StudyProgress, read_config, run_study, status
from easyhard.study import work as work_module
from easyhard.study.lock import locked
from easyhard.study.record import read_record


def run(path: Path, *overrides: str) -> StudyOutcome:
    return run_study(read_config(path, overrides), StudyProgress(Console(quiet=True)), machines=Machines(together=1))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = small_study(tmp_path_factory.mktemp("study"))
    run(path)
    return path


def counted(
    monkeypatch: pytest.MonkeyPatch, name: str, stop_at: int = -1, error: type[BaseException] = KeyboardInterrupt
) -> list[Any]:
    """Count the calls of a function of the work module, and raise ``error`` at call ``stop_at``."""
    original: Callable[..., Any] = getattr(work_module, name)
    calls: list[Any] = []

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == stop_at:
            raise error("stopped by the test")
        return original(*args, **kwargs)

    monkeypatch.setattr(work_module, name, wrapper)
    return calls


def test_the_folder_holds_every_table_with_its_columns(finished: Path) -> None:
    out = finished.parent / "run"
    matrix = pl.read_parquet(out / "generalization" / "matrix.parquet")
    assert matrix.select("train_bin", "eval_bin", "seed").is_unique().all()
    assert matrix.height == 3 * 3
    assert (matrix["gain"] - (matrix["accuracy"] - matrix["zero_shot_accuracy"])).abs().max() == pytest.approx(
        0, abs=1e-12
    )
    bank = pl.read_parquet(out / "calibration" / "bank.parquet")
    assert {"item", "difficulty", "standard_error"} <= set(bank.columns)
    assert bank.height == 60
    bins = pl.read_parquet(out / "bins" / "bins.parquet")
    assert {"item", "bin", "split"} <= set(bins.columns)
    assert bins.group_by("bin").len()["len"].to_list() == [20, 20, 20]
    records = list(out.rglob("record.json"))
    assert len(records) == 3 + 1 + 2 * 3 + 2  # calibration, its details, bins; cells; generalization, report
    assert all((read_record(path.parent) or {})["status"] == "done" for path in records)
    assert "<html" in (out / "report" / "index.html").read_text()


def test_the_report_has_settings_records_and_sources_but_not_where_files_lie(finished: Path) -> None:
    out = finished.parent / "run"
    page = (out / "report" / "index.html").read_text()
    for place in ("calibration", "bins", "models/tiny/bin-01/seed-0/training"):
        assert f"<td>{place}</td><td><code>{(read_record(out / place) or {})['fingerprint']}</code></td>" in page
    assert "held_out: 0.4" in page and "How to cite" in page and "arXiv:2511.21692" in page
    assert str(finished.parent) not in page


def test_no_training_item_is_evaluated(finished: Path) -> None:
    out = finished.parent / "run"
    trained = [pl.read_parquet(path) for path in out.glob("models/*/bin-*/seed-*/training/items.parquet")]
    assert [table.height for table in trained] == [8, 8, 8]
    asked = pl.read_parquet(out / "models" / "tiny" / "zero-shot" / "responses.parquet")
    assert asked.height == 24
    assert not set(asked["item"]) & set(pl.concat(trained)["item"])


def test_a_finished_study_is_not_run_again(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = counted(monkeypatch, "base_model")
    run(finished)
    assert loads == []


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_an_interrupted_study_goes_on_and_ends_the_same(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    path = small_study(tmp_path)
    with monkeypatch.context() as patch:
        counted(patch, stage, stop_at=2)
        with pytest.raises(KeyboardInterrupt):
            run(path)
    assert not list((tmp_path / "run").rglob("*.part"))
    trainings = counted(monkeypatch, "train")
    again = run(path)
    assert len(trainings) == 2
    undisturbed = pl.read_parquet(finished.parent / "run" / "generalization" / "matrix.parquet")
    assert again.matrix.runs.equals(undisturbed)


def test_a_failed_cell_is_recorded_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study(tmp_path)
    with monkeypatch.context() as patch:
        counted(patch, "train", stop_at=2, error=WorkError)
        outcome = run(path)
    assert outcome.failed == ("tiny, trained on bin 1, seed 0",)
    rows = outcome.matrix.runs.filter(pl.col("train_bin") == 1)
    assert rows["status"].to_list() == ["failed"] * 3
    assert rows["gain"].null_count() == 3
    cell = status(tmp_path / "run").filter(pl.col("train_bin") == 1)
    assert cell["error"].to_list() == ["stopped by the test"]
    assert list((tmp_path / "run").rglob("traceback.txt"))
    assert run(path).failed == outcome.failed
    again = run_study(read_config(path), StudyProgress(Console(quiet=True)), Selection(retry_failed=True))
    assert again.failed == ()


def test_only_what_depends_on_a_changed_setting_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study(tmp_path)
    run(path)
    trainings, evaluations = counted(monkeypatch, "train"), counted(monkeypatch, "evaluate")
    run(path, "seeds=[0, 1]")
    assert (len(trainings), len(evaluations)) == (3, 3)
    run(path, "seeds=[0, 1]", "training.epochs=2")
    assert (len(trainings), len(evaluations)) == (3 + 6, 3 + 6)


def test_a_damaged_file_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study(tmp_path)
    first = run(path)
    responses = tmp_path / "run" / "models" / "tiny" / "bin-01" / "seed-0" / "evaluation" / "responses.parquet"
    responses.write_bytes(responses.read_bytes()[:-20])
    evaluations = counted(monkeypatch, "evaluate")
    assert run(path).matrix.runs.equals(first.matrix.runs)
    assert len(evaluations) == 1


def test_two_runs_of_one_study_do_not_mix(finished: Path) -> None:
    with locked(finished.parent / "run"), pytest.raises(InputError, match="being worked on by another"):
        run(finished)


def test_the_papers_protocol_marks_its_diagonal(tmp_path: Path) -> None:
    outcome = run(small_study(tmp_path, bins={"count": 3, "held_out": 0}))
    cells = outcome.matrix.cells
    diagonal = cells.filter(pl.col("train_bin") == pl.col("eval_bin"))
    assert diagonal["trained_on_these_items"].all()
    assert not cells.filter(pl.col("train_bin") != pl.col("eval_bin"))["trained_on_these_items"].any()
    assert {check.code: check.status for check in outcome.matrix.checks}["EH004"] == "issue"


def test_every_problem_of_a_config_is_named_at_once(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    raw = yaml.safe_load(path.read_text())
    raw["bins"]["heldout"] = raw["bins"].pop("held_out")
    raw["trainig"] = raw.pop("training")
    del raw["responses"]
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(InputError) as caught:
        read_config(path)
    text = str(caught.value)
    assert "3 problem(s)" in text
    assert "bins.heldout: no such key. Did you mean 'held_out'?" in text
    assert "trainig: no such key. Did you mean 'training'?" in text
    assert "responses: is needed" in text
