"""Real benchmark text, where it lies beside the checkout: every row is an item, and its answer is understood."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from easyhard.benchmarks import completions, number, prompts
from easyhard.benchmarks.catalogue import BENCHMARKS
from easyhard.benchmarks.loading import LoadedItems, load

ITEMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "items"
pytestmark = pytest.mark.skipif(not ITEMS.is_dir(), reason="the benchmarks' real text is not beside this checkout")

Row = Mapping[str, Any]
# File -> a row of it in the shape that the source has.
SHAPES: dict[str, tuple[str, Callable[[Row], Row]]] = {
    "arc_challenge": (
        "arc_challenge_test.parquet",
        lambda row: {
            "question": row["question"],
            "choices": {"text": row["choices"], "label": list("ABCDE")[: len(row["choices"])]},
            "answerKey": row["answer"],
        },
    ),
    "gsm8k": ("gsm8k_test.parquet", lambda row: {"question": row["question"], "answer": row["solution"]}),
    "bbh": ("bbh.parquet", lambda row: {"input": row["question"], "target": row["answer"], "subset": row["task"]}),
    "math": (
        "math_test.parquet",
        lambda row: {
            "problem": row["question"],
            "solution": row["solution"],
            "level": row["level"],
            "type": row["subject"],
        },
    ),
    "ifeval": (
        "ifeval.parquet",
        lambda row: {
            "prompt": row["question"],
            "instruction_id_list": row["instruction_id_list"],
            "kwargs": json.loads(row["kwargs"]),
        },
    ),
}


def loaded(name: str, folder: Path) -> tuple[LoadedItems, pl.DataFrame]:
    """The benchmark from rows of its source's shape, and the table that they were made of."""
    file, shape = SHAPES[name]
    if not (ITEMS / file).is_file():
        pytest.skip(f"{file} is not there")
    table = pl.read_parquet(ITEMS / file)
    raw = folder / "rows.jsonl"
    raw.write_text("".join(json.dumps(shape(row)) + "\n" for row in table.iter_rows(named=True)), encoding="utf-8")
    return load(BENCHMARKS[name], raw), table


@pytest.mark.parametrize("name", SHAPES)
def test_every_row_is_an_item_that_can_be_asked(name: str, tmp_path: Path) -> None:
    found, _ = loaded(name, tmp_path)
    assert found.unusable == ()
    assert found.rows - found.others == BENCHMARKS[name].source.rows
    assert len(found.items.table) == found.rows - found.others - found.duplicates
    assert all(prompt.strip() for prompt in prompts(found.items, BENCHMARKS[name].spec))


def test_answers_of_gsm8k_are_numbers_and_its_solutions_have_no_marks(tmp_path: Path) -> None:
    found, table = loaded("gsm8k", tmp_path)
    answers = [number(text) for text in found.items.table["answer"]]
    assert answers == [number(text) for text in table["answer"]] and None not in answers
    taught = completions(found.items, BENCHMARKS["gsm8k"].spec)
    assert not [text for text in taught if "<<" in text or "####" in text]


def test_answers_of_math_are_those_in_the_last_box(tmp_path: Path) -> None:
    found, table = loaded("math", tmp_path)
    hardest = table.filter(pl.col("level") == "Level 5")
    assert found.items.table["answer"].to_list() == hardest["answer"].str.strip_chars().to_list()


def test_letters_of_arc_name_the_right_choice(tmp_path: Path) -> None:
    found, table = loaded("arc_challenge", tmp_path)
    right = [choices["ABCDE".index(letter)] for choices, letter in table.select("choices", "answer").iter_rows()]
    assert found.items.table["answer"].to_list() == right


def test_bbh_has_250_items_of_each_subtask_but_for_repeated_ones(tmp_path: Path) -> None:
    found, _ = loaded("bbh", tmp_path)
    sizes = dict(found.items.table["subset"].value_counts().iter_rows())
    assert (len(sizes), sum(sizes.values()) + found.duplicates) == (21, 21 * 250)


def test_math_verify_reads_every_answer_of_math(tmp_path: Path) -> None:
    math_verify = pytest.importorskip("math_verify", reason="the extra [llm] is not installed")
    found, _ = loaded("math", tmp_path)
    unread = [text for text in found.items.table["answer"] if not math_verify.parse(f"${text}$", parsing_timeout=None)]
    assert unread == []
