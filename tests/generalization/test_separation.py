"""Bins by difficulty against bins by a covariate: the one that made the answers is found, nothing where neither did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_up_study import Study

from easyhard.generalization import TrainedRun, answer, generalization
from easyhard.generalization.separation import SCHEMA, separation
from easyhard.schema import Bins, FloatArray, Items, Responses


class Made:
    """A simulated study whose answers follow one column of its items."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.study = Study(count=5, n_items=60)
        n = len(self.study.items)
        split = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("train")).otherwise(pl.lit("held_out"))
        self.bins = Bins(self.study.table.with_columns(split=split), self.study.bins.edges, 0.5)
        self.columns = {"steps": rng.integers(1, 7, n), "noise": rng.normal(size=n)}
        self.rng = rng

    def items(self) -> Items:
        table = pl.DataFrame(
            {"item": self.study.items, **self.columns, "topic": ["a", "b"] * (len(self.study.items) // 2)}
        )
        texts = [pl.lit("q").alias(name) for name in ("question", "answer")]
        nothing = [pl.lit(None, pl.List(pl.String)).alias("choices"), pl.lit(None, pl.String).alias("solution")]
        return Items(table.with_columns(*texts, *nothing), ("steps", "noise", "topic"))

    def answers(self, chance: FloatArray) -> Responses:
        return self.study.responses((self.rng.random(len(chance)) < chance).astype(np.int8))


def rank(values: FloatArray) -> FloatArray:
    ranks: FloatArray = np.argsort(np.argsort(values, kind="stable"), kind="stable") / (len(values) - 1)
    return ranks


def test_answers_that_follow_difficulty_are_separated_by_it() -> None:
    made = Made()
    hard = rank(made.study.table["difficulty"].to_numpy())
    runs = [
        TrainedRun(
            "m", row, 0, made.answers(np.clip(0.8 - 0.6 * hard + 0.25 - 0.12 * np.abs(made.study.bin_of - row), 0, 1))
        )
        for row in range(5)
    ]
    table = separation(made.bins, {"m": made.answers(0.9 - 0.8 * hard)}, runs, made.items())
    assert table.schema == SCHEMA and table["covariate"].to_list() == ["steps", "noise"]  # words have no order
    assert (table["accuracy_low"] > 0).all() and (table["fall_low"] > 0).all()
    assert table["accuracy_difficulty"].to_numpy().min() > 0.1 > np.abs(table["accuracy_covariate"].to_numpy()).max()
    assert table["sentence"][0].startswith("Bins by difficulty separate zero-shot accuracy better")
    assert "tells the gain better by difficulty" in table["sentence"][0]
    matrix = replace(generalization(made.bins, {}, []), separation=table)
    assert answer(matrix, made.bins) == (
        "Difficulty held against steps and noise. Which items the untrained model gets right: bins by difficulty tell "
        "it better in both comparisons. How much training gains: distance in difficulty tells it better in both "
        "comparisons."
    )


BETTER, WORSE, OPEN = (0.1, 0.3), (-0.3, -0.1), (-0.1, 0.1)


@pytest.mark.parametrize(
    ("leads", "said"),
    [
        ([BETTER], "bins by difficulty tell it better"),
        ([OPEN], "the data leave open what tells it better"),
        ([OPEN] * 3, "the data leave open what tells it better in all 3 comparisons"),
        ([BETTER, WORSE, OPEN], "bins by difficulty tell it better in 1 of 3 comparisons, worse in 1; 1 is open"),
        ([OPEN, WORSE, OPEN], "bins by difficulty tell it worse in 1 of 3 comparisons; 2 are open"),
    ],
)
def test_what_difficulty_tells_is_said_with_what_stays_open(leads: list[tuple[float, float]], said: str) -> None:
    made = Made()
    names = ("model", "covariate", "accuracy_low", "accuracy_high", "fall_lead")
    rows = [("m", f"c{k}", low, high, None) for k, (low, high) in enumerate(leads)]
    table = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in names}, orient="row")
    text = answer(replace(generalization(made.bins, {}, []), separation=table), made.bins)
    assert text.endswith(f"Which items the untrained model gets right: {said}.")


def test_answers_that_follow_the_covariate_are_separated_by_it() -> None:
    made = Made()
    steps = made.columns["steps"].astype(np.float64)
    table = separation(made.bins, {"m": made.answers(1 - steps / 7)}, [], made.items())
    first = table.row(by_predicate=pl.col("covariate") == "steps", named=True)
    assert first["accuracy_high"] < 0 and first["fall_lead"] is None
    assert first["sentence"].startswith("Bins by steps separate zero-shot accuracy better")


def test_where_neither_separates_the_interval_seldom_says_otherwise() -> None:
    wrong, repeats = 0, 60
    for seed in range(repeats):
        made = Made(seed)
        runs = [TrainedRun("m", row, 0, made.answers(np.full(300, 0.5))) for row in range(5)]
        row = separation(made.bins, {"m": made.answers(np.full(300, 0.5))}, runs, made.items()).row(1, named=True)
        wrong += sum(not row[f"{what}_low"] <= 0 <= row[f"{what}_high"] for what in ("accuracy", "fall"))
    assert wrong / (2 * repeats) <= 0.09


def test_the_order_of_the_items_changes_nothing_but_ties() -> None:
    made = Made()
    made.columns = {"noise": made.columns["noise"], "steps": made.rng.permutation(300)}
    items = replace(made.items(), covariates=("noise",))
    zero_shot = {"m": made.answers(np.full(300, 0.5))}
    one = separation(made.bins, zero_shot, [], items)
    other = separation(made.bins, zero_shot, [], Items(items.table.reverse(), items.covariates))
    assert one["accuracy_lead"].to_list() == pytest.approx(other["accuracy_lead"].to_list())


def test_too_few_items_for_so_many_bins_have_no_row() -> None:
    made = Made()
    values = pl.Series([float(k) if k < 20 else None for k in range(300)])
    items = made.items()
    few = Items(items.table.with_columns(steps=values), ("steps",))
    assert separation(made.bins, {"m": made.answers(np.full(300, 0.5))}, [], few).is_empty()
