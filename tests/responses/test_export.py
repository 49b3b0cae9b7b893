"""Promises of what is written: every form reads back as the same responses, and keeps the rules of its readers."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_trees import CORRECT, ITEMS, RESPONDENTS, TRUTH, pairs

from easyhard.benchmarks.identity import item_id
from easyhard.responses import read_responses, table, write_responses
from easyhard.responses.export import Form, export_responses
from easyhard.responses.formats.known import format_of
from easyhard.responses.ingest import ingest
from easyhard.schema import MISSING, InputError, Items, Responses

FORMS: dict[Form, str] = {"parquet": "long", "csv": "long", "py-irt": "py-irt", "irw": "irw", "eee": "every-eval-ever"}
SMALL = Responses(CORRECT, RESPONDENTS, ITEMS)

names = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)
    | st.sampled_from(
        ['a "b"', "a,b", "a\nb", "a\r\nb", " a ", "null", "NA", "007", "1e5", "模型", "'", '"', "a\\b", "#a"]
    ),
    min_size=1,
    max_size=5,
    unique=True,
)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


@pytest.mark.parametrize("form", FORMS)
@in_one_folder
@given(respondents=names, items=names, seed=st.integers(0, 1000))
def test_every_form_reads_back_as_the_same_responses(
    tmp_path: Path, form: Form, respondents: list[str], items: list[str], seed: int
) -> None:
    correct = np.random.default_rng(seed).integers(-1, 2, (len(respondents), len(items))).astype(np.int8)
    correct[0, 0] = 1
    given_ = Responses(correct, tuple(respondents), tuple(items))
    path = tmp_path / f"out{uuid4()}"
    export_responses(given_, path, form)
    found = {known.name for file in files_in(path) if (known := format_of(file))}
    assert found == {FORMS[form]}
    back, audit = ingest(path, coverage=0)
    assert pairs(back) == pairs(given_)
    assert not audit.unreadable and audit.conflicts == audit.repeated == 0
    assert list(back.respondents) == sorted(back.respondents) and list(back.items) == sorted(back.items)


def files_in(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_respondents_and_items_does_not_change_a_byte(
    tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.5)
    turned = Responses(CORRECT[::-1, ::-1].copy(), RESPONDENTS[::-1], ITEMS[::-1])
    for name, responses in {"one": SMALL, "two": turned}.items():
        export_responses(responses, tmp_path / name, form)
    one, two = files_in(tmp_path / "one"), files_in(tmp_path / "two")
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_unknown_forms_and_names_that_no_file_can_hold_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'py-irt'"):
        export_responses(SMALL, tmp_path / "out", "py_irt")  # type: ignore[arg-type]
    for name in (" ", "half \ud83d"):
        with pytest.raises(InputError, match="1 name of a respondent"):
            export_responses(Responses(CORRECT[:1], (name,), ITEMS), tmp_path / "out", "csv")
    assert not list(tmp_path.iterdir())


# Parquet


def test_parquet_is_the_long_form_of_three_columns_for_every_reader(tmp_path: Path) -> None:
    write_responses(SMALL, tmp_path / "out.parquet")
    back = pl.read_parquet(tmp_path / "out.parquet")
    assert back.columns == ["respondent", "item", "correct"]
    rows = back.with_columns(pl.col("respondent", "item").cast(pl.String)).rows()
    assert rows == sorted(rows) and {(r, i): c for r, i, c in rows} == TRUTH


def test_parquet_in_many_parts_reads_as_parquet_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated at random, with holes, a respondent without a response, and parts that end within a respondent."""
    draw = np.random.default_rng(7)
    correct = draw.integers(-1, 2, (40, 30)).astype(np.int8)
    correct[11] = MISSING
    whole = Responses(correct, tuple(f"m{k}" for k in range(40)), tuple(f"i{k}" for k in range(30)))
    write_responses(whole, tmp_path / "one.parquet")
    one = read_responses(tmp_path / "one.parquet")
    for rows in (7, 100, 300):
        monkeypatch.setattr(table, "ROWS_AT_ONCE", rows)
        write_responses(whole, tmp_path / "many.parquet")
        for path in (tmp_path / "one.parquet", tmp_path / "many.parquet"):
            many = read_responses(path)
            assert many.respondents == one.respondents and many.items == one.items
            np.testing.assert_array_equal(many.correct, one.correct)
    assert pairs(one) == pairs(whole)
    pl.read_parquet(tmp_path / "one.parquet").cast({"respondent": pl.String, "item": pl.String}).sample(
        fraction=1, shuffle=True, seed=1
    ).write_parquet(tmp_path / "text.parquet")
    assert pairs(read_responses(tmp_path / "text.parquet")) == pairs(whole)


