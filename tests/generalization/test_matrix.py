from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_study import Study

from easyhard.generalization import TrainedRun, evaluation_items, generalization
from easyhard.schema import GeneralizationMatrix, InputError, Responses


def built(study: Study, runs: list[TrainedRun]) -> GeneralizationMatrix:
    return generalization(study.bins, {"m": study.pattern(lambda j: 20)}, runs)


def cell(matrix: GeneralizationMatrix, train_bin: int, eval_bin: int) -> dict[str, object]:
    return matrix.cells.row(
        by_predicate=(pl.col("train_bin") == train_bin) & (pl.col("eval_bin") == eval_bin), named=True
    )


def test_gains_are_trained_minus_zero_shot_on_the_items_of_the_bin() -> None:
    study = Study()
    matrix = built(study, study.runs(lambda i, j: 20 + 4 * (i == j) - 2 * (j == 0), seeds=2))
    own = cell(matrix, 3, 3)
    assert own["accuracy"] == pytest.approx(0.6)
    assert own["zero_shot_accuracy"] == pytest.approx(0.5)
    assert own["gain"] == pytest.approx(0.1)
    assert (own["n"], own["n_seeds"], own["status"]) == (40, 2, "done")
    assert cell(matrix, 3, 0)["gain"] == pytest.approx(-0.05)
    assert (len(matrix.runs), len(matrix.cells)) == (50, 25)
    assert matrix.runs.columns[:4] == ["model", "train_bin", "eval_bin", "seed"]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_items_and_runs_changes_nothing(random: np.random.Generator) -> None:
    study = Study(count=3, n_items=8)
    runs = study.runs(lambda i, j: 4 + (i == j), seeds=2)
    items = list(study.items)
    random.shuffle(items)
    shuffled = [replace(run, responses=run.responses.select(items)) for run in runs if run.responses]
    random.shuffle(shuffled)
    zero_shot = study.pattern(lambda j: 4)
    first = generalization(study.bins, {"m": zero_shot}, runs)
    second = generalization(study.bins, {"m": zero_shot.select(items)}, shuffled)
    assert first.runs.equals(second.runs)
    assert first.cells.equals(second.cells)
    assert first.tests == second.tests


def test_failed_and_absent_runs_have_their_status_and_no_numbers() -> None:
    study = Study()
    runs = study.runs(lambda i, j: 22, seeds=2)
    broken = [
        replace(run, responses=None) if run.train_bin == 1 else run
        for run in runs
        if run.train_bin != 2 and (run.train_bin, run.seed) != (3, 1)
    ]
    matrix = built(study, broken)
    assert len(matrix.runs) == 50
    status = dict(matrix.runs.group_by("status").len().iter_rows())
    assert status == {"done": 25, "failed": 10, "missing": 15}
    numbers = ["accuracy", "zero_shot_accuracy", "gain", "low", "high", "p_value", "n"]
    assert matrix.runs.filter(pl.col("status") != "done").select(pl.col(numbers).is_null().all()).row(0) == (True,) * 7
    assert [cell(matrix, row, 0)["status"] for row in range(5)] == [
        "done",
        "failed",
        "missing",
        "done",
        "done",
    ]
    assert [cell(matrix, row, 0)["n_seeds"] for row in range(5)] == [2, 0, 0, 1, 2]
    json.dumps(matrix.tests)


def test_a_model_without_any_run_is_missing_and_not_an_error() -> None:
    study = Study()
    matrix = built(study, [])
    assert matrix.cells["status"].unique().to_list() == ["missing"]
    json.dumps(matrix.tests)


def test_missing_responses_are_left_out_in_pairs() -> None:
    study = Study(count=3, n_items=10)
    zero_shot = np.zeros(30, dtype=np.int8)
    trained = np.ones(30, dtype=np.int8)
    zero_shot[0] = trained[1] = -1
    runs = [TrainedRun("m", i, 0, study.responses(trained)) for i in range(3)]
    matrix = generalization(study.bins, {"m": study.responses(zero_shot)}, runs)
    assert cell(matrix, 0, 0)["n"] == 8
    assert cell(matrix, 0, 0)["gain"] == pytest.approx(1.0)


