"""What works without torch: import, ingest, calibrate, bin, and the report of a study that ran elsewhere.

Nothing here imports from outside this folder: a fresh environment runs it with the base install alone. The
finished study is made up: its responses are drawn at random, and no model was asked or trained.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from easyhard.atomic import write_parquet
from easyhard.responses import write_responses
from easyhard.schema import Bins, IntArray, Responses
from easyhard.study import StudyConfig, read_config, read_inputs
from easyhard.study.cells import Cell, make_cells
from easyhard.study.config import dump_config
from easyhard.study.tables import calibrated_and_cut

N_ITEMS, N_RESPONDENTS = 60, 50
HEAVY = ("torch", "transformers", "peft", "scipy", "altair")

without_llm = pytest.mark.skipif(find_spec("torch") is not None, reason="what runs models is installed")


def console_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`easyhard` in a process of its own, as a user starts it."""
    script = Path(sys.executable).parent / "easyhard"
    return subprocess.run([script, *map(str, arguments)], capture_output=True, text=True, check=False)


def succeeds(*arguments: object) -> str:
    done = console_script(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def refused(*arguments: object) -> str:
    done = console_script(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.count("Error:") == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def draw(ability: Sequence[float], difficulty: Sequence[float], seed: int) -> IntArray:
    """Responses [respondents, items] under the Rasch model."""
    rng = np.random.default_rng(seed)
    logits = np.subtract.outer(ability, difficulty)
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int8)


def write_response_csv(path: Path) -> Path:
    """Long responses of made-up respondents, under the column names of another tool, and one column more."""
    correct = draw(np.linspace(-2, 2, N_RESPONDENTS).tolist(), np.linspace(-2, 2, N_ITEMS).tolist(), seed=0)
    rows = [(f"llm-{r}", f"sum/{k:02d}", int(correct[r, k]), 0.5) for r in range(N_RESPONDENTS) for k in range(N_ITEMS)]
    pl.DataFrame(rows, schema=["model", "item", "correct", "seconds"], orient="row").write_csv(path)
    return path


def write_study(folder: Path) -> StudyConfig:
    """Tables and study.yaml of a study whose model was somewhere else."""
    write_response_csv(folder / "responses.csv")
    pl.DataFrame(
        {
            "item": [f"sum/{k:02d}" for k in range(N_ITEMS)],
            "question": [f"What is {k} + {k}?" for k in range(N_ITEMS)],
            "answer": [str(2 * k) for k in range(N_ITEMS)],
            "digits": [len(str(2 * k)) for k in range(N_ITEMS)],
        }
    ).write_csv(folder / "items.csv")
    (folder / "study.yaml").write_text(
        "name: made up\n"
        "responses: {path: responses.csv, columns: {respondent: model}}\n"
        "items: {path: items.csv}\n"
        "models: [{path: nobody/nothing, name: drawn}]\n"
        "bins: {count: 3, held_out: 0.4}\n"
        "seeds: [0, 1]\n"
        "out: run\n",
        encoding="utf-8",
    )
    return read_config(folder / "study.yaml")


def finished_study(folder: Path) -> Path:
    """The folder of a study all of whose cells are done, with drawn responses in place of a model's."""
    config = write_study(folder)
    responses, items = read_inputs(config)
    _, bins = calibrated_and_cut(config, responses, items)
    (config.out / "study.yaml").write_text(dump_config(config), encoding="utf-8")
    weights = {"drawn": "no weights: nothing was trained"}
    for number, cell in enumerate(make_cells(config, items, bins, weights)):
        finish(cell, bins, number)
    for table in ("responses.csv", "items.csv", "study.yaml"):  # the folder alone must do, wherever it is
        (folder / table).unlink()
    return config.out.rename(folder / "moved")


def finish(cell: Cell, bins: Bins, number: int) -> None:
    """Put drawn responses where a model's would be: better after training, most in the bin trained on."""
    asked = bins.table.filter(pl.col("split") == "held_out")
    distance = np.abs(asked["bin"].to_numpy() - (cell.train_bin or 0))
    ability = 0.0 if cell.train_bin is None else 1.5 - 0.7 * distance
    correct = draw([0.0], (asked["difficulty"].to_numpy() - ability).tolist(), seed=number)
    answered = Responses(correct, (cell.name,), tuple(asked["item"]))
    if cell.train is not None and cell.items is not None:
        trained_on = cell.items.table.select("item")
        cell.train.run(lambda place: write_parquet(trained_on, place / "items.parquet"))
    cell.evaluate.run(lambda place: write_responses(answered, place / "responses.parquet"))


def test_import_easyhard_imports_nothing_heavy() -> None:
    code = f"import sys, easyhard; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_whole_package_can_be_imported_without_torch() -> None:
    code = (
        "import sys, easyhard; from easyhard import cli, demo, evaluation, report, sft, study\n"
        "for name in easyhard.__all__: getattr(easyhard, name)\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'trl') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_from_a_csv_of_responses_to_bins(tmp_path: Path) -> None:
    source = write_response_csv(tmp_path / "results.csv")
    responses, bank, bins = (tmp_path / "new" / f"{name}.parquet" for name in ("responses", "bank", "bins"))

    succeeds("ingest", source, "--column", "respondent=model", "-o", responses)
    assert pl.read_parquet(responses).columns == ["respondent", "item", "correct"]
    audit = json.loads(responses.with_suffix(".audit.json").read_text())
    assert (audit["respondents"], audit["items"]) == (N_RESPONDENTS, N_ITEMS)
    assert audit["ignored_columns"] == ["seconds"]

    facts = json.loads(succeeds("calibrate", responses, "-o", bank, "--json"))
    assert facts["n_items"] == N_ITEMS
    items = pl.read_parquet(bank)
    assert {"item", "difficulty", "standard_error"} <= set(items.columns)
    assert items.height == N_ITEMS

    shown = succeeds("bin", bank, "-o", bins, "--count", 3, "--held-out", 0.4)
    assert "held_out" in shown
    cut = pl.read_parquet(bins)
    assert {"item", "bin", "split"} <= set(cut.columns)
    assert cut["bin"].value_counts().sort("bin")["count"].to_list() == [20, 20, 20]
    assert cut.filter(split="held_out").height == 3 * 8


def test_the_module_is_the_console_script() -> None:
    done = subprocess.run([sys.executable, "-m", "easyhard.cli", "--help"], capture_output=True, text=True, check=True)
    for command in ("demo", "ingest", "calibrate", "bin", "run", "validate", "status", "report"):
        assert command in done.stdout


def test_the_report_of_a_finished_study(tmp_path: Path) -> None:
    folder = finished_study(tmp_path)
    shown = succeeds("report", folder)
    assert "drawn" in shown
    assert "<html" in (folder / "report" / "index.html").read_text(encoding="utf-8")

    table, tests = (folder / "generalization" / name for name in ("matrix.parquet", "tests.json"))
    matrix = pl.read_parquet(table)
    place = matrix.select("train_bin", "eval_bin", "seed").sort(pl.all())
    assert place.rows() == [(t, e, s) for t in range(3) for e in range(3) for s in (0, 1)]
    assert matrix["status"].unique().to_list() == ["done"]
    assert matrix["n"].to_list() == [8] * 18
    found = json.loads(tests.read_text())
    assert " ".join(shown.split()).startswith(" ".join(found["answer"].split()))
    assert set(found["tests"]) == {"drawn"}

    first = table.read_bytes(), tests.read_bytes()
    succeeds("report", folder)
    assert (table.read_bytes(), tests.read_bytes()) == first, "a report made again says something else"


def test_the_cells_of_a_finished_study_are_done(tmp_path: Path) -> None:
    cells = json.loads(succeeds("status", finished_study(tmp_path), "--json"))
    assert [cell["evaluation"] for cell in cells] == ["done"] * 7


@without_llm
def test_a_model_without_torch_is_refused_with_what_to_install(tmp_path: Path) -> None:
    write_study(tmp_path)
    said = refused("run", tmp_path / "study.yaml")
    assert "torch" in said
    assert "pip install 'easyhard[llm]'" in said
    assert not (tmp_path / "run").exists()


@without_llm
def test_the_demo_without_torch_is_refused_with_what_to_install(tmp_path: Path) -> None:
    said = refused("demo", "--out", tmp_path / "demo")
    assert "pip install" in said
    assert not (tmp_path / "demo").exists()


def test_planning_a_study_needs_no_torch(tmp_path: Path) -> None:
    write_study(tmp_path)
    plan = json.loads(succeeds("run", tmp_path / "study.yaml", "--dry-run", "--json"))
    assert plan["n_trainings"] == 6
    assert not (tmp_path / "run").exists()