@pytest.mark.parametrize("rows", [2, 3, 100])
def test_repeats_and_bad_cells_far_down_a_long_file_are_named_by_their_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(table, "ROWS_AT_ONCE", rows)
    long = pl.DataFrame({"respondent": ["a"] * 6, "item": list("ijkjlk"), "correct": [1, 0, 1, 1, 0, 1]})
    long.write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"2 pairs .* 1 of them contradictory \(first: 'a' on 'j', row 2 .* row 4 "):
        read_responses(tmp_path / "r.parquet")
    long[:3].with_columns(correct=pl.Series([1, 0, 5])).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"first: 5 in row 3\)"):
        read_responses(tmp_path / "r.parquet")


def test_a_complete_table_takes_under_four_bits_a_response_and_holes_take_nothing(tmp_path: Path) -> None:
    """Simulated: 400 models on 300 items with right and wrong at even odds, the most that they can hold."""
    correct = np.random.default_rng(3).integers(0, 2, (400, 300)).astype(np.int8)
    models = tuple(f"organisation/model-with-a-long-name-{k}" for k in range(400))
    write_responses(Responses(correct, models, tuple(f"i{k}" for k in range(300))), tmp_path / "full.parquet")
    full = (tmp_path / "full.parquet").stat().st_size
    assert correct.size / 8 < full < correct.size / 2
    correct[:, 30:] = MISSING
    write_responses(Responses(correct, models, tuple(f"i{k}" for k in range(300))), tmp_path / "sparse.parquet")
    assert (tmp_path / "sparse.parquet").stat().st_size < full
    assert pl.read_parquet(tmp_path / "sparse.parquet").height == 400 * 30


# The rules of others


def test_the_item_response_warehouse_gets_what_its_standard_asks(tmp_path: Path) -> None:
    export_responses(SMALL, tmp_path / "out.csv", "irw")
    found = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    assert found.columns == ["id", "item", "resp"]  # these three, first and in this order
    assert set(found["resp"]) == {"0", "1"}  # numbers alone; a missing response has no row
    assert found.height == len(TRUTH) == found.select("id", "item").n_unique()


def test_py_irt_gets_a_line_for_each_respondent_with_numbers_by_item(tmp_path: Path) -> None:
    export_responses(SMALL, tmp_path / "out.jsonlines", "py-irt")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonlines").read_text(encoding="utf-8").splitlines()]
    assert [set(line) for line in lines] == [{"subject_id", "responses"}] * 3
    assert {(line["subject_id"], i): c for line in lines for i, c in line["responses"].items()} == TRUTH


REQUIRED = {
    "schema_version": str, "evaluation_id": str, "model_id": str, "evaluation_name": str, "sample_id": str,
    "interaction_type": str, "input": dict, "output": dict, "answer_attribution": list, "evaluation": dict,
}  # fmt: skip
KNOWN = item_id("quiz", "2 + 2?", "4", ["4", "5"])
QUIZ = Responses(np.array([[1, 0], [0, 1]], dtype=np.int8), ("org/m", "org/n:latest"), (KNOWN, "other"))
TEXT = Items(
    pl.DataFrame(
        {"item": [KNOWN], "question": ["2 + 2?\u2028"], "answer": ["4"], "choices": [["4", "5"]], "solution": [None]}
    )
)


