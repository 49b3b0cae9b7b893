"""A spec makes prompt, completion and candidates from templates, and refuses what would go wrong in silence."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyhard.benchmarks import BenchmarkSpec, candidates, completions, prompts
from easyhard.schema import InputError, Items

LETTERED = BenchmarkSpec("quiz", "choices", prompt="Question: {question}\n{choices}\nAnswer:\n", completion="{letter}")


def items(**cells: Any) -> Items:
    row = {"item": "a", "question": "Which?", "answer": "red", "choices": ["blue", "red"], "solution": None} | cells
    schema: dict[str, Any] = {
        "item": pl.String, "question": pl.String, "answer": pl.String,
        "choices": pl.List(pl.String), "solution": pl.String,
    }  # fmt: skip
    return Items(pl.DataFrame([row], schema=schema))


def test_the_choices_are_shown_and_the_letter_is_taught() -> None:
    assert prompts(items(), LETTERED) == ["Question: Which?\nA) blue\nB) red\nAnswer:\n"]
    assert completions(items(), LETTERED) == ["B"]
    assert candidates(items(), LETTERED) == [["A", "B"]]


def test_choices_can_be_numbered_and_answered_by_text() -> None:
    spec = BenchmarkSpec("quiz", "choices", prompt="{question}\n\n{choices}\nAnswer:", choice="{number} - {answer}")
    assert prompts(items(), spec) == ["Which?\n\n1 - blue\n2 - red\nAnswer:"]
    assert completions(items(), spec) == ["red"]
    assert candidates(items(), spec) == [["blue", "red"]]


def test_a_solution_is_taught_before_the_answer() -> None:
    spec = BenchmarkSpec("sums", "last_number", completion="{solution}\nSo the answer is {answer}")
    found = completions(items(answer="4", choices=None, solution="2 + 2 = 4"), spec)
    assert found == ["2 + 2 = 4\nSo the answer is 4"]


@given(st.text(min_size=1).filter(str.strip), st.lists(st.text(min_size=1), min_size=2, max_size=30, unique=True))
def test_text_with_braces_is_never_taken_for_a_placeholder(question: str, choices: list[str]) -> None:
    question = "{choices} {answer} {question} " + question
    table = items(question=question, choices=choices, answer=choices[-1])
    spec = BenchmarkSpec("quiz", "choices", prompt="{question}|{choices}", choice="{answer}")
    assert prompts(table, spec) == [f"{question}|" + "\n".join(choices)]
    assert candidates(table, spec)[0] == choices
    assert completions(table, spec)[0] == choices[-1]


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ({"prompt": "Answer:"}, r"does not contain \{question\}"),
        ({"prompt": "{question} {choises}"}, r"contains \{choises\}.*Did you mean 'choices'"),
        ({"completion": "solution"}, "the same for every item"),
        ({"completion": "{Letter}"}, "the same for every item"),
        ({"choice": "{solution}"}, r"contains \{solution\}"),
        ({"completion": "{solution}"}, "which only the right choice has"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused(setting: dict[str, Any], finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        BenchmarkSpec("quiz", "choices", **setting)


def test_an_item_that_lacks_what_the_template_wants_is_named() -> None:
    with pytest.raises(InputError, match="item 'a' has no choices, but the prompt of quiz shows them"):
        prompts(items(choices=None), LETTERED)
    with pytest.raises(InputError, match="item 'a' has no letter to train on"):
        completions(items(answer="green"), LETTERED)
    with pytest.raises(InputError, match="item 'a' has no solution to train on"):
        completions(items(), BenchmarkSpec("sums", "exact", completion="{solution}"))
