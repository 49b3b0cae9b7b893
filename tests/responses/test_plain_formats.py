"""Promises of the plain formats: names stay as they are, a bad row is named and the rest kept, nothing is guessed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_trees import ITEMS, LONG_ROWS, RESPONDENTS, TEXTS, TRUTH, csv_text, json_lines, pairs, put, sample, value

from easyhard.benchmarks.identity import item_id
from easyhard.responses.formats import (
    every_eval_ever,
    item_response_warehouse,
    long_table,
    py_irt,
    wide_table,
)
from easyhard.responses.formats.known import format_of
from easyhard.responses.ingest import ingest
from easyhard.responses.log import Asked, FileRead
from easyhard.schema import MISSING, InputError

PLAIN = (every_eval_ever, item_response_warehouse, long_table, py_irt, wide_table)


def named_format(path: Path) -> str | None:
    found = format_of(path)
    return found.name if found else None


# What is read


@pytest.mark.parametrize("kind", TEXTS)
def test_every_plain_format_gives_the_same_responses_under_the_same_names(tmp_path: Path, kind: str) -> None:
    name, text = TEXTS[kind]
    path = put(tmp_path, text)
    assert named_format(path) == name
    responses, audit = ingest(path)
    assert pairs(responses) == TRUTH
    assert not audit.unreadable and not audit.conflicts


def test_parquet_is_read_long_and_wide_with_numbers_or_truth_values(tmp_path: Path) -> None:
    long = pl.DataFrame(LONG_ROWS, schema=["respondent", "item", "correct"], orient="row")
    wide = long.pivot("item", index="respondent", values="correct")
    for name, table in {
        "long": long,
        "wide": wide,
        "wide of truth values": wide.with_columns(pl.exclude("respondent").cast(pl.Boolean)),
        "wide of floats": wide.with_columns(pl.exclude("respondent").cast(pl.Float64)),
    }.items():
        path = tmp_path / f"{name}.parquet"
        table.write_parquet(path)
        assert named_format(path) == name.split()[0]
        assert pairs(ingest(path)[0]) == TRUTH


def test_a_wide_table_is_only_told_when_all_else_is_right_or_wrong(tmp_path: Path) -> None:
    head = "model,i1,i2\n"
    assert named_format(put(tmp_path, head + "a,1,\nb,True,0\n")) == "wide"
    assert named_format(put(tmp_path, head + "a,1,0\nb,0.5,0\n")) is None
    assert named_format(put(tmp_path, head + "a,1,0\nb,2,0\n")) is None
    assert named_format(put(tmp_path, "name,i1,i2\na,1,0\n")) is None
    assert named_format(put(tmp_path, "item,easy,hard,text\na,1,0,What?\n")) is None


def test_a_wide_table_by_another_name_is_read_when_the_format_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, ",i1,i2\na,1,0\nb,,1\n")
    responses, _ = ingest(path, format="wide")
    assert pairs(responses) == {("a", "i1"): 1, ("a", "i2"): 0, ("b", "i2"): 1}


def test_a_wide_header_longer_than_the_first_bytes_of_a_file_is_told(tmp_path: Path) -> None:
    items = [f"item {k:05d} " + "x" * 60 for k in range(1500)]
    path = put(tmp_path, csv_text(("model", *items), ("a", *[1] * 1500), ("b", *[0] * 1500)))
    assert named_format(path) == "wide"
    assert ingest(path)[0].correct.shape == (2, 1500)


def test_a_subject_that_comes_again_in_py_irt_has_answered_again(tmp_path: Path) -> None:
    lines = [{"subject_id": "a", "responses": {"i": c, "j": 1}} for c in (0, 1, 1)]
    read = py_irt.read(put(tmp_path, json_lines(*lines)), Asked())
    assert [list(run.trial) for run in read.runs] == [[0, 0], [1, 1], [2, 2]]


def test_trials_of_the_item_response_warehouse_are_told_apart_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    rows = [("a", "i", 1, 1, 10), ("a", "i", 0, 1, 9), ("a", "j", 1, 2, 1), ("a", "i", 1, 2, 1)]
    path = put(tmp_path, csv_text(("id", "item", "resp", "wave", "trial_number"), *rows))
    (run,) = item_response_warehouse.read(path, Asked()).runs
    found = sorted(zip(run.item, run.trial, run.correct.tolist(), strict=True))
    assert found == [("i", 0, 0), ("i", 1, 1), ("i", 2, 1), ("j", 0, 1)]
    assert pairs(ingest(path, trials="first")[0]) == {("a", "i"): 0, ("a", "j"): 1}


def test_an_item_of_every_eval_ever_is_its_content_and_its_source_id_is_kept(tmp_path: Path) -> None:
    rows = [sample("org/m", "x", 1), sample("org/m", "y", 0), sample("org/n", "x", 1, error="timeout")]
    rows[0]["input"]["choices"].reverse()  # shuffled options are the same item
    read = every_eval_ever.read(put(tmp_path, json_lines(*rows)), Asked())
    one, two = read.runs
    assert list(one.item) == [item_id("quiz", f"Question {name}", "yes", ["no", "yes"]) for name in "xy"]
    assert list(one.source_id) == ["quiz_x", "quiz_y"]
    assert (one.respondent, one.task, one.correct.tolist()) == ("org/m", "quiz", [1, 0])
    assert two.item[0] == one.item[0] and two.correct.tolist() == [MISSING]


def test_every_eval_ever_falls_back_on_the_score(tmp_path: Path) -> None:
    rows = [sample("m", name, 1, evaluation={"score": score}) for name, score in (("x", 1.0), ("y", 0.4))]
    path = put(tmp_path, json_lines(*rows))
    with pytest.raises(InputError, match="threshold"):
        every_eval_ever.read(path, Asked())
    assert every_eval_ever.read(path, Asked(threshold=0.4)).runs[0].correct.tolist() == [1, 1]
    assert every_eval_ever.read(put(tmp_path, json_lines(rows[0])), Asked()).runs[0].correct.tolist() == [1]


# What is refused or named


@pytest.mark.parametrize(
    "text",
    [
        "respondent,item,correct\na,i,1\na,j,3\n",
        "id,item,resp\na,i,1\na,j,0.5\n",
        json_lines({"subject_id": "a", "responses": {"i": 1, "j": 2}}),
        json_lines({"respondent": "a", "item": "i", "correct": 1}, {"respondent": "a", "item": "j", "correct": 0.5}),
    ],
)
def test_graded_responses_ask_for_a_threshold_instead_of_losing_their_middle(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    with pytest.raises(InputError, match="threshold"):
        ingest(path)
    assert set(pairs(ingest(path, Asked(threshold=0.5))[0]).values()) == {1}


BROKEN: dict[str, tuple[str | bytes, int]] = {  # the good rows are a on i: 1, and a on j: 0; and the line of the bad
    "csv, too many cells": ("respondent,item,correct\na,i,1\na,x,1,1,1\na,j,0\n", 3),
    "csv, too few cells": ("respondent,item,correct\na,i,1\na\na,j,0\n", 3),
    "csv, no name": ("respondent,item,correct\na,i,1\n ,x,1\na,j,0\n", 3),
    "csv, no score": ("respondent,item,correct\na,i,1\na,x,maybe\na,j,0\n", 3),
    "csv, not UTF-8": (b"respondent,item,correct\na,i,1\na,\xff\xfe,1\na,j,0\n", 3),
    "csv, cut off": ('respondent,item,correct\na,i,1\na,j,0\na,"x', 4),
    "irw, no score": ("id,item,resp\na,i,1\na,j,0\na,x,NA\n", 4),
    "irw, too many cells": ("id,item,resp,wave\na,i,1,1\na,j,0,1\na,x,1,1,1\n", 4),
    "json, cut off": (
        '{"respondent":"a","item":"i","correct":1}\n{"respondent":"a","item":"j","correct":0}\n{"resp', 3,
    ),
    "json, a list": (
        '{"respondent":"a","item":"i","correct":1}\n[1]\n{"respondent":"a","item":"j","correct":0}\n', 2,
    ),
    "json, a nested score": (
        '{"respondent":"a","item":"i","correct":1}\n{"respondent":"a","item":"x","correct":[1,2]}\n'
        '{"respondent":"a","item":"j","correct":0}\n', 2,
    ),
    "py-irt, no responses": ('{"subject_id":"a","responses":{"i":1,"j":0}}\n{"subject_id":"b"}\n', 2),
    "py-irt, no score": (
        '{"subject_id":"a","responses":{"i":1,"j":0}}\n{"subject_id":"b","responses":{"i":"maybe"}}\n', 2,
    ),
    "py-irt, deep": ('{"subject_id":"a","responses":{"i":1,"j":0}}\n' + "[" * 9000, 2),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_by_its_line_and_the_others_are_kept(tmp_path: Path, case: str) -> None:
    text, line = BROKEN[case]
    path = put(tmp_path, text)
    responses, audit = ingest(path)
    assert pairs(responses) == {("a", "i"): 1, ("a", "j"): 0}
    assert len(audit.unreadable) == 1
    assert audit.unreadable[0].startswith(f"{path}:{line}: ")
    with pytest.raises(InputError, match=f"line {line} of"):
        ingest(path, Asked(strict=True))


def test_a_bad_cell_of_a_wide_table_is_named_by_its_line(tmp_path: Path) -> None:
    rows = [(f"m{k:02d}", 1, 0) for k in range(60)]
    path = put(tmp_path, csv_text(("model", "i", "j"), *rows, ("bad", "maybe", 1)))
    responses, audit = ingest(path)
    assert audit.unreadable == (f"{path}:62: 'maybe' is no score",)
    assert pairs(responses)["bad", "j"] == 1 and ("bad", "i") not in pairs(responses)


def test_two_items_of_one_name_in_a_wide_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two columns called 'i'"):
        ingest(put(tmp_path, "model,i,i\na,1,0\n"))


def test_columns_called_as_ours_are_but_names_in_a_wide_table(tmp_path: Path) -> None:
    path = put(tmp_path, "model,respondent,item\na,1,0\n")
    assert pairs(ingest(path)[0]) == {("a", "respondent"): 1, ("a", "item"): 0}


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    forward = put(tmp_path, csv_text(("id", "item", "resp"), *LONG_ROWS), "forward.csv")
    backward = put(tmp_path, csv_text(("id", "item", "resp"), *LONG_ROWS[::-1]), "backward.csv")
    assert pairs(ingest(forward)[0]) == pairs(ingest(backward)[0]) == TRUTH


def test_respondents_with_the_same_items_share_one_list_of_names(tmp_path: Path) -> None:
    path = put(tmp_path, csv_text(("respondent", "item", "correct"), *((r, i, 1) for r in RESPONDENTS for i in ITEMS)))
    lists = {id(run.item) for run in long_table.read(path, Asked()).runs}
    assert len(lists) == 1 and value("ann", "007") == 1


GOOD = [text.encode() for _, text in TEXTS.values()] + [json_lines(sample("m", "x", 1), sample("m", "y", 0)).encode()]
JUNK = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(str.encode),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=6).map(
        lambda value: json.dumps(
            {"subject_id": value, "responses": value, "respondent": value, "item": value, "correct": value}
        ).encode()
    ),
    st.just(b'{"subject_id": "a", "responses": {"i": ' + b"9" * 400 + b"}}"),
    st.just(b'{"respondent": "a", "item": "b", "correct": 1e999}'),
    st.just(b"PAR1\0\0\0\0PAR1"),
)


@given(good=st.sampled_from(GOOD), junk=st.lists(JUNK, max_size=3), cut=st.integers(0, 200), first=st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_every_plain_reader_ends_in_runs_or_a_finding(
    good: bytes, junk: list[bytes], cut: int, first: bool
) -> None:
    rubbish = b"\n".join(junk)
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder), rubbish + good if first else good[: len(good) - cut] + rubbish)
        head = path.read_bytes()[:65_536]
        for reader in PLAIN:
            assert reader.matches(path, head) in (True, False)
            try:
                found = reader.read(path, Asked())
            except InputError as refused:
                assert str(path) in str(refused)
                continue
            assert isinstance(found, FileRead)
            kept = len(found.runs) if reader is py_irt else sum(len(run.item) for run in found.runs)
            assert found.rows == kept + len(found.broken)
