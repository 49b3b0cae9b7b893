"""Logs that other programs really wrote: accuracies are those programs' own, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.formats import every_eval_ever, helm, inspect_log, lighteval
from easyhard.responses.formats.inspect_zip import Members
from easyhard.responses.formats.known import format_of
from easyhard.responses.ingest import ingest
from easyhard.responses.log import Asked, Run
from easyhard.schema import MISSING, InputError

GOLDEN = Path(__file__).parent / "golden"
OWN_ITEMS = json.loads((GOLDEN / "own_items.json").read_text())
INSPECT = ["0.3.285/choice.eval", "0.3.285/sums.eval", "0.3.285/sums.json", "0.3.50/choice.eval", "0.3.50/sums.eval"]


def item_ids(task: str, benchmark: str | None = None) -> dict[str, str]:
    """Item by question, of one of the two tasks that all golden logs share."""
    return {one["question"]: asked_item(benchmark or task, **one) for one in OWN_ITEMS[task]}


def accuracy(run: Run) -> float:
    """Mean over items of the mean over trials, as Inspect has it."""
    correct: dict[str, list[int]] = {}
    for item, value in zip(run.item, run.correct.tolist(), strict=True):
        correct.setdefault(item, []).extend([value] if value != MISSING else [])
    return float(np.mean([np.mean(values) for values in correct.values() if values]))


# Every format's spoilt tree: a broken line, a duplicate, and the truth


@pytest.mark.parametrize("truth", sorted(GOLDEN.glob("*/spoilt/truth.json")), ids=lambda path: path.parts[-3])
def test_a_broken_line_and_a_duplicate_are_counted_and_all_else_is_read(truth: Path) -> None:
    known: dict[str, Any] = json.loads(truth.read_text())
    responses, audit = ingest(truth.parent, Asked(metric=known["metric"]), coverage=0)
    assert (audit.rows, len(audit.unreadable), audit.duplicates) == tuple(
        known[name] for name in ("rows", "unreadable", "duplicates")
    )
    assert (responses.respondents, audit.conflicts) == ((known["respondent"],), 0)
    ids = item_ids(known["task"], known.get("benchmark"))
    found = dict(zip(responses.items, responses.correct[0].tolist(), strict=True))
    assert found == {ids[question]: value for question, value in known["correct"].items()}


# Inspect


def inspect_results(path: Path) -> dict[str, float]:
    """What the log itself says of each scorer, by ``scorer`` or ``scorer/key``."""
    if path.suffix == ".eval":
        with Members(path) as members:
            log = json.loads(members.read("header.json"))
    else:
        log = json.loads(path.read_text())
    return {
        one["scorer"] if one["name"] == one["scorer"] else f"{one['scorer']}/{one['name']}": one["metrics"]["accuracy"][
            "value"
        ]
        for one in log["results"]["scores"]
    }


@pytest.mark.parametrize("name", [*INSPECT, "0.3.50/sums.json", "0.3.18/sums.json"])
def test_inspect_accuracies_are_its_own(name: str) -> None:
    path = GOLDEN / "inspect" / name
    if path.suffix == ".eval" and "0.3.285" in name:
        pytest.importorskip("zstandard", reason="the logs extra brings it")
    task = "own_choice" if "choice" in name else "own_sums"
    results = inspect_results(path)
    assert len(results) == (4 if task == "own_sums" and "0.3.18" not in name else 1)
    for scorer, value in results.items():
        (run,) = inspect_log.read(path, Asked(metric=scorer)).runs
        assert (run.respondent, run.task, run.metric, run.limited) == ("mockllm/model", task, scorer, False)
        assert set(run.item) == set(item_ids(task).values())
        if not np.isnan(value):  # 0.3.50 makes the mean NaN where one sample has no score; here that one is missing
            assert accuracy(run) == value
    assert inspect_log.matches(path, path.read_bytes()[:65_536])


@pytest.mark.parametrize("version", ["0.3.285", "0.3.50"])
def test_of_an_inspect_run_that_was_killed_the_finished_samples_are_read(version: str) -> None:
    if version == "0.3.285":
        pytest.importorskip("zstandard", reason="the logs extra brings it")
    path = GOLDEN / "inspect" / version / "killed.eval"
    (run,) = inspect_log.read(path, Asked()).runs
    with Members(path) as members:
        assert "header.json" not in members.names
    assert (list(run.source_id), run.correct.tolist(), run.limited) == (["1", "2", "3"], [1, 0, 1], True)


@pytest.mark.parametrize("version", ["0.3.285", "0.3.50"])
def test_an_inspect_run_that_failed_at_once_is_named_and_no_run(version: str) -> None:
    if version == "0.3.285":
        pytest.importorskip("zstandard", reason="the logs extra brings it")
    found = inspect_log.read(GOLDEN / "inspect" / version / "stopped.eval", Asked())
    assert not found.runs
    assert [(one.line, "'error'" in one.finding) for one in found.broken] == [(0, True)]


# HELM


@pytest.mark.parametrize(
    ("name", "split", "task"),
    [
        ("0.2.4/v1/own_choice_two_splits", "test", "own_choice:both=True"),
        ("0.5.16/v1/own_choice_two_splits", "test", "own_choice:both=True"),
        ("0.5.16/v1/own_choice_two_splits", "valid", "own_choice:both=True"),
        ("0.5.16/v1/own_choice_typos", "test", "own_choice:data_augmentation=typo0.1"),
        ("0.5.16/v1/own_sums_three_trials", "test", "own_sums:split=test,trials=3"),
    ],
)
def test_helm_means_are_its_own(name: str, split: str, task: str) -> None:
    path = GOLDEN / "helm" / name / helm.STATS
    stats = json.loads(path.with_name("stats.json").read_text())
    checked = 0
    for stat in stats:
        called = stat["name"]
        if called["name"].endswith("exact_match") and called["split"] == split and "perturbation" not in called:
            asked = Asked(metric=called["name"], filter=None if split == "test" else split)
            (run,) = helm.read(path, asked).runs
            shots = 1 if "sums" in task else 0
            assert (run.respondent, run.task, run.started, run.shots) == ("simple/model1", task, "v1", shots)
            assert set(run.item) <= set(item_ids(task.split(":")[0]).values())
            trial = np.array(run.trial)
            assert np.mean([run.correct[trial == one].mean() for one in sorted(set(run.trial))]) == stat["mean"]
            checked += 1
    assert checked == 2


def test_a_split_that_a_helm_run_has_not_is_refused_with_those_it_has() -> None:
    path = GOLDEN / "helm" / "0.5.16" / "v1" / "own_choice_two_splits" / helm.STATS
    with pytest.raises(InputError, match="'test', 'valid'"):
        helm.read(path, Asked(metric="exact_match", filter="train"))


# lighteval


@pytest.mark.parametrize("version", ["0.6.2", "0.10.0", "0.13.0"])
@pytest.mark.parametrize("task", ["own_choice", "own_sums"])
def test_lighteval_accuracies_are_its_own(tmp_path: Path, version: str, task: str) -> None:
    (results,) = (GOLDEN / "lighteval" / version).glob("results_*.json")
    started = results.stem.removeprefix("results_")
    ((name, values),) = [(key, one) for key, one in json.loads(results.read_text())["results"].items() if task in key]
    path = tmp_path / "details" / "own" / "model" / started / f"details_{name.replace(':', '|')}_{started}.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes((GOLDEN / "lighteval" / version / f"{task}.parquet").read_bytes())
    known = format_of(path)
    assert known is not None and known.name == "lighteval"
    metrics = [one for one in values if one in ("acc", "acc_norm", "em", "pem", "prefix_em")]
    assert len(metrics) == 2
    for metric in metrics:
        (run,) = lighteval.read(path, Asked(metric=metric)).runs
        assert (run.respondent, run.metric) == ("own/model", metric)
        assert set(run.item) == {*item_ids(task).values()}
        assert run.correct.mean() == values[metric]


def test_in_a_lighteval_log_a_share_of_several_answers_is_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "details_own_sums|0_2026-11-24T18-52-40.854261.parquet"
    path.write_bytes((GOLDEN / "lighteval" / "0.13.0" / "own_sums.parquet").read_bytes())
    with pytest.raises(InputError, match=r"0\.5"):
        lighteval.read(path, Asked(metric="avg@n:n=2", respondent="own/model"))


# Every Eval Ever


@pytest.mark.parametrize("name", ["inspect_own_choice", "inspect_own_sums", "lm_eval_own_sums"])
def test_accuracies_of_converted_logs_are_those_in_their_records(name: str) -> None:
    path = GOLDEN / "every_eval_ever" / "0.3.0" / f"{name}_samples.jsonl"
    record = json.loads(path.with_name(f"{name}.json").read_text())
    results = {one["evaluation_result_id"]: one["score_details"]["score"] for one in record["evaluation_results"]}
    sampled = {json.loads(line)["evaluation_result_id"] for line in path.read_text().splitlines()} - {None}
    for metric in sampled:
        (run,) = every_eval_ever.read(path, Asked(metric=metric)).runs
        assert (run.respondent, run.metric) == (record["model_info"]["id"], metric)
        assert run.task == name.removeprefix("inspect_").removeprefix("lm_eval_")
        assert accuracy(run) == results[metric]
        if name.startswith("inspect"):
            assert set(run.item) == set(item_ids(run.task).values())


def test_the_filter_of_a_converted_log_is_asked_for_as_in_the_log_itself() -> None:
    path = GOLDEN / "every_eval_ever" / "0.3.0" / "lm_eval_own_sums_samples.jsonl"
    with pytest.raises(InputError, match="exact_match:flexible-extract"):
        every_eval_ever.read(path, Asked(metric="exact_match"))
    found = every_eval_ever.read(path, Asked(metric="exact_match", filter="flexible-extract"))
    assert (found.runs[0].metric, len(found.runs[0].item), found.passed_over) == ("exact_match:flexible-extract", 7, 7)


def test_what_a_converter_calls_correct_for_a_part_of_the_score_is_not_taken_for_correct(tmp_path: Path) -> None:
    path = GOLDEN / "every_eval_ever" / "0.3.0" / "inspect_own_choice_samples.jsonl"
    part = tmp_path / "part.jsonl"  # several epochs are written like this
    part.write_text(path.read_text().replace('"score": 1.0, "is_correct": true', '"score": 0.25, "is_correct": true'))
    with pytest.raises(InputError, match="--threshold"):
        every_eval_ever.read(part, Asked())
    (run,) = every_eval_ever.read(part, Asked(threshold=0.5)).runs
    assert run.correct.tolist() == [0] * 6


@pytest.mark.parametrize("reference", ["green", "B", "1"])
def test_a_right_choice_is_the_same_however_a_converter_names_it(tmp_path: Path, reference: str) -> None:
    path = GOLDEN / "every_eval_ever" / "0.3.0" / "inspect_own_choice_samples.jsonl"
    (line,) = [line for line in path.read_text().splitlines() if "Which of these is a colour?" in line]
    one = tmp_path / "one.jsonl"
    one.write_text(line.replace('"reference": ["B"]', f'"reference": ["{reference}"]'))
    assert every_eval_ever.read(one, Asked()).runs[0].item[0] == item_ids("own_choice")["Which of these is a colour?"]


def test_real_logs_are_told_apart_by_their_content() -> None:
    formats: dict[str, set[str | None]] = {}
    for path in sorted(GOLDEN.glob("*/*/**/*")):
        known = format_of(path) if path.is_file() and path.suffix != ".md" else None
        formats.setdefault(path.relative_to(GOLDEN).parts[0], set()).add(known.name if known else None)
    for name in ("inspect", "helm", "lighteval"):
        assert name in formats[name]
    assert "every-eval-ever" in formats["every_eval_ever"]
    assert all(len(names - {None}) == 1 for names in formats.values())
