"""Several benchmarks in one study: the files of single studies, one plan, one queue, one page over all."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("peft")

from several_benchmarks import alone, several_benchmarks

from easyhard.cli import app
from easyhard.llm import load_model
from easyhard.schema import InputError, WorkError
from easyhard.sft import train as train_one
from easyhard.study import (
    Machines,
    Selection,
    StudyProgress,
    read_config,
    read_studies,
    run_studies,
    run_study,
    study_status,
    verify,
)
from easyhard.study import work as work_module
from easyhard.study.record import read_record
from easyhard.study.run import SeveralOutcome

MATRIX = "generalization/matrix.parquet"


def run(path: Path, *overrides: str, workers: int = 1, **selected: Any) -> SeveralOutcome:
    progress = StudyProgress(Console(quiet=True))
    return run_studies(read_studies(path, overrides), progress, Selection(**selected), Machines(workers=workers))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = several_benchmarks(tmp_path_factory.mktemp("several"))
    outcome = run(path)
    assert outcome.failed == () and outcome.left == 0 and set(outcome.by_name) == {"plain", "other"}
    return path


def records(folder: Path) -> dict[str, Any]:
    """Fingerprint and hashes of every step, but for what names the folder it is in."""
    found = {}
    for file in sorted(folder.rglob("record.json")):
        record = read_record(file.parent)
        assert record is not None
        tables = {name: known for name, known in record["outputs"].items() if not re.search(r"README|html", name)}
        found[str(file.parent.relative_to(folder))] = (record["fingerprint"], tables)
    return found


@pytest.mark.parametrize("name", ["plain", "other"])
def test_each_benchmark_has_the_files_of_a_single_study(finished: Path, name: str) -> None:
    single = run_study(read_config(alone(finished, name)), StudyProgress(Console(quiet=True)))
    folder = finished.parent / "run" / "benchmarks" / name
    assert records(folder) == records(single.folder)
    assert {file.name for file in folder.iterdir()} == {file.name for file in single.folder.iterdir()}


def test_a_model_is_taken_up_once_for_all_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list[str]()

    def load(path: str, **rest: Any) -> Any:
        loaded.append(Path(path).name)
        return load_model(path, **rest)

    monkeypatch.setattr("easyhard.sft.base.load_model", load)
    run(several_benchmarks(tmp_path))
    assert loaded == ["model-a", "model-b"]


def test_two_processes_give_the_numbers_of_one(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.get_num_threads() != 1:
        pytest.skip("the study of one process shares its sums among several threads")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    outcome = run(several_benchmarks(tmp_path), workers=2)
    for name, one in outcome.by_name.items():
        stored = pl.read_parquet(finished.parent / "run" / "benchmarks" / name / MATRIX)
        assert one.matrix.runs.equals(stored) and stored["gain"].abs().sum() > 0


def test_the_page_over_all_leads_to_each_report(finished: Path) -> None:
    folder = finished.parent / "run" / "comparison"
    page = (folder / "index.html").read_text()
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 2 and all((folder / link).is_file() for link in links)
    tests = pl.read_parquet(folder / "tests.parquet")
    assert set(tests["study"]) == {"plain", "other"} and tests.height == 2 * 2 * 4
    together = pl.read_parquet(folder / "over_studies.parquet")
    assert set(together["n_datasets"]) <= {1, 2} and set(together["n_models"]) == {2}
    assert together["sentence"][0].startswith("Over 2 datasets and 2 models together: ")
    assert "2 studies, of 2 datasets and 2 models." in page and all(escape(one) in page for one in together["sentence"])


def test_what_was_written_can_be_read_and_run_again(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = read_studies(finished)
    again = read_studies(finished.parent / "run" / "study.yaml")
    assert dict(again.by_name) == dict(studies.by_name) and (again.name, again.out) == (studies.name, studies.out)
    monkeypatch.setattr(work_module, "base_model", lambda *_, **__: pytest.fail("worked on what is done"))
    assert run(finished.parent / "run" / "study.yaml").left == 0


def test_status_and_verify_and_report_and_compare_take_the_folder_of_all(finished: Path) -> None:
    folder = finished.parent / "run"
    status = study_status(folder)
    assert status.count("done") == 2 * (1 + 3) + 2 * (1 + 2) == status.cells.height
    assert {"plain/a/zero-shot", "other/b/bin-01/seed-0"} <= set(status.cells["cell"])
    assert any("no chat template" in note for note in status.notes)
    assert not verify(folder).mismatches
    responses = folder / "benchmarks" / "plain" / "models" / "a" / "zero-shot" / "responses.parquet"
    kept = responses.read_bytes()
    responses.write_bytes(kept[:-1])
    assert "benchmarks/plain/models/a/zero-shot" in {place for place, _ in verify(folder).mismatches}
    responses.write_bytes(kept)
    done = CliRunner().invoke(app, ["report", str(folder)])
    assert done.exit_code == 0 and done.output.count("Report: ") == 2 and "Side by side: " in done.output
    compared = json.loads(CliRunner().invoke(app, ["compare", str(folder), "--json"]).output)
    assert len(compared["tests"]) == 16


def test_only_selects_a_benchmark_and_the_others_have_no_report_yet(tmp_path: Path) -> None:
    path = several_benchmarks(tmp_path)
    outcome = run(path, only=("other/a/*",))
    assert set(outcome.by_name) == {"other"} and "has not been evaluated yet" in outcome.absent["plain"]
    done = study_status(tmp_path / "run").cells.filter(pl.col("state") == "done")["cell"].to_list()
    assert done == ["other/a/zero-shot", "other/a/bin-00/seed-0", "other/a/bin-01/seed-0"]
    assert not (tmp_path / "run" / "comparison").exists()
    assert run(path, only=("plain",), limit=2).left == 14 - 5
    assert (tmp_path / "run" / "comparison" / "index.html").is_file()


def test_a_benchmark_without_responses_stops_all_before_any_work(tmp_path: Path) -> None:
    path = several_benchmarks(tmp_path)
    (tmp_path / "other" / "responses.csv").unlink()
    with pytest.raises(InputError, match=r"benchmark 'other': .*responses\.csv"):
        run(path)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_shows_each_and_their_sum(tmp_path: Path) -> None:
    path = several_benchmarks(tmp_path)
    found = json.loads(CliRunner().invoke(app, ["run", str(path), "--dry-run", "--json"]).output)
    parts = found["benchmarks"]
    assert found["n_trainings"] == 2 * 3 + 2 * 2 and found["n_evaluations"] == 14
    assert found["seconds"] == pytest.approx(sum(one["seconds"] for one in parts.values()))
    assert found["space"]["kept"] == sum(one["space"]["kept"] for one in parts.values())
    plain = CliRunner().invoke(app, ["run", str(path), "--dry-run"])
    assert plain.exit_code == 0 and "together" in plain.output and not (tmp_path / "run").exists()


def test_the_command_ends_with_1_if_a_cell_of_any_benchmark_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = train_one

    def train(*arguments: Any) -> Any:
        if str(arguments[5]).find("benchmarks/other/models/b/bin-01") > 0:
            raise WorkError("stopped by the test")
        return original(*arguments)

    monkeypatch.setattr(work_module, "train", train)
    done = CliRunner().invoke(app, ["run", str(several_benchmarks(tmp_path)), "--together", "1"])
    assert isinstance(done.exception, WorkError)
    assert "1 cell(s) failed (first: other: b, trained on bin 1, seed 0)" in str(done.exception)
    assert "failed" in pl.read_parquet(tmp_path / "run" / "benchmarks" / "other" / MATRIX)["status"].to_list()
    assert (tmp_path / "run" / "comparison" / "index.html").is_file()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"benchmarks": {"plain": {}}}, "benchmarks is to be a list such as"),
        ({"benchmarks": []}, "benchmarks is to be a list such as"),
        ({"benchmarks": [{"name": "a", "response": {}}]}, r"benchmarks\.0\.response: no such key\. Did you mean 'resp"),
        ({"benchmarks": [{"name": "a", "seeds": [0]}]}, "everything else is the same for all"),
        ({"benchmarks": [{"responses": {}}]}, "has neither a name nor a benchmark"),
        ({"benchmarks": [{"name": "a"}, {"name": "a"}]}, "two benchmarks are called 'a'"),
        ({"benchmarks": [{"name": "a/b"}, {"name": "a:b"}]}, "benchmark 'a/b',.*\n.*responses: is needed"),
        ({"benchmark": "gsm8k"}, "both benchmark and benchmarks"),
        ({"seeds": []}, "benchmark 'plain', has 1 problem"),
        ({"out": None}, "out"),
    ],
)
def test_what_is_wrong_with_the_list_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_studies(several_benchmarks(tmp_path, **changes))


def test_two_benchmarks_of_one_folder_are_told_apart_by_name(tmp_path: Path) -> None:
    path = several_benchmarks(tmp_path)
    raw = yaml.safe_load(path.read_text())
    for entry, name in zip(raw["benchmarks"], ("a/b", "a:b"), strict=True):
        entry["name"] = name
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(InputError, match="two benchmarks would write to"):
        read_studies(path)


def test_where_one_study_is_needed_it_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a study of several benchmarks, and one is needed here"):
        read_config(several_benchmarks(tmp_path))
