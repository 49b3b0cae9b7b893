"""Promises of the item reader: text is kept as it is; what is unfit is refused, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easyhard.benchmarks.item_table import read_items
from easyhard.schema import InputError

ROWS: list[dict[str, Any]] = [
    {
        "item": "a/1",
        "question": 'Which is <b>bold</b>?\nSay "it\'s"',
        "answer": "left, first",
        "choices": ["left, first", "right"],
        "solution": "Look.",
        "steps": 2,
        "level": "Level 3",
    },
    {
        "item": "../二",
        "question": "2 + 2 = ?",
        "answer": "4",
        "choices": None,
        "solution": None,
        "steps": None,
        "level": "Level 1",
    },
]

same_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def put(folder: Path, rows: list[dict[str, Any]], name: str = "items.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(**changes: Any) -> dict[str, Any]:
    return {"item": "i", "question": "q?", "answer": "yes", **changes}


# What is read


def test_json_lines_parquet_and_csv_give_the_same_items(tmp_path: Path) -> None:
    table = pl.DataFrame(ROWS)
    table.write_parquet(tmp_path / "items.parquet")
    in_text = [None if row["choices"] is None else json.dumps(row["choices"]) for row in ROWS]
    table.with_columns(pl.Series("choices", in_text)).write_csv(tmp_path / "items.csv")
    expected = table.select("item", "question", "answer", "choices", "solution", "steps", "level")
    for path in (put(tmp_path, ROWS), tmp_path / "items.parquet", tmp_path / "items.csv"):
        items = read_items(path)
        assert items.covariates == ("steps", "level")
        assert items.table.schema["choices"] == pl.List(pl.String)
        assert items.table.to_dicts() == expected.to_dicts()


def test_columns_without_choices_or_solution_are_null(tmp_path: Path) -> None:
    items = read_items(put(tmp_path, [row()]))
    assert items.table.to_dicts() == [row(choices=None, solution=None)]
    assert items.covariates == ()


def test_columns_are_renamed_on_the_fly_and_the_replaced_ones_do_not_return_as_covariates(
    tmp_path: Path,
) -> None:
    rows = [{"id": 7, "item": "old", "problem": "q?", "question": "old", "answer": 18, "rationale": "so"}]
    names = {"item": "id", "question": "problem", "solution": "rationale"}
    items = read_items(put(tmp_path, rows), columns=names)
    assert items.table.to_dicts() == [row(item="7", answer="18", choices=None, solution="so")]
    assert items.covariates == ()


def test_numbers_and_texts_are_covariates_and_lists_structs_and_empty_columns_are_not(tmp_path: Path) -> None:
    table = pl.DataFrame([row(item="i"), row(item="j")]).with_columns(
        pl.Series("digits", [1, 2]),
        pl.Series("length", [0.5, float("nan")]),
        pl.Series("checked", [True, False]),
        pl.Series("grade", ["10", "9"]),
        pl.Series("topic", ["x", "9"], dtype=pl.Categorical),
        pl.Series("tags", [["a"], []]),
        pl.Series("meta", [{"a": 1}, {"a": 2}]),
        pl.Series("void", [None, None], dtype=pl.String),
    )
    table.write_parquet(tmp_path / "items.parquet")
    items = read_items(tmp_path / "items.parquet")
    assert items.covariates == ("digits", "length", "checked", "grade", "topic")
    found = items.table.select(items.covariates).to_dict(as_series=False)
    assert found == {
        "digits": [1, 2],
        "length": [0.5, None],
        "checked": [1, 0],
        "grade": [10, 9],
        "topic": ["x", "9"],
    }


@pytest.mark.parametrize(
    ("answer_is", "answers"),
    [("text", ["red", "blue"]), ("letter", ["A", "C"]), ("index", ["0", "2"]), ("index", [0, 2])],
)
def test_an_answer_named_by_text_letter_or_index_becomes_the_text(
    tmp_path: Path, answer_is: Any, answers: list[Any]
) -> None:
    choices = ["red", "green", "blue"]
    rows = [row(item=f"i{n}", answer=answer, choices=choices) for n, answer in enumerate(answers)]
    assert read_items(put(tmp_path, rows), answer_is=answer_is).table["answer"].to_list() == ["red", "blue"]


def test_a_letter_that_is_also_a_choice_is_read_as_told(tmp_path: Path) -> None:
    path = put(tmp_path, [row(answer="A", choices=["B", "A"])])
    assert read_items(path).table["answer"].to_list() == ["A"]
    assert read_items(path, answer_is="letter").table["answer"].to_list() == ["B"]


def test_a_covariate_may_have_any_name(tmp_path: Path) -> None:
    items = read_items(put(tmp_path, [row(**{"^x$": 0.5, "*": "1", "a\nb": "t"})]))
    assert items.covariates == ("^x$", "*", "a\nb")
    assert items.table.row(0)[-3:] == (0.5, 1, "t")


def test_a_wrong_choice_may_repeat(tmp_path: Path) -> None:
    path = put(tmp_path, [row(answer="slower", choices=["faster", "slower", "faster"])])
    assert read_items(path).table["choices"].to_list() == [["faster", "slower", "faster"]]


@same_file
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip),
        min_size=3,
        max_size=3,
    )
)
def test_text_is_kept_as_it_is(tmp_path: Path, texts: list[str]) -> None:
    item, question, answer = texts
    found = read_items(put(tmp_path, [row(item=item, question=question, answer=answer)])).table
    assert found.select("item", "question", "answer").row(0) == (item, question, answer)


# What is refused: the finding, the place, the next step

TWO = ["yes", "no"]

REFUSED: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "no question": (
        [row(), row(item="j", question=" "), row(item="k", question=None)],
        ["2 rows of", "without question (first: item 'j' in row 2)", "Fill in the question"],
    ),
    "no answer": ([row(answer="")], ["1 row of", "without answer (first: item 'i' in row 1)"]),
    "no name": ([row(item="")], ["without item (first: item '' in row 1)"]),
    "repeated item": (
        [row(), row(item="j"), row()],
        ["1 row of", "with the name of an earlier item (first: item 'i' in row 3)", "a name of its own"],
    ),
    "one choice": (
        [row(choices=["yes"])],
        ["with fewer than two choices (first: item 'i' in row 1)", "or null for none"],
    ),
    "empty choice": ([row(choices=["yes", ""])], ["with an empty choice", "Fill it in"]),
    "right choice twice": (
        [row(choices=["yes", "yes", "no"])],
        ["with the right choice twice", "Remove its copy"],
    ),
    "answer elsewhere": (
        [row(choices=TWO), row(item="j", answer="B", choices=TWO)],
        [
            "1 row of",
            "with choices and an answer that is none of them (first: item 'j' with answer 'B' in row 2)",
            "answer_is='letter' if it is A, B, ...",
            "answer_is='index'",
        ],
    ),
    "NUL in a question": (
        [row(question="a\0b")],
        ["with a NUL character (U+0000) (first: item 'i'", "Remove it"],
    ),
    "NUL in a choice": ([row(choices=["yes", "n\0"])], ["with a NUL character"]),
    "choices in prose": (
        [row(choices="yes or no")],
        [
            "1 cell of 'choices'",
            "not a JSON list of texts (first: 'yes or no' in row 1)",
            '["first", "second"]',
        ],
    ),
    "choices in an object": ([row(choices={"text": TWO})], ["not a JSON list of texts"]),
    "choices of numbers": ([row(choices=[1.5, 2.5])], ["not a JSON list of texts"]),
    "fractional answer": ([row(answer=18.0)], ["column 'answer' of", "holds Float64", "Write it as text"]),
    "no text column": (
        [{"item": "i", "text": "q?", "answer": "yes"}],
        [
            "has no column 'question'",
            "Did you mean 'text'?",
            "columns={'question': 'text'}",
            "--column question=text",
        ],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_item_is_refused_with_finding_place_and_next_step(tmp_path: Path, case: str) -> None:
    rows, expected = REFUSED[case]
    path = put(tmp_path, rows)
    with pytest.raises(InputError) as caught:
        read_items(path)
    message = str(caught.value)
    assert str(path) in message
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("answer_is", "answer", "choices"),
    [
        ("letter", "C", TWO),
        ("letter", "a", TWO),
        ("letter", "AB", TWO),
        ("letter", "yes", TWO),
        ("letter", "A", None),
        ("index", "2", TWO),
        ("index", "-1", TWO),
        ("index", "²", TWO),
        ("index", "9" * 30, TWO),
    ],
)
def test_a_letter_or_index_without_its_choice_is_refused(
    tmp_path: Path, answer_is: Any, answer: str, choices: list[str] | None
) -> None:
    path = put(tmp_path, [row(answer=answer, choices=choices)])
    with pytest.raises(InputError, match=f"with an answer that is not the {answer_is} of one of their choices"):
        read_items(path, answer_is=answer_is)


def test_an_unknown_way_to_name_answers_is_refused(tmp_path: Path) -> None:
    wrong: Any = "letters"
    with pytest.raises(InputError, match=r"answer_is is 'letters'.*Did you mean 'letter'"):
        read_items(put(tmp_path, [row()]), answer_is=wrong)


def test_a_struct_of_choices_in_parquet_is_refused(tmp_path: Path) -> None:
    pl.DataFrame([row(choices={"text": TWO})]).write_parquet(tmp_path / "items.parquet")
    with pytest.raises(InputError, match=r"column 'choices' of .* holds Struct"):
        read_items(tmp_path / "items.parquet")


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
names = st.sampled_from(["item", "question", "answer", "choices", "solution", "*", "^x$", ""])


@same_file
@given(
    rows=st.lists(st.dictionaries(names, json_value), max_size=4),
    base=st.booleans(),
    answer_is=st.sampled_from(["text", "letter", "index"]),
)
def test_any_json_lines_give_items_or_an_input_error(
    tmp_path: Path, rows: list[dict[str, Any]], base: bool, answer_is: Any
) -> None:
    filled = [{**(row(item=f"i{n}") if base else {}), **one} for n, one in enumerate(rows)]
    path = put(tmp_path, filled)
    try:
        items = read_items(path, answer_is=answer_is)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert items.table["item"].is_unique().all()
