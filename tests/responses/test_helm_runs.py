"""A run of HELM: numbers spread over rows are merged, and only plain test instances count. Simulated throughout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.formats import helm
from easyhard.responses.log import Asked
from easyhard.schema import InputError


def stat(name: str, mean: float | None, split: str = "test") -> dict[str, Any]:
    value = {} if mean is None else {"mean": mean}
    return {"name": {"name": name, "split": split}, "count": len(value), **value}


def row(name: str, *stats: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"instance_id": name, "train_trial_index": 0, "stats": list(stats), **more}


ROWS = [
    row("id1", stat("exact_match", 1.0)),
    row("id1", stat("exact_match@5", 0.0), stat("num_bytes", 90)),
    row("id2", stat("exact_match", None)),
    row("id3", stat("exact_match", 0.0), perturbation={"name": "typos"}),
    row("id4", stat("exact_match", 1.0, split="valid")),
]


def folder(path: Path, rows: list[Any]) -> Path:
    spec = {"name": "sums:n=1,model=org_m", "adapter_spec": {"model": "org/m"}}
    references = [{"output": {"text": "2"}, "tags": ["correct"]}, {"output": {"text": "3"}, "tags": []}]
    instances = [{"id": f"id{k}", "input": {"text": f"{k}?"}, "references": references} for k in range(1, 5)]
    (path / "run_spec.json").write_text(json.dumps(spec))
    (path / "instances.json").write_text(json.dumps(instances))
    (path / helm.STATS).write_text(json.dumps(rows))
    return path / helm.STATS


def test_rows_of_one_instance_are_merged_and_other_splits_and_perturbations_left(tmp_path: Path) -> None:
    path = folder(tmp_path, ROWS)
    assert helm.matches(path, path.read_bytes())
    found = helm.read(path, Asked(metric="exact_match"))
    (run,) = found.runs
    assert (run.respondent, run.task, list(run.source_id)) == ("org/m", "sums:n=1", ["id1", "id2"])
    assert (found.rows, found.passed_over) == (5, 3)  # another metric, a perturbation, another split
    assert run.correct.tolist() == [1, -1]
    assert helm.read(path, Asked(metric="exact_match@5")).runs[0].correct.tolist() == [0]


def test_a_choice_of_metric_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exact_match@5"):
        helm.read(folder(tmp_path, ROWS), Asked())


def test_a_broken_row_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    read = helm.read(folder(tmp_path, [*ROWS, {"instance_id": 7}]), Asked(metric="exact_match"))
    assert (read.rows, len(read.broken), len(read.runs[0].item)) == (6, 1, 2)


def test_without_instances_the_logs_own_ids_name_the_items(tmp_path: Path) -> None:
    path = folder(tmp_path, ROWS)
    (tmp_path / "instances.json").unlink()
    assert list(helm.read(path, Asked(metric="exact_match")).runs[0].item) == ["sums:n=1/id1", "sums:n=1/id2"]


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("sums:model=org_m", "sums"),
        ("sums:model=org_m,model_deployment=x_m,data_augmentation=typos", "sums:data_augmentation=typos"),
        ("sums:n=1,model=org_m", "sums:n=1"),
    ],
)
def test_the_model_is_no_part_of_the_task_and_all_else_is(tmp_path: Path, name: str, task: str) -> None:
    path = folder(tmp_path, ROWS)
    spec = {"name": name, "adapter_spec": {"model": "org/m"}}
    path.with_name("run_spec.json").write_text(json.dumps(spec))
    (run,) = helm.read(path, Asked(metric="exact_match")).runs
    assert run.task == task
    assert run.item[0] == asked_item("sums", "1?", "2", ["3"])


def test_items_of_known_benchmarks_have_the_names_they_have_elsewhere(tmp_path: Path) -> None:
    path = folder(tmp_path, ROWS)
    for name, task in {
        "mmlu:subject=anatomy,method=multiple_choice_joint,model=org_m": "mmlu_anatomy",
        "gpqa:subset=gpqa_main,use_few_shot=false,model=org_m": "gpqa_main",
        "gsm:model=org_m": "gsm8k",
        "math:subject=algebra,level=1,model=org_m": "leaderboard_math_algebra_hard",
        "mmlu:model=org_m": "mmlu",
        "{}{0}:model=org_m": "{}{0}",
    }.items():
        path.with_name("run_spec.json").write_text(json.dumps({"name": name, "adapter_spec": {"model": "org/m"}}))
        (run,) = helm.read(path, Asked(metric="exact_match")).runs
        assert run.item[0] == asked_item(task, "1?", "2", ["3"])


def test_a_run_without_test_instances_has_its_own_split(tmp_path: Path) -> None:
    path = folder(tmp_path, [row("id1", stat("exact_match", 1.0, split="valid"))])
    assert helm.read(path, Asked()).runs[0].correct.tolist() == [1]
    assert not helm.read(folder(tmp_path, []), Asked()).runs


def test_two_numbers_of_one_instance_are_both_kept_for_the_audit(tmp_path: Path) -> None:
    path = folder(tmp_path, [row("id1", stat("exact_match", 1.0)), row("id1", stat("exact_match", 0.0))])
    (run,) = helm.read(path, Asked(metric="exact_match")).runs
    assert (list(run.source_id), run.correct.tolist()) == (["id1", "id1"], [1, 0])
