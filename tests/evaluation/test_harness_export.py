"""What is exported, the harness finds, loads and answers as we do, wherever the folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")
pytest.importorskip("lm_eval")

import lm_eval.evaluator
from harness_cases import made, questions, tiny
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from typer.testing import CliRunner

from easyhard.benchmarks import BenchmarkSpec, Scoring
from easyhard.cli import app
from easyhard.evaluation import EvaluationConfig, evaluate
from easyhard.evaluation.export import export_tasks
from easyhard.schema import Bins, InputError

TYPED = made(
    [
        {"item": f"t/{k}", "question": f"{k}?", "answer": answer}
        for k, answer in enumerate(["True", "(A)", "yes", "7", "valid", "False", "No", "8"])
    ]
)


def bins_of(names: list[str], count: int) -> Bins:
    table = pl.DataFrame({"item": names, "bin": np.arange(len(names)) % count, "split": "train"})
    return Bins(table, tuple(float(k) for k in range(count + 1)), 0.0)


def manager(folder: Path) -> TaskManager:
    return TaskManager(include_path=str(folder), include_defaults=False)


def asked_items(folder: Path, name: str) -> list[str]:
    loaded = manager(folder).load([name])["tasks"]
    return sorted(doc["item"] for task in loaded.values() for doc in task.eval_docs)


@pytest.mark.parametrize("scoring", ["choices", "exact", "last_number", "first_letter", "math"])
def test_every_name_is_a_task_that_loads_with_all_items(scoring: Scoring, tmp_path: Path) -> None:
    names = export_tasks(questions(7), BenchmarkSpec("My sums!", scoring), tmp_path / "tasks")
    assert names == ["easyhard_my_sums"]
    assert manager(tmp_path / "tasks").match_tasks(names) == names
    assert asked_items(tmp_path / "tasks", names[0]) == sorted(questions(7).table["item"])


def test_a_bin_is_a_task_and_its_tag_names_it_in_every_benchmark(tmp_path: Path) -> None:
    items = questions(7)
    bins = bins_of(items.table["item"].to_list(), 3)
    names = export_tasks(items, BenchmarkSpec("sums", "choices"), tmp_path / "tasks", bins)
    assert names == ["easyhard_sums", *(f"easyhard_sums_bin_0{k}" for k in range(3))]
    for k in range(3):
        assert asked_items(tmp_path / "tasks", f"easyhard_bin_0{k}") == sorted(bins.items(k, "train"))


def test_kinds_of_answers_are_tasks_in_a_group_that_weighs_items_alike(tmp_path: Path) -> None:
    bins = bins_of(TYPED.table["item"].to_list(), 2)
    names = export_tasks(TYPED, BenchmarkSpec("bbh", "typed"), tmp_path / "tasks", bins)
    assert names[0] == "easyhard_bbh"
    assert asked_items(tmp_path / "tasks", "easyhard_bbh") == sorted(TYPED.table["item"])
    assert asked_items(tmp_path / "tasks", "easyhard_bbh_bin_01") == sorted(bins.items(1, "train"))
    group = manager(tmp_path / "tasks").load(["easyhard_bbh"])["groups"]["easyhard_bbh"]
    assert [one.weight_by_size for one in group.aggregate_metric_list] == [True]


@pytest.mark.parametrize("kind", ["plain", "chat", "llama"])
def test_the_harness_says_of_an_exported_task_what_it_says_to_us(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lm_eval.evaluator, "add_env_info", lambda _: None)
    model, items, spec = tiny(tmp_path / "model", kind), questions(12), BenchmarkSpec("sums", "choices", system="Go.")
    ours = evaluate(model, items, spec, "x", config=EvaluationConfig(engine="lm_eval"))
    export_tasks(items, spec, tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "moved")
    chat = kind != "plain"
    found: Any = simple_evaluate(
        HFLM(model.network, tokenizer=model.tokenizer, add_bos_token=False if chat else None),
        tasks=["easyhard_sums"], task_manager=manager(tmp_path / "moved"), apply_chat_template=chat, bootstrap_iters=0,
    )  # fmt: skip
    if chat:  # without a chat template the harness writes the system message before the prompt, and we send none
        said = {one["doc"]["item"]: int(one["acc_norm"]) for one in found["samples"]["easyhard_sums"]}
        assert said == dict(zip(ours.responses.items, ours.responses.correct[0].tolist(), strict=True))
    assert found["n-samples"]["easyhard_sums"]["effective"] == 12


def test_an_earlier_export_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    spec = BenchmarkSpec("sums", "choices")
    export_tasks(questions(3), spec, tmp_path / "tasks", bins_of(questions(3).table["item"].to_list(), 2))
    export_tasks(questions(2), spec, tmp_path / "tasks")
    assert sorted(path.name for path in (tmp_path / "tasks").iterdir()) == [
        "easyhard_sums.jsonl",
        "easyhard_sums.yaml",
        "utils.py",
    ]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match="exists and is something else"):
        export_tasks(questions(2), spec, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_the_command_line_exports_a_benchmark_and_says_how_to_run_it(tmp_path: Path) -> None:
    items = tmp_path / "rows.parquet"
    questions(4).table.write_parquet(items)
    done = CliRunner().invoke(
        app, ["export", "lm-eval", "arc_challenge", "--items", str(items), "-o", str(tmp_path / "t")]
    )
    assert done.exit_code == 0, done.output
    assert "--tasks easyhard_arc_challenge --apply_chat_template" in done.output
    assert asked_items(tmp_path / "t", "easyhard_arc_challenge") == sorted(questions(4).table["item"])


def test_text_that_may_not_be_republished_is_not_exported(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "lm-eval", "gpqa_extended", "-o", str(tmp_path / "t")])
    assert isinstance(done.exception, InputError)
    assert "gpqa_extended, which may not be republished" in str(done.exception)
    assert not (tmp_path / "t").exists()
