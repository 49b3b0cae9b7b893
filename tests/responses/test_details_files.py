"""Details in Parquet: every generation of columns gives the same run, and what is wrong is said, not guessed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from details_trees import flat, leaderboard_file, lighteval_file, put, structs

from easyhard.benchmarks.known_tasks import asked_item, item_of
from easyhard.responses.formats import leaderboard_v1, lighteval
from easyhard.responses.formats.details import mapping, model_name
from easyhard.responses.log import Asked
from easyhard.schema import InputError


@pytest.mark.parametrize("generation", ["columns", "dotted", "struct"])
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("task", ["harness|arc:challenge|25", "harness|arc-challenge|25"])
def test_all_generations_of_the_leaderboard_give_one_run(
    tmp_path: Path, generation: str, as_text: bool, task: str
) -> None:
    file = put(flat(generation, as_text), leaderboard_file(tmp_path, task))
    assert leaderboard_v1.matches(file, file.read_bytes()) and not lighteval.matches(file, file.read_bytes())
    [run] = leaderboard_v1.read(file, Asked()).runs
    assert (run.respondent, run.task, run.metric) == ("Org/Model", "harness|arc:challenge|25", "acc_norm")
    assert run.started == "2023-09-15T09:53:02.418861"
    assert run.correct.tolist() == [1, 0, 1, 1]
    [same] = leaderboard_v1.read(put(flat("struct"), leaderboard_file(tmp_path)), Asked()).runs
    assert list(run.item) == list(same.item)


def test_old_and_new_lighteval_name_the_same_items(tmp_path: Path) -> None:
    old = put(flat("struct"), lighteval_file(tmp_path))
    new = put(structs(), lighteval_file(tmp_path, "arc:challenge|25"))
    for file in (old, new):
        assert lighteval.matches(file, file.read_bytes()) and not leaderboard_v1.matches(file, file.read_bytes())
    [first], [second] = lighteval.read(old, Asked()).runs, lighteval.read(new, Asked(metric="acc")).runs
    assert first.respondent == second.respondent == "Org/Model"
    assert list(first.item) == list(second.item)
    assert list(second.source_id) == ["0", "1", "2", "3"]


def test_references_of_generative_tasks_are_no_options(tmp_path: Path) -> None:
    asked = Asked(metric="acc")
    [options] = lighteval.read(put(structs(), lighteval_file(tmp_path)), asked).runs
    [references] = lighteval.read(put(structs("GENERATIVE"), lighteval_file(tmp_path)), asked).runs
    assert not set(options.item) & set(references.item)


def test_an_example_that_occurs_twice_is_dropped_wholly_and_reported(tmp_path: Path) -> None:
    table = flat("struct")
    read = leaderboard_v1.read(put(pl.concat([table, table[1:2]]), leaderboard_file(tmp_path)), Asked())
    assert read.rows == 5 and len(read.runs[0].item) == 3
    assert [broken.line for broken in read.broken] == [2, 5]


def test_the_model_is_taken_from_the_results_then_from_the_user_else_asked_for(tmp_path: Path) -> None:
    file = put(flat("struct"), tmp_path / "details_harness|arc:challenge|25_2023-08-19T16:35:46.942696.parquet")
    with pytest.raises(InputError, match="--respondent"):
        leaderboard_v1.read(file, Asked())
    assert leaderboard_v1.read(file, Asked(respondent="Me")).runs[0].respondent == "Me"
    results = tmp_path / "results_2023-08-19T16:35:46.942696.json"
    results.write_text(json.dumps({"config_general": {"model_name": "Org/Other"}}))
    assert leaderboard_v1.read(file, Asked(respondent="Me")).runs[0].respondent == "Org/Other"


def test_a_model_is_never_a_path() -> None:
    assert model_name("/home/me/model") == model_name("../model") == "model"
    assert model_name("Org/a\nb") == "Org/a b"
    assert model_name("../") is None


def test_fractions_without_a_threshold_ask_for_one(tmp_path: Path) -> None:
    table = flat("columns").rename({"acc": "mc1", "acc_norm": "mc2"}).with_columns(mc2=pl.lit(0.4))
    file = put(table, leaderboard_file(tmp_path, "harness|truthfulqa-mc|0"))
    with pytest.raises(InputError, match="--threshold"):
        leaderboard_v1.read(file, Asked())
    assert leaderboard_v1.read(file, Asked(metric="mc1")).runs[0].correct.tolist() == [1, 0, 1, 1]


def test_other_columns_are_named(tmp_path: Path) -> None:
    file = put(pl.DataFrame({"apples": [1]}), leaderboard_file(tmp_path))
    for reader in (leaderboard_v1, lighteval):
        assert not reader.matches(file, file.read_bytes())
        with pytest.raises(InputError, match="apples"):
            reader.read(file, Asked())


def test_an_item_has_one_name_whether_its_parts_come_in_a_document_or_apart() -> None:
    assert asked_item("gsm8k", "What?", "7", ["7", "8"]) == item_of("gsm8k", {"question": "What?", "answer": "#### 7"})
    document = {"question": "What?", "answer": "B", "options": ["8", "7"]}
    assert asked_item("mmlu_pro", "What?", "7", ["7", "8"]) == item_of("mmlu_pro", document)
    assert asked_item("mmlu_pro", "What?", "8", ["7", "8"]) != item_of("mmlu_pro", document)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{'acc': 1, 'acc_norm': 0.0}", {"acc": 1, "acc_norm": 0.0}),
        ("{'acc': np.float64(1.0), 'mrr': nan}", {"acc": 1.0, "mrr": None}),
        ("[1]", {}),
        ("{'acc': ", {}),
        (None, {}),
        ("__import__('os').getcwd()", {}),
    ],
)
def test_metrics_written_as_text_are_read_and_nothing_in_them_is_run(
    text: str | None, found: dict[str, object]
) -> None:
    assert mapping(text) == found
