"""Loading a benchmark: from a file of any kind, a folder, the hub; what is left out is counted and named."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from raw_rows import BBH, GPQA, GSM8K, MUSR, ROWS
from small_hub import COMMIT, SmallHub, serving

from easyhard.benchmarks.benchmark import Benchmark, Fields, Source, Text
from easyhard.benchmarks.catalogue import BBH_SUBSETS, BENCHMARKS
from easyhard.benchmarks.loading import load, load_items
from easyhard.benchmarks.raw_texts import last_boxed, texts
from easyhard.benchmarks.spec import BenchmarkSpec
from easyhard.schema import InputError, WorkError

PLAIN = Benchmark(BenchmarkSpec("riddles", "exact"), Source(), Fields(Text(("question",)), Text(("answer",))))


def lines(file: Path, *rows: Mapping[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def as_csv(file: Path, *rows: Mapping[str, Any]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.mark.parametrize("name", BENCHMARKS)
def test_csv_parquet_and_json_lines_hold_the_same_items(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    written = {key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in row.items()}
    pl.DataFrame([row]).write_parquet(tmp_path / "rows.parquet")
    files = [
        lines(tmp_path / "rows.jsonl", row),
        tmp_path / "rows.parquet",
        as_csv(tmp_path / "rows.csv", written),
        as_csv(tmp_path / "python.csv", row),  # lists as Python writes them
    ]
    first, *others = [load(BENCHMARKS[name], file) for file in files]
    assert (first.rows, first.unusable) == (1, ())
    for other in others:
        assert other.items.table.equals(first.items.table) and other.items.covariates == first.items.covariates


def test_a_repeated_item_is_kept_once_and_counted(tmp_path: Path) -> None:
    other = GSM8K | {"question": "How many legs have two spiders?", "answer": "2 * 8 = 16\n#### 16"}
    found = load(BENCHMARKS["gsm8k"], lines(tmp_path / "rows.jsonl", GSM8K, other, GSM8K))
    assert found.items.table["question"].to_list() == [GSM8K["question"], other["question"]]
    assert (found.rows, found.duplicates) == (3, 1)
    assert found.notes(BENCHMARKS["gsm8k"]) == [
        "1 row of gsm8k held an earlier row's item.",
        "gsm8k has 3 rows here and 1,319 at its source.",
    ]


def test_a_row_that_cannot_be_used_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    no_answer = GSM8K | {"question": "How?", "answer": "It goes on without a last line."}
    found = load(BENCHMARKS["gsm8k"], lines(tmp_path / "rows.jsonl", no_answer, GSM8K, GSM8K | {"question": " "}))
    assert found.unusable == ("row 1 of rows.jsonl has no answer", "row 3 of rows.jsonl has no question")
    assert "2 rows of gsm8k could not be used: row 1 of rows.jsonl" in found.notes(BENCHMARKS["gsm8k"])[0]
    with pytest.raises(InputError, match=r"is an item of gsm8k\. First: row 1 of rows.jsonl has no answer"):
        load(BENCHMARKS["gsm8k"], lines(tmp_path / "bad.jsonl", no_answer).rename(tmp_path / "rows.jsonl"))


@pytest.mark.parametrize(
    ("change", "lack"),
    [
        ({"Incorrect Answer 1": "helium"}, "has its answer more than once among its choices"),
        ({"Incorrect Answer 1": None}, "has fewer than two choices, or an empty one"),
        ({"Incorrect Answer 1": "  "}, "has fewer than two choices, or an empty one"),
        ({"Incorrect Answer 1": "ne\0on"}, "has a NUL character (U+0000)"),
    ],
)
def test_unfit_choices_are_named(change: dict[str, Any], lack: str, tmp_path: Path) -> None:
    found = load(BENCHMARKS["gpqa_extended"], lines(tmp_path / "rows.jsonl", GPQA | change, GPQA))
    assert found.unusable == (f"row 1 of rows.jsonl {lack}",)


@pytest.mark.parametrize("kwargs", ["[[", [{}], [1, 2], "{}", None, ["a", {}]])
def test_arguments_that_are_none_are_no_answer(kwargs: object, tmp_path: Path) -> None:
    rows = [ROWS["ifeval"] | {"kwargs": kwargs}, ROWS["ifeval"]]
    found = load(BENCHMARKS["ifeval"], lines(tmp_path / "rows.jsonl", *rows))
    assert found.unusable == ("row 1 of rows.jsonl has no answer",)


@pytest.mark.parametrize(
    "choices", ["[" * 3000, "{}", {"text": "abc"}, {"text": [], "label": []}, {"label": ["A"]}, 7, None]
)
def test_choices_of_another_shape_are_named(choices: object, tmp_path: Path) -> None:
    rows = [ROWS["arc_challenge"] | {"choices": choices}, ROWS["arc_challenge"]]
    found = load(BENCHMARKS["arc_challenge"], lines(tmp_path / "rows.jsonl", *rows))
    assert found.unusable == ("row 1 of rows.jsonl has fewer than two choices, or an empty one",)


def test_what_is_said_of_rows_holds_nothing_of_their_text(tmp_path: Path) -> None:
    found = load(
        BENCHMARKS["gpqa_extended"], lines(tmp_path / "r.jsonl", GPQA | {"Incorrect Answer 1": None}, GPQA, GPQA)
    )
    said = " ".join([*found.unusable, *found.notes(BENCHMARKS["gpqa_extended"])])
    assert "row 1 of r.jsonl" in said and "1 row of gpqa_extended held" in said
    assert not [text for text in GPQA.values() if text.strip() in said]


def test_a_label_that_names_no_choice_is_no_answer(tmp_path: Path) -> None:
    found = load(BENCHMARKS["musr"], lines(tmp_path / "team_allocation.csv", MUSR | {"answer_index": 2}, MUSR))
    assert found.unusable == ("row 1 of team_allocation.csv has its answer nowhere among its choices",)


def test_an_item_table_is_taken_as_it_is(tmp_path: Path) -> None:
    row = {"item": "mine/1", "question": "Two and two?", "answer": "4", "grade": 1}
    items = load_items(BENCHMARKS["gsm8k"], lines(tmp_path / "items.jsonl", row))
    assert items.table.select("item", "answer").rows() == [("mine/1", "4")]
    assert items.covariates == ("grade",)
    lettered = row | {"answer": "B", "choices": ["3", "4"]}
    items = load_items(BENCHMARKS["arc_challenge"], lines(tmp_path / "items.jsonl", lettered), answer_is="letter")
    assert items.table["answer"].to_list() == ["4"]


def test_rows_of_another_shape_are_refused_with_the_columns_that_are_needed(tmp_path: Path) -> None:
    file = lines(tmp_path / "rows.jsonl", {"problem": "p", "solutions": "s", "level": "Level 5"})
    with pytest.raises(InputError) as refused:
        load_items(BENCHMARKS["math"], file)
    assert "has no column 'solution', but rows of math have 'problem', 'solution', 'level'" in str(refused.value)
    assert "Did you mean 'solutions'?" in str(refused.value)


def test_subsets_are_told_by_a_column_by_a_file_or_by_a_folder_of_files(tmp_path: Path) -> None:
    row = {key: value for key, value in ROWS["musr"].items() if key != "subset"}
    with pytest.raises(InputError, match="has no column 'subset'"):
        load_items(BENCHMARKS["musr"], lines(tmp_path / "rows.jsonl", row))
    by_column = load_items(BENCHMARKS["musr"], lines(tmp_path / "rows.jsonl", ROWS["musr"]))
    by_file = load_items(BENCHMARKS["musr"], lines(tmp_path / "object_placements.csv", row))
    assert by_file.table.equals(by_column.table)
    for subset in BBH_SUBSETS:
        lines(tmp_path / "bbh" / subset / "test-00000-of-00001.parquet", BBH["navigate"])
    by_folder = load_items(BENCHMARKS["bbh"], tmp_path / "bbh")
    assert by_folder.table["subset"].to_list() == list(BBH_SUBSETS)
    (tmp_path / "bbh" / "navigate" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match=r"lacks 1 of the 21 files of bbh: '\*navigate\*.parquet'"):
        load_items(BENCHMARKS["bbh"], tmp_path / "bbh")


def test_rows_of_subsets_that_are_no_part_of_the_benchmark_are_left_out(tmp_path: Path) -> None:
    rows = [BBH["navigate"] | {"subset": subset} for subset in ("navigate", "snarks")]
    found = load(BENCHMARKS["bbh"], lines(tmp_path / "rows.jsonl", *rows))
    assert (found.items.table["subset"].to_list(), found.others) == (["navigate"], 1)


def test_a_benchmark_without_a_source_asks_for_one() -> None:
    with pytest.raises(InputError, match=r"riddles has no source. Say where its rows are: items.path"):
        load_items(PLAIN)


def test_the_last_box_counts_and_its_braces_are_balanced() -> None:
    assert last_boxed(r"\boxed{1} then $\boxed{\frac{1}{\sqrt{2}}}$.") == r"\frac{1}{\sqrt{2}}"
    assert last_boxed(r"\fbox{7}") == "7"
    assert last_boxed(r"$\boxed{\left\{1, 2\right.}$") == r"\left\{1, 2\right."
    assert last_boxed(r"so $\boxed 7$ is it") == "7"
    assert last_boxed(r"\boxed{never closed") is None
    assert last_boxed("no box") is None


def test_texts_are_joined_searched_and_cleaned_in_that_order() -> None:
    raw = pl.DataFrame({"a": ["x=1 x=2", None], "b": ["x=3!", "x=4"]})
    assert texts(raw, Text(("a", "b"), join="; ")).to_list() == ["x=1 x=2; x=3!", None]
    assert texts(raw, Text(("b", "a"), find=r"x=(\d)")).to_list() == ["2", None]
    assert texts(raw, Text(("b",), remove=("!", "x="))).to_list() == ["3", "4"]
    assert texts(raw, Text(("c",))).to_list() == [None, None]


RIDDLES = replace(PLAIN, source=Source("Org/Riddles", COMMIT, files={"": "data/test-*.jsonl"}))
RIDDLE = json.dumps({"question": "What has hands and cannot clap?", "answer": "a clock"}).encode()
FILES = {"data/test-0.jsonl": RIDDLE, "data/train-0.jsonl": b"{}", "riddles.py": b"raise SystemExit(1)"}


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[SmallHub], None]:
    """Points the hub's client at a hub, with a cache of its own."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="the extra [hub] is not installed")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return lambda hub: monkeypatch.setenv("HF_ENDPOINT", hub.url)


