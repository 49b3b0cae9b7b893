"""Promises of what is written: every form reads back as the same responses, and keeps the rules of its readers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

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
    path = tmp_path / "out"
    export_responses(given_, path, form)
    found = format_of(path)
    assert found is not None and found.name == FORMS[form]
    back, audit = ingest(path, coverage=0)
    assert pairs(back) == pairs(given_)
    assert not audit.unreadable and audit.conflicts == audit.repeated == 0
    assert list(back.respondents) == sorted(back.respondents) and list(back.items) == sorted(back.items)


@pytest.mark.parametrize("form", FORMS)
def test_the_order_of_respondents_and_items_does_not_change_a_byte(tmp_path: Path, form: Form) -> None:
    turned = Responses(CORRECT[::-1, ::-1].copy(), RESPONDENTS[::-1], ITEMS[::-1])
    for name, responses in {"one": SMALL, "two": turned}.items():
        export_responses(responses, tmp_path / name, form)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
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


def samples_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_eval_ever_gets_the_fields_it_requires_and_no_others(tmp_path: Path) -> None:
    export_responses(SMALL, tmp_path / "out.jsonl", "eee")
    for sample in samples_of(tmp_path / "out.jsonl"):
        assert {name: type(sample[name]) for name in REQUIRED} == REQUIRED
        assert set(sample) == {*REQUIRED, "metadata"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", sample["schema_version"])
        assert sample["interaction_type"] == "single_turn"
        assert all(isinstance(value, str) for value in sample["metadata"].values())
        assert sample["evaluation"]["score"] == float(sample["evaluation"]["is_correct"])
        assert type(sample["evaluation"]["is_correct"]) is bool


def test_every_eval_ever_has_the_text_that_is_known_and_says_where_it_is_not(tmp_path: Path) -> None:
    known = item_id("quiz", "2 + 2?", "4", ["4", "5"])
    responses = Responses(np.array([[1, 0]], dtype=np.int8), ("org/m",), (known, "other"))
    items = Items(
        pl.DataFrame(
            {"item": [known], "question": ["2 + 2?"], "answer": ["4"], "choices": [["4", "5"]], "solution": [None]}
        )
    )
    export_responses(responses, tmp_path / "out.jsonl", "eee", items)
    without, with_text = samples_of(tmp_path / "out.jsonl")
    assert with_text["input"] == {"raw": "2 + 2?", "reference": ["4"], "choices": ["4", "5"]}
    assert with_text["evaluation_name"] == "quiz" and "easyhard_input" not in with_text["metadata"]
    assert without["input"] == {"raw": "other", "reference": []}
    assert "not known" in without["metadata"]["easyhard_input"]
    assert with_text["output"] == without["output"] == {"raw": []}
    assert pairs(ingest(tmp_path / "out.jsonl")[0]) == pairs(responses)
