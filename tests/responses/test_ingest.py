"""The same answers, written in every format and layout, read as the same responses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.benchmarks.known_tasks import item_of
from easyhard.responses.formats.known import FORMATS, format_of
from easyhard.responses.formats.lm_eval import read as read_lm_eval
from easyhard.responses.ingest import ingest
from easyhard.responses.log import Asked, FileRead
from easyhard.schema import MISSING, InputError, Responses

DATE = "2026-01-02T03-04-05.678901"
DOCS = [{"question": f"What is {k} + {k}?", "answer": f"... #### {2 * k}"} for k in range(6)]
TRUTH = {"org/one": [1, 0, 1, 1, 0, 0], "org/two": [0, 0, 1, 1, 1, 0]}


def sample(doc_id: int, correct: int, **more: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id, "doc": DOCS[doc_id], "target": "x", "arguments": {}, "resps": [["y"]],
        "filtered_resps": ["y"], "exact_match": float(correct), **more,
    }  # fmt: skip


def jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def samples(answers: list[int], **more: Any) -> list[dict[str, Any]]:
    return [sample(doc_id, correct, **more) for doc_id, correct in enumerate(answers)]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lines_with_folder(folder: Path, model: str, answers: list[int]) -> None:
    name = model.replace("/", "__")
    write(
        folder / name / f"samples_gsm8k_{DATE}.jsonl", jsonl(samples(answers, filter="none", metrics=["exact_match"]))
    )


def lines_in_json(folder: Path, model: str, answers: list[int]) -> None:
    write(folder / model.replace("/", "__") / f"samples_gsm8k_{DATE}.json", jsonl(samples(answers)))


def array_of_0_4_0(folder: Path, model: str, answers: list[int]) -> None:
    place = folder / model.replace("/", "-")
    write(place / f"pretrained__{model.replace('/', '__')}_gsm8k.jsonl", json.dumps(samples(answers), indent=2))
    write(
        place / "results.json",
        json.dumps(
            {"results": {"gsm8k": {"exact_match,none": 0.5}}, "config": {"model_args": f"pretrained={model},a=b"}}
        ),
    )


def no_model_folder(folder: Path, model: str, answers: list[int]) -> None:
    date = DATE.replace("05.", f"0{len(model) % 10}.").replace("678901", f"{hash(model) % 1000000:06d}")
    write(folder / f"samples_gsm8k_{date}.jsonl", jsonl(samples(answers, filter="none")))
    write(folder / f"out_{date}.json", json.dumps({"results": {"gsm8k": {}}, "model_name": model}))


def two_ranks(folder: Path, model: str, answers: list[int]) -> None:
    rows = samples(answers, filter="none")
    write(folder / model.replace("/", "__") / f"samples_gsm8k_{DATE}.jsonl", jsonl(rows[::2] + rows[1::2]))


def two_filters_unnamed(folder: Path, model: str, answers: list[int]) -> None:
    name = model.replace("/", "__")
    rows = samples([1 - a for a in answers]) + samples(answers)
    write(folder / name / f"samples_gsm8k_{DATE}.jsonl", jsonl(rows))
    scores = {"alias": "gsm8k", "exact_match,flexible-extract": 0.1, "exact_match,none": 0.2}
    write(folder / name / f"results_{DATE}.json", json.dumps({"results": {"gsm8k": scores}, "model_name": model}))


LAYOUTS: list[Callable[[Path, str, list[int]], None]] = [
    lines_with_folder, lines_in_json, array_of_0_4_0, no_model_folder, two_ranks, two_filters_unnamed,
]  # fmt: skip


def truth() -> dict[str, dict[str, int]]:
    names = [item_of("gsm8k", doc) for doc in DOCS]
    return {model: dict(zip(names, answers, strict=True)) for model, answers in TRUTH.items()}


def as_dict(responses: Responses) -> dict[str, dict[str, int]]:
    return {
        model: {item: int(c) for item, c in zip(responses.items, row, strict=True) if c != MISSING}
        for model, row in zip(responses.respondents, responses.correct, strict=True)
    }


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_layout_of_lm_eval_reads_as_the_same_responses(
    tmp_path: Path, layout: Callable[[Path, str, list[int]], None]
) -> None:
    for model, answers in TRUTH.items():
        layout(tmp_path, model, answers)
    responses, audit = ingest(tmp_path)
    assert as_dict(responses) == truth()
    assert audit.formats == ("lm-eval",)
    assert not audit.unreadable and not audit.left_out and not audit.conflicts


def test_named_filters_must_be_chosen_and_the_choices_are_listed(tmp_path: Path) -> None:
    rows = samples(TRUTH["org/one"], filter="strict-match") + samples([1] * 6, filter="flexible-extract")
    write(tmp_path / "org__one" / f"samples_gsm8k_{DATE}.jsonl", jsonl(rows))
    with pytest.raises(InputError, match=r"'flexible-extract', 'strict-match'.*--filter"):
        ingest(tmp_path)
    assert ingest(tmp_path, Asked(filter="strict-match"))[0].correct.sum() == sum(TRUTH["org/one"])
    assert ingest(tmp_path, Asked(filter="flexible-extract"))[0].correct.sum() == 6


def test_metrics_must_be_chosen_unless_the_leaderboard_has_chosen(tmp_path: Path) -> None:
    rows = [{**row, "acc": 1.0, "acc_norm": 0.0} for row in samples([1, 0, 0, 1, 0, 0])]
    for row in rows:
        row.pop("exact_match")
    for task in ("my_task", "leaderboard_bbh_snarks"):
        write(tmp_path / task / "org__one" / f"samples_{task}_{DATE}.jsonl", jsonl(rows))
    with pytest.raises(InputError, match=r"'acc', 'acc_norm'.*--metric"):
        ingest(tmp_path / "my_task")
    assert ingest(tmp_path / "my_task", Asked(metric="acc"))[0].correct.all()
    chosen, audit = ingest(tmp_path / "leaderboard_bbh_snarks")
    assert not chosen.correct.any()
    assert audit.metrics == ("leaderboard_bbh_snarks: acc_norm",)


def test_a_broken_line_is_counted_and_named_and_strict_stops_there(tmp_path: Path) -> None:
    path = tmp_path / "org__one" / f"samples_gsm8k_{DATE}.jsonl"
    write(path, jsonl(samples(TRUTH["org/one"])).replace('"doc_id": 3', '"doc_id": ', 1))
    responses, audit = ingest(tmp_path)
    assert audit.rows == 6 and len(responses.items) == 5
    assert len(audit.unreadable) == 1 and f"{path}:4: " in audit.unreadable[0]
    with pytest.raises(InputError, match="line 4"):
        ingest(tmp_path, Asked(strict=True))


def test_a_score_that_is_no_verdict_asks_for_a_threshold(tmp_path: Path) -> None:
    path = tmp_path / "org__one" / f"samples_rouge_{DATE}.jsonl"
    write(path, jsonl([{**row, "exact_match": 0.25 * row["doc_id"]} for row in samples([0] * 5)][1:]))
    with pytest.raises(InputError, match="--threshold"):
        ingest(tmp_path)
    assert ingest(tmp_path, Asked(threshold=0.5))[0].correct.sum() == 3


def test_many_files_read_by_several_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for model, answers in TRUTH.items():
        for copy in range(4):
            lines_with_folder(tmp_path, f"{model}-{copy}", answers)
    alone, audit = ingest(tmp_path)
    assert len(alone.respondents) == len(audit.files) == 8
    monkeypatch.setattr("easyhard.responses.reading.ALONE", 0)
    shared = ingest(tmp_path, processes=2)  # which read four files ahead
    assert as_dict(shared[0]) == as_dict(alone)
    assert shared[1] == audit


def plain(folder: Path) -> dict[str, str]:
    """The same population in formats that keep the names of items."""
    long = "respondent,item,correct\n" + "".join(f"{m},{i},{c}\n" for m, row in truth().items() for i, c in row.items())
    items = list(next(iter(truth().values())))
    return {
        "long": long,
        "irw": long.replace("respondent,item,correct", "id,item,resp"),
        "wide": "model," + ",".join(items) + "\n"
        + "".join(f"{m}," + ",".join(str(row[i]) for i in items) + "\n" for m, row in truth().items()),
        "py-irt": jsonl([{"subject_id": m, "responses": row} for m, row in truth().items()]),
        "every-eval-ever": jsonl(
            [
                {
                    "schema_version": "0.2.1", "evaluation_id": "e", "model_id": m, "evaluation_name": "gsm8k",
                    "sample_id": str(k), "interaction_type": "single_turn",
                    "input": {"raw": doc["question"], "reference": [doc["answer"]]},
                    "output": {"raw": ["y"]}, "evaluation": {"score": float(c), "is_correct": bool(c)},
                }
                for m, answers in TRUTH.items() for k, (doc, c) in enumerate(zip(DOCS, answers, strict=True))
            ]
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["long", "irw", "wide", "py-irt", "every-eval-ever"])
def test_plain_formats_read_as_the_same_responses(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log.txt"
    write(path, plain(tmp_path)[name])
    found = format_of(path)
    assert found is not None and found.name == name
    responses, audit = ingest(path)
    assert as_dict(responses) == truth()
    assert audit.rows == (2 if name == "py-irt" else 12)


def test_a_file_of_no_known_format_is_refused_if_named_and_passed_over_in_a_folder(tmp_path: Path) -> None:
    lines_with_folder(tmp_path, "org/one", TRUTH["org/one"])
    write(tmp_path / "README.md", "# about")
    assert len(ingest(tmp_path)[1].files) == 1
    with pytest.raises(InputError, match="no format that is known"):
        ingest(tmp_path / "README.md")
    with pytest.raises(InputError, match="'lm-eval'"):
        ingest(tmp_path, format="lm_eval")


def test_two_evaluations_of_one_model_are_two_runs_of_which_the_later_counts(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in plain(tmp_path)["every-eval-ever"].splitlines()]
    later = [{**row, "evaluation_id": "gsm8k/m/1700000002", "evaluation": {"is_correct": True}} for row in rows]
    rows = [{**row, "evaluation_id": "gsm8k/m/1700000001"} for row in rows]
    write(tmp_path / "log.jsonl", jsonl(later + rows))
    responses, audit = ingest(tmp_path / "log.jsonl")
    assert responses.correct.all() and audit.conflicts == 0
    assert [line.split(", ")[2][:10] for line in audit.dropped_runs] == ["1700000001"] * 2


def test_a_name_that_no_disk_can_hold_is_an_error_of_the_call(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xxxxxxxxx"):
        ingest(tmp_path / ("x" * 5000), format="long")


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=9
    ).map(lambda value: json.dumps({"doc_id": value, "doc": value, "resps": value, "exact_match": value}).encode()),
    st.just(b'{"doc_id": 1, "doc": ' + b"[" * 5000 + b"]" * 5000 + b', "resps": [], "exact_match": 1}'),
    st.just(b'{"doc_id": 1, "doc": {}, "doc": {"a": 1e999}, "resps": [], "exact_match": ' + b"9" * 400 + b"}"),
)


@given(st.lists(HOSTILE, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_the_bytes_a_reader_ends_in_a_finding(rows: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples_gsm8k_{DATE}.jsonl"
        good = jsonl(samples([1])).encode()
        path.write_bytes(good + b"\n".join(rows))
        for known in FORMATS:
            known.matches(path, path.read_bytes()[:65_536])
        try:
            found = read_lm_eval(path, Asked())
        except InputError:
            return
        assert isinstance(found, FileRead)
        kept = sum(len(run.item) for run in found.runs)
        assert found.rows == kept + len(found.broken)
        assert all(np.isin(run.correct, (0, 1, MISSING)).all() for run in found.runs)
