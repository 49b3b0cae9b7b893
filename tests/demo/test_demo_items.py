"""The demo's questions are right, distinct and always the same."""

from __future__ import annotations

import json
import re
from importlib import resources

import polars as pl
import pytest

from easyhard.demo.items import FAMILIES, demo_items, number_words, roman
from easyhard.responses import read_responses

SHIPPED = resources.files("easyhard.demo")


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return demo_items().table


def test_around_a_thousand_distinct_items_with_four_choices(table: pl.DataFrame) -> None:
    assert 900 <= table.height <= 1100
    assert table["item"].is_unique().all()
    assert table["question"].is_unique().all()
    assert (table["choices"].list.n_unique() == 4).all()
    assert table.select(pl.col("choices").list.contains(pl.col("answer")))["choices"].all()
    assert set(table["family"]) == set(FAMILIES)


def test_the_items_are_the_same_every_time_and_others_with_another_seed(table: pl.DataFrame) -> None:
    assert demo_items().table.equals(table)
    assert not demo_items(seed=1).table.equals(table)


def test_the_right_choice_stands_in_every_place_about_equally_often(table: pl.DataFrame) -> None:
    rows = table.select("choices", "answer").iter_rows()
    places = pl.Series([choices.index(answer) for choices, answer in rows])
    assert places.value_counts()["count"].to_numpy().min() > 0.2 * table.height


def arithmetic(table: pl.DataFrame) -> list[tuple[str, str]]:
    found = [(re.fullmatch(r"What is ([\d +*/-]+)\?", q), a) for q, a in table.select("question", "answer").iter_rows()]
    return [(match[1], answer) for match, answer in found if match]


def test_arithmetic_answers_are_right_by_an_independent_reckoning(table: pl.DataFrame) -> None:
    checked = arithmetic(table)
    assert len(checked) > 100
    for expression, answer in checked:
        assert eval(expression) == int(answer)


def test_roman_numerals_and_number_words_of_known_numbers() -> None:
    assert [roman(n) for n in (4, 9, 14, 40, 99, 388)] == ["IV", "IX", "XIV", "XL", "XCIX", "CCCLXXXVIII"]
    assert [number_words(n) for n in (0, 13, 20, 45, 300, 512)] == [
        "zero", "thirteen", "twenty", "forty-five", "three hundred", "five hundred and twelve",
    ]  # fmt: skip


def test_the_shipped_responses_are_of_these_items_and_of_a_hundred_real_respondents(table: pl.DataFrame) -> None:
    path = SHIPPED / "responses.parquet"
    responses = read_responses(str(path))
    assert set(responses.items) == set(table["item"])
    assert len(responses.respondents) >= 100
    assert (responses.correct >= 0).all()
    assert len(path.read_bytes()) < 2_000_000
    record = json.loads((SHIPPED / "responses.record.json").read_text())
    assert set(record["respondents"]) == set(responses.respondents)
    for name, correct in zip(responses.respondents, responses.correct, strict=True):
        assert record["respondents"][name]["proportion_correct"] == pytest.approx(correct.mean(), abs=1e-4)


def test_item_accuracies_over_the_population_spread_from_a_tenth_to_nine_tenths() -> None:
    accuracy = read_responses(str(SHIPPED / "responses.parquet")).correct.mean(0)
    assert (accuracy < 0.1).sum() >= 10
    assert (accuracy > 0.9).sum() >= 10
    assert (abs(accuracy - 0.5) < 0.1).sum() >= 50
