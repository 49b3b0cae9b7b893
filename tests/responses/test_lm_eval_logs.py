"""Sample logs of lm-evaluation-harness: every layout gives the same run, and what is left open is asked.

Simulated, but for those in golden/lm_eval, which the harness wrote.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lm_eval_trees import (
    DATE,
    FOLDER,
    MODEL,
    STARTED,
    array,
    choice_row,
    document,
    filter_results,
    first_version,
    lines,
    log_file,
    put,
    put_results,
    results,
    text_rows,
)

from easyhard.benchmarks.known_tasks import item_of
from easyhard.responses.formats import lm_eval
from easyhard.responses.log import Asked, FileRead, Run
from easyhard.schema import InputError

ROWS = [choice_row(number) for number in range(20)]
OLD = [first_version(row) for row in ROWS]
LAYOUTS = {
    "lines": (lines(ROWS), "jsonl"),
    "lines in .json": (lines(OLD), "json"),
    "an indented array": (array(OLD), "json"),
    "an indented array in .jsonl": (array(OLD), "jsonl"),
    "an array on one line": (json.dumps(OLD), "json"),
    "an array with a row a line": ("[\n" + lines(ROWS).strip().replace("\n", ",\n") + "\n]", "json"),
    "lines with a byte order mark": ("\ufeff" + lines(ROWS), "jsonl"),
    "lines without the last break": (lines(ROWS).strip().replace("\n", "\r\n\r\n"), "jsonl"),
}

GOLDEN = Path(__file__).parent / "golden" / "lm_eval"
VERSIONS = ["0.4.2", "0.4.5", "0.4.13"]


def read(path: Path, **asked: Any) -> FileRead:
    assert lm_eval.matches(path, path.read_bytes()[:65_536])
    return lm_eval.read(path, Asked(**asked))


def only_run(found: FileRead) -> Run:
    (run,) = found.runs
    return run


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_run(tmp_path: Path, layout: str) -> None:
    text, end = LAYOUTS[layout]
    found = read(put(text, log_file(tmp_path, end=end)))
    run = only_run(found)
    assert (found.rows, found.broken) == (20, [])
    assert (run.respondent, run.task, run.started, run.metric) == (FOLDER.replace("__", "/"), "twice", STARTED, "acc")
    assert list(run.item) == [item_of("twice", document(number)) for number in range(20)]
    assert list(run.source_id) == [str(number) for number in range(20)]
    assert run.correct.tolist() == [1, 0] * 10


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    shuffled = [*ROWS, *text_rows(named=False)][:20]
    random.Random(0).shuffle(shuffled)
    one, other = (only_run(read(put(lines(rows), tmp_path / str(n) / "x__y" / f"samples_twice_{DATE}.jsonl")))
                  for n, rows in enumerate((ROWS, shuffled)))  # fmt: skip
    assert dict(zip(one.item, one.correct.tolist(), strict=True)) == dict(
        zip(other.item, other.correct.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "task", "respondent"),
    [
        ("samples_a_b_c_2024-06-16T23-15-52.jsonl", "a_b_c", "Org/M"),
        ("pretrained__EleutherAI__gpt-j-6B_hellaswag.jsonl", "hellaswag", "EleutherAI/gpt-j-6B"),
        ("pretrained__Org__my_model_7b,dtype__float16_arc_challenge.jsonl", "arc_challenge", "Org/my_model_7b"),
        ("pretrained__gpt2_own_task.jsonl", "own_task", "gpt2"),
    ],
)
def test_task_and_model_are_in_the_name_where_there_are_no_results(
    tmp_path: Path, name: str, task: str, respondent: str
) -> None:
    run = only_run(read(put(lines(ROWS), tmp_path / "Org__M" / name)))
    assert (run.task, run.respondent) == (task, respondent)


def test_the_results_of_the_first_versions_settle_where_the_task_begins(tmp_path: Path) -> None:
    log = put(array(OLD), tmp_path / "pretrained__Org__my_model_odd_task.jsonl")
    put(json.dumps(results("odd_task")), tmp_path / "results.json")
    run = only_run(read(log))
    assert (run.task, run.respondent, run.started) == ("odd_task", MODEL, "")


@pytest.mark.parametrize(
    ("config", "respondent"),
    [
        ({}, MODEL),
        ({"model_args": {"pretrained": MODEL, "dtype": "auto"}}, MODEL),
        ({"model_args": f"pretrained={MODEL},revision=step1000"}, f"{MODEL}@step1000"),
        ({"model_args": f"pretrained={MODEL},revision={'0a' * 20}"}, MODEL),
        ({"model_args": "pretrained=/home/me/models/own,peft=Org/adapter"}, "Org/adapter"),
        ({"model_args": "pretrained=/home/me/models/own"}, "own"),
        ({"model": "Org/passed-as-object", "model_args": None}, "Org/passed-as-object"),
    ],
)
def test_the_results_beside_a_log_name_the_model(tmp_path: Path, config: dict[str, Any], respondent: str) -> None:
    log = put(lines(ROWS), tmp_path / "any" / f"samples_twice_{DATE}.jsonl")
    put(json.dumps(results(**config)), log.parent / f"own-name_{DATE}.json")
    assert only_run(read(log, respondent="unused")).respondent == respondent


def test_a_model_without_a_name_must_be_named(tmp_path: Path) -> None:
    log = put(lines(ROWS), tmp_path / "brave-otter-12" / f"samples_twice_{DATE}.jsonl")
    put_results(results(model="dummy", model_args="") | {"model_name": "brave-otter-12"}, log)
    with pytest.raises(InputError, match="--respondent"):
        read(log)
    assert only_run(read(log, respondent="mine")).respondent == "mine"


@pytest.mark.parametrize("damage", ["", "{", '{"results": {"twice": {"acc,none": NaN}}, "config": 3}', "[" * 5000])
def test_damaged_results_are_passed_over(tmp_path: Path, damage: str) -> None:
    log = put(lines(ROWS), log_file(tmp_path))
    put(damage, log.parent / f"results_{DATE}.json")
    assert only_run(read(log)).respondent == FOLDER.replace("__", "/")


def test_filters_are_chosen_by_name(tmp_path: Path) -> None:
    log = put(lines(text_rows(named=True)), log_file(tmp_path))
    with pytest.raises(InputError, match="'flexible-extract', 'strict-match'"):
        read(log)
    assert only_run(read(log, filter="flexible-extract")).correct.tolist() == [1, 1, 0]
    assert only_run(read(log, filter="strict-match")).correct.tolist() == [1, 0, 0]
    assert read(log, filter="strict-match").rows == 6


def test_filters_without_names_are_told_apart_by_the_results(tmp_path: Path) -> None:
    strict, flexible = text_rows(named=False)[:3], text_rows(named=False)[3:]
    by_rank = [strict[1], flexible[1], strict[0], strict[2], flexible[2], flexible[0]]  # of several processes
    log = put(array(by_rank), log_file(tmp_path, end="json"))
    with pytest.raises(InputError, match="'1', '2'"):
        read(log)
    put_results(filter_results(), log)
    run = only_run(read(log, filter="flexible-extract"))
    assert dict(zip(run.source_id, run.correct.tolist(), strict=True)) == {"0": 1, "1": 1, "2": 0}


def test_runs_in_one_file_stay_apart_and_the_later_is_newer(tmp_path: Path) -> None:
    later = [row | {"acc": 1.0} for row in ROWS]
    one, two = read(put(lines([*ROWS, *later]), log_file(tmp_path))).runs
    assert one.correct.tolist() == [1, 0] * 10
    assert two.correct.tolist() == [1] * 20
    assert one.started == STARTED < two.started


def test_a_run_that_was_written_twice_is_one_run(tmp_path: Path) -> None:
    for rows in ([*ROWS, *ROWS], [*OLD, *OLD]):
        run = only_run(read(put(lines(rows), log_file(tmp_path))))
        assert len(run.item) == 40
        assert len(set(run.item)) == 20


def test_the_metric_is_the_benchmarks_own_or_asked_for(tmp_path: Path) -> None:
    rows = [row | {"metrics": ["acc", "acc_norm", "f1"], "acc_norm": 0, "f1": [0, 1]} for row in ROWS]
    with pytest.raises(InputError, match="'acc', 'acc_norm'"):
        read(put(lines(rows), log_file(tmp_path)))
    run = only_run(read(put(lines(rows), log_file(tmp_path, "leaderboard_bbh_snarks"))))
    assert (run.metric, run.correct.tolist()) == ("acc_norm", [0] * 20)
    with pytest.raises(InputError, match="threshold"):
        read(log_file(tmp_path), metric="f1")


def test_scores_of_every_type_are_read(tmp_path: Path) -> None:
    values = [1, 0, 1.0, "0.0", True, "True", [True, False], None, float("nan")]
    rows = [choice_row(number, acc=value) for number, value in enumerate(values)]
    assert only_run(read(put(lines(rows), log_file(tmp_path)))).correct.tolist() == [1, 0, 1, 0, 1, 1, 0, -1, -1]


def test_a_threshold_makes_fractions_right_or_wrong(tmp_path: Path) -> None:
    log = put(lines([choice_row(number, acc=number / 4) for number in range(5)]), log_file(tmp_path))
    assert only_run(read(log, threshold=0.5)).correct.tolist() == [0, 0, 1, 1, 1]


BROKEN = [
    "{",
    "nothing",
    "[1]",
    "{}",
    '{"doc_id": 1, "doc": {"a": 1}}',
    '{"doc_id": [], "doc": {"a": 1}, "acc": 1}',
    '{"doc_id": 1, "doc": ' + "[" * 5000 + ', "acc": 1}',
    '{"doc_id": 1, "doc": {"a": ' + "9" * 5000 + '}, "acc": 1}',
    '{"doc_id": 1, "doc": {"a": "\\ud800"}, "acc": 1}',
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_row_is_counted_with_its_line_and_the_rest_is_read(tmp_path: Path, broken: str) -> None:
    log = put(f"{lines(ROWS[:5])}{broken}\n{lines(ROWS[5:])}", log_file(tmp_path))
    found = read(log)
    assert found.rows == 21 == len(only_run(found).item) + len(found.broken)
    assert [one.line for one in found.broken] == [6]
    with pytest.raises(InputError, match="line 6 of"):
        read(log, strict=True)


def test_the_first_row_may_be_broken(tmp_path: Path) -> None:
    found = read(put("nothing\n" + lines(ROWS), log_file(tmp_path)))
    assert (len(only_run(found).item), [one.line for one in found.broken]) == (20, [1])


def test_numbers_too_large_and_names_twice_are_read(tmp_path: Path) -> None:
    odd = '{"doc_id": 1, "doc_id": 2, "doc": {"a": ' + "9" * 400 + '}, "acc": 0, "acc": 1}\n'
    run = only_run(read(put(odd, log_file(tmp_path))))
    assert (list(run.source_id), run.correct.tolist()) == (["2"], [1])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 10_000), st.binary(max_size=3))
@example("lines", 8287, b"")
def test_a_file_cut_off_or_damaged_anywhere_loses_no_row_uncounted(layout: str, place: int, damage: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text, end = LAYOUTS[layout]
        data = text.encode()
        log = put("", log_file(Path(folder), end=end))
        for changed in (data[: place % len(data)], data[:place] + damage + data[place + 1 :]):
            log.write_bytes(changed)
            lm_eval.matches(log, changed[:65_536])
            try:
                found = lm_eval.read(log, Asked())
            except InputError as error:
                assert str(error)
            else:
                # A row whose filter's name was damaged is one of another filter, and counted as such.
                counted = sum(len(run.item) for run in found.runs) + len(found.broken) + found.passed_over
                assert found.rows == counted


def test_other_files_are_not_taken_for_sample_logs(tmp_path: Path) -> None:
    for text in ("", "doc_id,doc\n", json.dumps(results()), '{"doc_id": 1}'):
        assert not lm_eval.matches(tmp_path / "samples_x.jsonl", text.encode())


def test_items_are_the_same_when_no_room_is_left_to_remember_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = put(lines(ROWS), log_file(tmp_path))
    expected = list(only_run(read(log)).item)
    for room in (0, 200):
        monkeypatch.setattr(lm_eval, "KNOWN", room)
        assert [list(only_run(read(log)).item) for _ in range(3)] == [expected] * 3


def golden_log(version: str, task: str) -> Path:
    (log,) = (GOLDEN / version).rglob(f"*{task}*.jsonl")
    return log


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("task", ["own_choice", "own_sums"])
def test_accuracies_are_those_of_the_harness_itself(version: str, task: str) -> None:
    (file,) = (GOLDEN / version).rglob("results*.json")
    values = {key: value for key, value in json.loads(file.read_text())["results"][task].items() if "," in key}
    accuracies = {key: value for key, value in values.items() if "_stderr" not in key}
    assert len(accuracies) == 2
    for key, value in accuracies.items():
        metric, filter_ = key.split(",")
        run = only_run(read(golden_log(version, task), metric=metric, filter=filter_))
        assert (run.respondent, run.task) == ("HuggingFaceTB/SmolLM2-135M-Instruct", task)
        assert run.correct.sum() / len(run.correct) == value


def test_items_are_the_same_in_all_versions() -> None:
    for task in ("own_choice", "own_sums"):
        asked = {"metric": "acc"} if task == "own_choice" else {"filter": "strict-match"}
        runs = [only_run(read(golden_log(version, task), **asked)) for version in VERSIONS]
        assert [list(run.item) for run in runs] == [list(runs[0].item)] * 3
        assert len(set(runs[0].item)) == 7


def test_one_fraction_among_verdicts_is_refused_and_its_row_not_dropped(tmp_path: Path) -> None:
    log = put(lines([choice_row(number, acc=0.5 if number == 3 else 1) for number in range(9)]), log_file(tmp_path))
    with pytest.raises(InputError, match="--threshold"):
        read(log)
    assert only_run(read(log, threshold=0.5)).correct.tolist() == [1] * 9


@pytest.mark.parametrize(
    ("beside", "shots", "limited"),
    [
        ({}, None, False),
        ({"n-shot": {"twice": 5}}, 5, False),
        ({"n-shot": {"twice": None, "other": 5}}, None, False),
        ({"n-shot": {"twice": True}}, None, False),
        ({"n-samples": {"twice": {"original": 90, "effective": 20}}}, None, True),
        ({"n-samples": {"twice": {"original": 20, "effective": 20}}, "config": {"limit": 20.0}}, None, False),
        ({"config": {"limit": 20.0}}, None, True),
        ({"config": {"limit": 0.2}}, None, True),
        ({"config": {"limit": 500}}, None, False),  # more than there are
        ({"config": {"limit": "20"}, "n-samples": {"twice": 3}}, None, False),
    ],
)
def test_the_results_tell_shots_and_whether_only_a_part_was_asked_for(
    tmp_path: Path, beside: dict[str, Any], shots: int | None, limited: bool
) -> None:
    log = put(lines(ROWS), log_file(tmp_path))
    put_results({**results(), **beside}, log)
    (run,) = read(log, respondent="m").runs
    assert (run.shots, run.limited) == (shots, limited)


def test_rows_of_the_filter_that_does_not_count_are_counted(tmp_path: Path) -> None:
    found = read(put(lines(text_rows(named=True)), log_file(tmp_path)), filter="strict-match")
    assert (found.rows, found.passed_over, len(found.runs[0].item)) == (6, 3, 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_log_that_the_harness_wrote_with_a_limit_is_known_as_one(version: str) -> None:
    run = only_run(read(golden_log(version, "own_sums"), filter="strict-match"))
    assert (run.shots, run.limited) == (0, True)