def test_without_a_path_the_source_is_fetched_its_data_alone(
    reach: Callable[[SmallHub], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(SmallHub(FILES)) as hub:
        reach(hub)
        items = load_items(RIDDLES)
    assert items.table.select("question", "answer").rows() == [("What has hands and cannot clap?", "a clock")]
    assert set(hub.got) == {"data/test-0.jsonl"}
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load_items(RIDDLES).table.equals(items.table)
    with pytest.raises(WorkError, match=r"the data set Org/Riddles .*could not be fetched"):
        load_items(replace(RIDDLES, source=replace(RIDDLES.source, revision="c" * 40)))


def test_a_gated_source_says_how_to_be_let_in(reach: Callable[[SmallHub], None]) -> None:
    with serving(SmallHub(FILES, gated=True)) as hub:
        reach(hub)
        with pytest.raises(InputError, match=r"is gated: accept its terms on https://huggingface.co/datasets/Org/Ri"):
            load_items(RIDDLES)


def test_a_source_that_the_hub_does_not_have_is_a_mistake(reach: Callable[[SmallHub], None]) -> None:
    with serving(SmallHub(FILES)) as hub:
        reach(hub)
        with pytest.raises(InputError, match="the hub shows no data set Org/Other"):
            load_items(replace(RIDDLES, source=replace(RIDDLES.source, dataset="Org/Other")))
