"""Studies side by side: the tests of each as the studies have them, and their mean over datasets and models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.cli import app
from easyhard.schema import InputError
from easyhard.study import analyse, read_config, run_study
from easyhard.study.compare import compare


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("compare")
    first = run_study(read_config(small_study(home))).folder
    second = run_study(read_config(small_study(home), ["training.learning_rate=0.01", "out=other"])).folder
    return first, second


def test_the_tests_are_those_of_the_studies(two: tuple[Path, Path]) -> None:
    found = compare(two)
    assert found.table.height == 8 and found.table["study"].unique(maintain_order=True).to_list() == ["run", "other"]
    tests = analyse(two[1])[0].tests["tiny"]["mean_gain"]
    wanted = (pl.col("study") == "other") & (pl.col("test") == "mean_gain")
    row = found.table.row(by_predicate=wanted, named=True)
    assert (row["value"], row["low"], row["high"]) == (tests["value"], tests["low"], tests["high"])
    known = [analyse(folder)[0].tests["tiny"]["mean_gain"] for folder in two]
    together = found.over_studies.row(by_predicate=pl.col("test") == "mean_gain", named=True)
    assert together["value"] == pytest.approx(sum(test["value"] for test in known) / 2)
    assert (together["n_datasets"], together["n_models"]) == (1, 1)
    assert found.together[0].startswith("2 studies, of 1 dataset and 1 model. run and other ask the same items")
    assert (
        "In more than one study, and counted once: tiny." in found.basis
        and "All are linked, so they are one independent group;" in found.basis
    )


def test_a_copy_of_a_study_adds_nothing(two: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(two[1], tmp_path / "copy")
    own = analyse(two[1])[0].tests["tiny"]
    for row in compare([two[1], tmp_path / "copy"]).over_studies.iter_rows(named=True):
        test = own[row["test"]]
        assert row["value"] == pytest.approx(test["value"])
        assert (row["low"], row["high"]) == pytest.approx((test["low"], test["high"]))


def test_two_folders_of_one_name_are_told_apart(two: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(two[0], tmp_path / name / "run")
    found = compare([tmp_path / "a" / "run", tmp_path / "b" / "run"])
    assert found.table["study"].unique(maintain_order=True).to_list() == ["a/run", "b/run"]


def test_one_study_twice_is_no_comparison(two: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="nothing to compare it with"):
        compare([two[0], two[0]])


def test_the_command_prints_tables_and_json(two: tuple[Path, Path]) -> None:
    plain = CliRunner().invoke(app, ["compare", *map(str, two)])
    assert plain.exit_code == 0 and "Studies side by side" in plain.output
    machine = json.loads(CliRunner().invoke(app, ["compare", *map(str, two), "--json"]).output)
    assert len(machine["tests"]) == 8 and machine["together"][0] == machine["basis"]
    assert {row["test"] for row in machine["over_studies"]} == {row["test"] for row in machine["tests"]}