def test_without_held_out_items_the_diagonal_is_marked() -> None:
    study = Study(held_out=0.0)
    matrix = built(study, study.runs(lambda i, j: 21))
    for table in (matrix.runs, matrix.cells):
        marked = table.filter("trained_on_these_items")
        assert len(marked) == 5
        assert (marked["train_bin"] == marked["eval_bin"]).all()
    assert not built(Study(), Study().runs(lambda i, j: 21)).cells["trained_on_these_items"].any()


def test_a_bin_is_evaluated_on_its_held_out_items() -> None:
    study = Study(count=2, n_items=4)
    table = study.table.with_columns(split=pl.Series(["train", "train", "train", "held_out"] * 2))
    assert evaluation_items(replace(study.bins, table=table), 1) == ["item/7"]


def test_tests_are_plain_and_agree_with_the_cells() -> None:
    study = Study()
    # Bin 1 helps everything, bin 4 harms everything, the others do nothing.
    matrix = built(study, study.runs(lambda i, j: {1: 36, 4: 4}.get(i, 20)))
    tests = matrix.tests["m"]
    assert json.loads(json.dumps(tests)) == tests
    assert tests["improves_every_bin"]["bins"] == [1]
    assert tests["changed_cells"]["value"] == 10
    assert tests["changed_cells"]["n_up"] == 5
    assert tests["best_train_bin"]["bins"] == [1]
    assert tests["best_train_bin"]["value"] == pytest.approx(0.4)
    assert tests["lead_of_best"]["direction"] == 1
    assert tests["easy_to_hard"]["value"] == pytest.approx(0.4 * 3 / 10)
    assert tests["hard_to_easy"]["value"] == pytest.approx((0.4 - 4 * 0.4) / 10)
    sentences = [test["sentence"] for test in tests.values() if isinstance(test, dict)]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_the_own_bin_is_compared_within_evaluation_bins() -> None:
    study = Study()
    matrix = built(study, study.runs(lambda i, j: 20 + 2 * j + (8 if i == j else 0)))
    tests = matrix.tests["m"]
    assert tests["own_bin_advantage"]["value"] == pytest.approx(0.2)
    assert tests["own_bin_advantage"]["direction"] == 1
    assert tests["easier_minus_harder"]["value"] == pytest.approx(0.0)


def test_holm_is_over_the_cells_of_one_model() -> None:
    study = Study()
    runs = study.runs(lambda i, j: 20 + 8 * (i == j))
    other = [replace(run, model="other") for run in runs]
    zero_shot = study.pattern(lambda j: 20)
    one = generalization(study.bins, {"m": zero_shot}, runs)
    two = generalization(study.bins, {"m": zero_shot, "other": zero_shot}, runs + other)
    assert two.cells.filter(pl.col("model") == "m").equals(one.cells)
    assert (one.cells["p_holm"] >= one.cells["p_value"]).all()


def test_bad_calls_are_refused_with_the_place() -> None:
    study = Study()
    good = study.runs(lambda i, j: 21)
    two = Responses(np.zeros((2, 200), dtype=np.int8), ("a", "b"), study.items)
    few = study.pattern(lambda j: 3).select(study.items[:50])
    for runs, words in [
        ([replace(good[0], model="other")], "No zero-shot responses of 'other'"),
        ([replace(good[0], train_bin=5)], "there is no bin 5"),
        ([good[0], good[0]], "given twice"),
        ([replace(good[0], responses=two)], "on bin 0, seed 0: 2 respondents"),
        ([replace(good[0], responses=few)], "on bin 0, seed 0: .* have no responses"),
    ]:
        with pytest.raises(InputError, match=words):
            built(study, runs)