def samples_of(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.rglob("*_samples.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_eval_ever_gets_the_fields_it_requires_and_no_others(tmp_path: Path) -> None:
    export_responses(SMALL, tmp_path / "data", "eee")
    samples = samples_of(tmp_path / "data")
    assert len(samples) == len(TRUTH)
    for sample in samples:
        assert {name: type(sample[name]) for name in REQUIRED} == REQUIRED
        assert set(sample) == {*REQUIRED, "metadata", "evaluation_result_id"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", sample["schema_version"])
        assert sample["interaction_type"] == "single_turn"
        assert all(isinstance(value, str) for value in sample["metadata"].values())
        assert sample["evaluation"]["score"] == float(sample["evaluation"]["is_correct"])
        assert type(sample["evaluation"]["is_correct"]) is bool


def test_every_eval_ever_has_the_text_that_is_known_and_says_where_it_is_not(tmp_path: Path) -> None:
    export_responses(QUIZ, tmp_path / "data", "eee", TEXT)
    samples = {(one["model_id"], one["sample_id"]): one for one in samples_of(tmp_path / "data")}
    with_text, without = samples["org/m", KNOWN], samples["org/m", "other"]
    assert with_text["input"] == {"raw": "2 + 2?\u2028", "reference": ["4"], "choices": ["4", "5"]}
    assert with_text["evaluation_name"] == "quiz" and "easyhard_input" not in with_text["metadata"]
    assert without["input"] == {"raw": "other", "reference": []}
    assert "not known" in without["metadata"]["easyhard_input"]
    assert with_text["output"] == without["output"] == {"raw": []}
    assert pairs(ingest(tmp_path / "data")[0]) == pairs(QUIZ)


def test_every_eval_ever_finds_each_models_record_and_samples_by_benchmark_and_model(tmp_path: Path) -> None:
    export_responses(QUIZ, tmp_path / "data", "eee")
    records = sorted((tmp_path / "data").rglob("*.json"))
    assert [str(file.relative_to(tmp_path).parent) for file in records] == [
        "data/easyhard-export/org/m", "data/easyhard-export/org/n_latest", "data/quiz/org/m", "data/quiz/org/n_latest",
    ]  # fmt: skip
    for file, accuracy in zip(records, [0, 1, 1, 0], strict=True):
        record = json.loads(file.read_text())
        details = record["detailed_evaluation_results"]
        samples = tmp_path / details["file_path"]
        assert samples == file.with_name(f"{file.stem}_samples.jsonl")
        assert details["checksum"] == hashlib.sha256(samples.read_bytes()).hexdigest()
        (sample,) = [json.loads(line) for line in samples.read_text().splitlines()]
        assert (details["total_rows"], record["evaluation_results"][0]["score_details"]["score"]) == (1, accuracy)
        assert sample["evaluation_id"] == record["evaluation_id"]
        assert sample["model_id"] == record["model_info"]["id"]


def test_every_eval_ever_itself_accepts_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validate = pytest.importorskip("every_eval_ever.validate", reason="needs every_eval_ever, from Python 3.12 on")
    export_responses(QUIZ, tmp_path / "data", "eee", TEXT)
    monkeypatch.chdir(tmp_path)
    files = [str(file.relative_to(tmp_path)) for file in files_in(tmp_path / "data")]
    assert len(files) == 8 and validate.main(files) == 0


@pytest.mark.parametrize(
    "name", ["../../m", "..", ".hidden/m", "con/nul", "data/data", "a/" + "m" * 300, 'a"b/c?', "/m"]
)
def test_no_name_of_a_model_leads_out_of_the_tree_or_hides_in_it(tmp_path: Path, name: str) -> None:
    responses = Responses(np.array([[1]], dtype=np.int8), (name,), ("i",))
    export_responses(responses, tmp_path / "data", "eee")
    assert [file.parent.parent.parent.parent for file in files_in(tmp_path)] == [tmp_path / "data"] * 2
    assert pairs(ingest(tmp_path / "data")[0]) == pairs(responses)


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="new folder"):
        export_responses(SMALL, tmp_path, "eee")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
