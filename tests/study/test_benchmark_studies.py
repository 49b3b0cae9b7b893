"""A study names its benchmark and needs to say nothing of questions; what may not be republished is not shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.benchmarks.known_tasks import item_of
from easyhard.llm import load_model
from easyhard.schema import InputError
from easyhard.study import read_config, run_study

ARC = [
    {
        "id": f"row-{k}",
        "question": f"Which of these numbers comes right after {k}?",
        "choices": {"text": [str(k + d) for d in (3, 1, 2, 0)], "label": ["A", "B", "C", "D"]},
        "answerKey": "B",
    }
    for k in range(60)
]
GPQA = [
    {
        "Question": f"A secret question of ours, number {k}?",
        "Correct Answer": f"secret answer {k}",
        **{f"Incorrect Answer {w}": f"secret wrong {k}.{w}" for w in (1, 2, 3)},
        "Explanation": "a secret explanation",
        "Subdomain": "sums",
        "Writer's Difficulty Estimate": "easy",
    }
    for k in range(60)
]


def study(folder: Path, rows: list[dict[str, Any]], task: str, file: str, **changes: Any) -> Path:
    """A small study on raw rows, its responses renamed to the items of their content."""
    path = small_study(folder)
    names = {f"sum/{k:02d}": item_of(task, row) for k, row in enumerate(rows)}
    responses = pl.read_csv(folder / "responses.csv")
    responses.with_columns(pl.col("item").replace_strict(names)).write_csv(folder / "responses.csv")
    (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    raw = yaml.safe_load(path.read_text()) | {"items": {"path": file}, **changes}
    path.write_text(yaml.safe_dump(raw))
    return path


def test_a_known_benchmark_says_how_it_is_asked(tmp_path: Path) -> None:
    path = study(tmp_path, ARC, "arc_challenge", "arc.jsonl", benchmark="arc_challenge")
    config = read_config(path)
    assert (config.questions.completion, config.questions.scoring) == ("{letter}", "choices")
    outcome = run_study(config)
    assert outcome.matrix.runs["status"].unique().to_list() == ["done"]
    answers = pl.read_parquet(outcome.folder / "models/tiny/zero-shot/answers.parquet")
    assert answers["item"].str.starts_with("arc_challenge/").all()
    again = read_config(outcome.folder / "study.yaml")
    assert again.questions == config.questions and again.benchmark == "arc_challenge"


def test_a_setting_of_the_study_goes_before_the_benchmarks(tmp_path: Path) -> None:
    path = study(tmp_path, ARC, "arc_challenge", "arc.jsonl", benchmark="arc_challenge", questions={"chat": False})
    asked = read_config(path).questions
    assert not asked.chat and asked.completion == "{letter}"


def test_a_benchmark_of_ones_own_is_found_beside_the_study(tmp_path: Path) -> None:
    own = {
        "name": "after",
        "task": "arc_challenge",
        "fields": {"question": "question", "answer": "answerKey", "answer_is": "label", "choices": ["choices"]},
        "scoring": "choices",
        "prompt": "{question}\n{choices}\n",
        "completion": "{letter}",
    }
    path = study(tmp_path, ARC, "arc_challenge", "arc.jsonl", benchmark="after.yaml")
    (tmp_path / "after.yaml").write_text(yaml.safe_dump(own))
    outcome = run_study(read_config(path))
    (tmp_path / "after.yaml").unlink()  # a finished study needs it no more
    assert read_config(outcome.folder / "study.yaml").questions.prompt == "{question}\n{choices}\n"


def test_text_that_may_not_be_republished_is_not_in_the_report(tmp_path: Path) -> None:
    path = study(tmp_path, GPQA, "leaderboard_gpqa_extended", "gpqa.jsonl", benchmark="gpqa_extended")
    outcome = run_study(read_config(path))
    shown = [file for name in ("report", "generalization") for file in (outcome.folder / name).rglob("*")]
    assert len(shown) > 5
    for file in shown:
        assert b"secret" not in file.read_bytes(), file
    assert "not shown, by its licence" in (outcome.folder / "report/index.html").read_text()


def test_an_unknown_benchmark_and_one_without_items_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no benchmark 'gsm8'.*Did you mean 'gsm8k'"):
        read_config(small_study(tmp_path, benchmark="gsm8"))
    with pytest.raises(InputError, match=r"items\.path is needed where no benchmark is named"):
        read_config(small_study(tmp_path, items={}))


def test_a_server_has_no_trained_model(tmp_path: Path) -> None:
    server = {"backend": "openai", "base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(InputError, match="none of the models that are trained here"):
        read_config(small_study(tmp_path, evaluation=server))
    assert read_config(small_study(tmp_path, evaluation=server, in_context={})).evaluation.backend == "openai"


def test_the_commit_of_a_hub_model_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def from_the_hub(path: str, **rest: Any) -> Any:
        model = load_model(path, **rest)
        model.network.config._commit_hash = "0123abc"
        return model

    monkeypatch.setattr("easyhard.sft.base.load_model", from_the_hub)
    folder = run_study(read_config(small_study(tmp_path, bins={"count": 2}))).folder
    noted = [json.loads(file.read_text())["commit"] for file in folder.rglob("model.json")]
    assert noted == ["0123abc"] * 5  # zero-shot, and training and evaluation of two bins
