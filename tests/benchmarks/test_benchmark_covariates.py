"""Covariates that are computed from the text of items, by hand and by published values."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.benchmarks.covariates import readability, with_covariates
from easyhard.benchmarks.item_table import read_items
from easyhard.schema import Items

# The abstract that Coleman and Liau's index is usually shown on, which is that of their paper (1975).
ABSTRACT = (
    "Existing computer programs that measure readability are based largely upon subroutines which estimate number of "
    "syllables, usually by counting vowels. The shortcoming in estimating syllables is that it necessitates "
    "keypunching the prose into the computer. There is no need to estimate syllables since word length in letters is "
    "a better predictor of readability than word length in syllables. Therefore, a new readability formula was "
    "computed that has for its predictors letters per 100 words and sentences per 100 words. Both predictors can be "
    "counted by an optical scanning device, and thus the formula makes it economically feasible for an organization "
    "such as the U.S. Office of Education to calibrate the readability of all textbooks for the public school system."
)


def make_items(question: Sequence[str], covariates: tuple[str, ...] = (), **columns: Any) -> Items:
    n = len(question)
    table = pl.DataFrame(
        {
            "item": [f"made-up/{k}" for k in range(n)],
            "question": question,
            "answer": columns.pop("answer", ["4"] * n),
            "choices": pl.Series(columns.pop("choices", [None] * n), dtype=pl.List(pl.String)),
            "solution": pl.Series(columns.pop("solution", [None] * n), dtype=pl.String),
            **columns,
        }
    )
    return Items(table, covariates)


def values(items: Items, name: str) -> list[Any]:
    return with_covariates(items).table[name].to_list()


def grade(text: str) -> float | None:
    found: float | None = pl.DataFrame({"text": [text]}).select(readability(pl.col("text"))).item()
    return found


def test_readability_is_the_published_grade_of_the_published_text() -> None:
    items = make_items([ABSTRACT])
    assert values(items, "question_words") == [119]
    letters = sum(character.isalnum() for character in ABSTRACT)
    assert letters == 639
    assert grade(ABSTRACT) == pytest.approx(0.0588 * 100 * 639 / 119 - 0.296 * 100 * 5 / 119 - 15.8)
    assert round(grade(ABSTRACT) or 0, 1) == 14.5


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One word", 1),
        ("It is 3.5 long.", 1),
        ("It is long. How long?", 2),
        ('He said "no!" Then he left.', 2),
        ("Ask J. Smith of the U.S. Navy. Wait...", 2),
        ("What?! Really?  ", 2),
    ],
)
def test_sentences_by_hand(text: str, sentences: int) -> None:
    words = len(text.split())
    letters = sum(character.isalnum() for character in text)
    assert grade(text) == pytest.approx(5.88 * letters / words - 29.6 * sentences / words - 15.8)


def test_a_text_without_a_word_has_no_grade() -> None:
    assert grade("?! --- ...") is None
    assert grade("") is None


def test_lengths_by_hand() -> None:
    items = make_items(["  How many is 2 + 2?\n"], answer=["four apples"])
    assert values(items, "question_characters") == [18]
    assert values(items, "question_words") == [5]  # the plus sign is no word
    assert values(items, "answer_characters") == [11]
    assert values(items, "answer_words") == [2]


def test_steps_of_a_solution_in_the_manner_of_gsm8k() -> None:
    solution = "She has 3*4=<<3*4=12>>12 eggs.\n\n  She sells 12-2=<<12-2=10>>10.\r\nThat is all.\n#### 10"
    items = make_items(["How many?", "And now?"], solution=[solution, None])
    assert values(items, "solution_lines") == [3, None]
    assert values(items, "solution_operations") == [2, None]


def test_what_no_item_could_have_is_left_out() -> None:
    plain = with_covariates(make_items(["How many?"]))
    assert plain.covariates == (
        "question_characters",
        "question_words",
        "answer_characters",
        "answer_words",
        "readability",
    )
    worked = with_covariates(make_items(["How many?"], solution=["As $1+1=2$, it is $2$."]))
    assert "solution_lines" in worked.covariates
    assert "solution_operations" not in worked.covariates


def test_options_and_instructions_are_counted() -> None:
    instructions = [["punctuation:no_comma", "length_constraints:number_words"], ["punctuation:no_comma"]]
    items = make_items(["a", "b"], choices=[["4", "5", "6"], None], instruction_id_list=instructions)
    assert values(items, "options") == [3, None]
    assert values(items, "instructions") == [2, 1]
    as_json = make_items(["a", "b"], instruction_id_list=['["x:y", "z:w"]', "[broken"])
    assert values(as_json, "instructions") == [2, None]


def test_tokens_are_counted_by_the_tokenizer_that_is_given() -> None:
    items = make_items(["a bb ccc", "d"], solution=[None, "e f"])
    table = with_covariates(items, lambda texts: [len(text) for text in texts]).table
    assert table["question_tokens"].to_list() == [8, 1]
    assert table["solution_tokens"].to_list() == [None, 3]
    assert "question_tokens" not in with_covariates(items).table.columns


def test_a_covariate_that_the_user_supplies_stays_as_it_is() -> None:
    items = make_items(["How many?"] * 2, ("readability", "grade"), readability=[1.5, 2.5], grade=[3, 9])
    found = with_covariates(items)
    assert found.table["readability"].to_list() == [1.5, 2.5]
    assert found.covariates[:2] == ("readability", "grade")
    assert len(set(found.covariates)) == len(found.covariates)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (["Level 3", "Level 5", None, "Level ?"], [3, 5, None, None]),
        (["Grade 10", "Grade 9", "Grade 8", "Grade 8"], [10, 9, 8, 8]),
        (["3", "5", None, "12"], [3, 5, None, 12]),
        (["?", "?", "?", None], ["?", "?", "?", None]),
        (["Level 3", "4", "5", "6"], ["Level 3", "4", "5", "6"]),
        (["Level 3", "Grade 5", "Level 1", "Level 2"], ["Level 3", "Grade 5", "Level 1", "Level 2"]),
        (["Level 3", "hard", "Level 1", "Level 2"], ["Level 3", "hard", "Level 1", "Level 2"]),
        ([None, None, None, None], [None, None, None, None]),
    ],
)
def test_a_word_with_a_number_is_the_number(given_: list[str | None], expected: list[object]) -> None:
    items = make_items(["a", "b", "c", "d"], ("level",), level=pl.Series(given_, dtype=pl.String))
    assert values(items, "level") == expected


def test_the_same_text_in_another_unicode_form_has_the_same_covariates() -> None:
    text = "Où est l’été de Zoë? 数学は難しい。 😀👍🏽 שלום\u00a0עולם"
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert len(composed) < len(decomposed)
    table = with_covariates(make_items([composed, decomposed])).table
    for name in ("question_characters", "question_words"):
        assert table[name].n_unique() == 1
    assert table["question_characters"][0] == len(composed)
    assert table["question_words"][0] == 8  # emoji are no words, a no-break space parts words


@pytest.mark.parametrize("piece", ["a", "-", ".", "<<", "A. ", "!?)", "\u0301", "a\n", "####\n", "<<1=", "[" * 9])
def test_a_line_of_100_kilobytes_is_read_like_any_other(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    table = with_covariates(make_items([text, "short"], solution=[text, "x"], level=[text, "y"])).table
    assert table["question_words"][0] == sum(any(c.isalnum() for c in word) for word in text.split())


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=5))
def test_any_text_has_counts_that_make_sense(texts: list[str]) -> None:
    table = with_covariates(make_items(texts, solution=texts, answer=texts)).table
    assert (table["question_words"] <= table["question_characters"]).all()
    assert (table["solution_lines"] >= 0).all()
    wordless = (table["question_words"] == 0).all()
    assert wordless if "readability" not in table.columns else table["readability"].is_finite().fill_null(True).all()
    assert table["question"].to_list() == texts


def test_the_rows_keep_their_order_and_the_items_their_text(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    pl.DataFrame(
        {"item": ["b", "a"], "question": ["Q one?", "Q?"], "answer": ["1", "2"], "level": ["Level 2", "Level 1"]}
    ).write_csv(path)
    items = read_items(path)
    found = with_covariates(items)
    assert found.table["item"].to_list() == ["b", "a"]
    assert found.table["level"].to_list() == [2, 1]
    assert found.table.select("question", "answer").equals(items.table.select("question", "answer"))
