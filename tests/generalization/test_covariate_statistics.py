"""Covariates against difficulty: what a study of them promises, on made-up items with known relations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from easyhard.generalization.covariates import CovariateCorrelation, CovariateStudy, covariate_study
from easyhard.generalization.ridge import predict
from easyhard.schema import Calibration, InputError, ItemBank, Items

CALIBRATION = Calibration("rasch", 100, 0, 0.0, 1.0, -1.0, 1, "made up")


def make_bank(difficulty: Any, standard_error: float = 0.1, flag: Any = "") -> ItemBank:
    difficulty = np.asarray(difficulty, dtype=np.float64)
    table = pl.DataFrame({"item": [f"i{k:05d}" for k in range(len(difficulty))], "difficulty": difficulty})
    return ItemBank(
        table.with_columns(
            standard_error=pl.lit(standard_error),
            flag=pl.Series([flag] * len(table)) if flag == "" else pl.Series(flag),
        ),
        CALIBRATION,
    )


def make_items(n: int, **covariates: Any) -> Items:
    names = [f"i{k:05d}" for k in range(n)]
    table = pl.DataFrame({"item": names, "question": names, "answer": names}).with_columns(**covariates)
    return Items(table, tuple(covariates))


def one(study: CovariateStudy, name: str) -> CovariateCorrelation:
    return next(found for found in study.correlations if found.covariate == name)


def drawn(n: int, seed: int = 0) -> tuple[ItemBank, Items]:
    """Difficulty of one part steps, one part topic, one part chance."""
    rng = np.random.default_rng(seed)
    steps, topic = rng.integers(1, 8, n), rng.integers(0, 4, n)
    difficulty = 0.5 * (steps - 4) + np.array([-1.0, 1.0, 0.5, -0.5])[topic] + rng.normal(size=n)
    words = [["algebra", "geometry", "number", "chance"][k] for k in topic]
    return make_bank(difficulty), make_items(n, steps=steps, topic=pl.Series(words), noise=rng.normal(size=n))


def test_a_known_relation_is_recovered() -> None:
    bank, items = drawn(2000)
    study = covariate_study(bank, items)
    steps, topic, noise = (one(study, name) for name in ("steps", "topic", "noise"))
    assert steps.interval and steps.correlation and steps.interval.low > 0.5
    assert topic.interval and topic.kind == "words" and topic.interval.low > 0.3
    assert noise.interval and noise.interval.low < 0 < noise.interval.high
    assert study.prediction and study.prediction.correlation
    # Variances: 0.25 * 4 of steps, 0.625 of topics, 1 of chance.
    explained = (1 + 0.625) / 2.625
    assert study.prediction.interval.low < explained < study.prediction.interval.high
    assert study.prediction.correlation.value > max(steps.correlation, topic.correlation or 0)


def test_covariates_that_say_nothing_predict_nothing() -> None:
    rng = np.random.default_rng(1)
    items = make_items(300, a=rng.normal(size=300), b=rng.integers(0, 3, 300), c=pl.Series(rng.choice(["x", "y"], 300)))
    study = covariate_study(make_bank(rng.normal(size=300)), items)
    prediction = study.prediction
    assert prediction is not None
    assert "All together do not measurably predict difficulty: R squared " in study.reading()
    assert prediction.interval.low < 0.01
    assert -0.05 < prediction.r_squared < 0.02


def test_the_order_of_items_changes_nothing() -> None:
    bank, items = drawn(200)
    shuffled = items.table.sample(fraction=1, shuffle=True, seed=3)
    other = covariate_study(
        ItemBank(bank.table.sample(fraction=1, shuffle=True, seed=4), bank.calibration),
        Items(shuffled, items.covariates),
    )
    found = covariate_study(bank, items)
    assert other.as_dict() == found.as_dict()
    assert found.prediction and other.prediction
    assert np.array_equal(found.prediction.predicted, other.prediction.predicted)


def test_the_seed_draws_the_folds_and_nothing_else() -> None:
    bank, items = drawn(200)
    first, second = covariate_study(bank, items, seed=0), covariate_study(bank, items, seed=1)
    assert first.correlations == second.correlations
    assert first.prediction and second.prediction
    assert first.prediction.r_squared != second.prediction.r_squared
    assert first.prediction.r_squared == pytest.approx(second.prediction.r_squared, abs=0.02)


def test_a_covariate_without_anything_to_say_is_named_and_no_number() -> None:
    n = 120
    nothing = pl.Series([None] * n, dtype=pl.Float64)
    few = pl.Series([1.0, 2.0, 3.0] + [None] * (n - 3))
    items = make_items(
        n,
        empty=nothing,
        not_a_number=pl.Series([np.nan] * n),
        constant=pl.Series([4] * n),
        same_word=pl.Series(["algebra"] * n),
        few=few,
        own_word=pl.Series([f"w{k}" for k in range(n)]),
        lists=pl.Series([[k] for k in range(n)]),
        rank=pl.Series(range(n)),
    )
    study = covariate_study(make_bank(np.random.default_rng(0).normal(size=n)), items)
    assert {found.covariate: found.note for found in study.correlations} == {
        "empty": "no item has a value",
        "not_a_number": "no item has a value",
        "constant": "the same for every item: 4",
        "same_word": "the same for every item: 'algebra'",
        "few": "only 3 items with a value; a correlation asks for 10",
        "own_word": "fewer than two of its words are shared by 5 items each",
        "lists": "holds List(Int64), which is neither numbers nor words",
        "rank": "",
    }
    for found in study.correlations[:-1]:
        assert (found.correlation, found.interval, found.disattenuated) == (None, None, None)
    assert study.prediction is not None and study.prediction.n_columns == 2
    assert "NaN" not in json.dumps(json.loads(msgspec.json.encode(study.as_dict())))
    assert study.frame()["correlation"].is_nan().sum() == 0


def test_nothing_but_constants_predict_nothing_and_say_so() -> None:
    study = covariate_study(make_bank(np.arange(60.0)), make_items(60, constant=pl.Series([1] * 60)))
    assert study.prediction is None
    assert study.reading() == (
        "None of the 1 covariate can be correlated with difficulty. "
        "No covariate says anything about these items, so nothing is predicted."
    )


def test_missing_values_leave_their_items_out_of_the_correlation_only() -> None:
    bank, items = drawn(400)
    gaps = items.table.with_columns(steps=pl.when(pl.int_range(pl.len()) % 4 > 0).then("steps"))
    study = covariate_study(bank, replace(items, table=gaps))
    kept = gaps.drop_nulls("steps")
    alone = covariate_study(
        ItemBank(bank.table.join(kept, on="item", how="semi"), CALIBRATION), Items(kept, ("steps",))
    )
    assert one(study, "steps").n_items == 300
    assert one(study, "steps").correlation == one(alone, "steps").correlation
    assert study.prediction and study.prediction.n_items == 400


def test_rare_words_are_left_out_and_counted() -> None:
    words = pl.Series(["a"] * 30 + ["b"] * 26 + ["c", "c", "d", None])
    study = covariate_study(make_bank(np.arange(60.0)), make_items(60, topic=words))
    found = one(study, "topic")
    assert (found.n_items, found.n_values) == (59, 4)
    assert found.note == "without 3 items of words that fewer than 5 have"


def test_equal_difficulties_are_named() -> None:
    study = covariate_study(make_bank(np.zeros(60)), make_items(60, rank=pl.Series(range(60))))
    assert one(study, "rank").note == "the items with a value are all equally difficult"
    assert study.prediction is None and study.reliability is None


def test_equal_difficulties_between_flagged_ones_are_not_predicted() -> None:
    difficulty, flag = [-6.0, *[0.0] * 100, 6.0], ["all_correct", *[""] * 100, "none_correct"]
    study = covariate_study(make_bank(difficulty, 0.5, flag), make_items(102, rank=pl.Series(range(102))))
    assert one(study, "rank").correlation is not None
    assert study.prediction is None and "equally difficult" in study.note


def test_the_disattenuated_figures_by_hand() -> None:
    rng = np.random.default_rng(2)
    difficulty = rng.normal(size=200)
    difficulty = 2 * (difficulty - difficulty.mean()) / difficulty.std(ddof=1)  # variance 4
    study = covariate_study(make_bank(difficulty, 1.2), make_items(200, x=difficulty + rng.normal(size=200) * 3))
    assert study.reliability == pytest.approx(1 - 1.44 / 4)
    found = one(study, "x")
    assert found.correlation and found.disattenuated == pytest.approx(found.correlation / 0.8)
    assert study.prediction and study.r_squared_disattenuated == pytest.approx(study.prediction.r_squared / 0.64)
    hopeless = covariate_study(make_bank(difficulty, 1.9), make_items(200, x=difficulty))
    assert hopeless.reliability == pytest.approx(1 - 3.61 / 4)
    assert one(hopeless, "x").disattenuated is None and hopeless.r_squared_disattenuated is None


def test_flagged_items_count_in_the_ranks_and_nowhere_else() -> None:
    difficulty = np.concatenate([np.full(5, -6.0), np.random.default_rng(3).normal(size=110), np.full(5, 6.0)])
    flag = ["all_correct"] * 5 + [""] * 110 + ["none_correct"] * 5
    study = covariate_study(make_bank(difficulty, 0.5, flag), make_items(120, rank=pl.Series(range(120))))
    assert one(study, "rank").n_items == 120
    assert study.reliability == pytest.approx(1 - 0.25 / difficulty[5:115].var(ddof=1))
    assert study.prediction and study.prediction.n_items == 110
    assert np.isnan(study.prediction.predicted).tolist() == [True] * 5 + [False] * 110 + [True] * 5


def test_items_in_only_one_of_the_two_tables_are_counted() -> None:
    bank, items = drawn(120)
    fewer = Items(
        items.table.head(100).vstack(items.table.head(7).with_columns(item="new " + pl.col("item"))), items.covariates
    )
    study = covariate_study(bank, fewer)
    assert (len(study.items), study.n_without_text, study.n_without_difficulty) == (100, 20, 7)


def test_nothing_in_common_is_refused() -> None:
    bank, items = drawn(60)
    other = replace(items, table=items.table.with_columns(item="x" + pl.col("item")))
    with pytest.raises(InputError, match=r"none of the 60 calibrated items .*'i00000', 'xi00000'.* same names"):
        covariate_study(bank, other)
    with pytest.raises(InputError, match="no covariates"):
        covariate_study(bank, replace(items, covariates=()))


def test_too_few_items_are_correlated_but_not_predicted() -> None:
    bank, items = drawn(40)
    study = covariate_study(bank, items)
    assert one(study, "steps").correlation is not None
    assert study.prediction is None
    assert study.note == "40 items with a finite difficulty are too few to predict; 100 will do."


def test_an_endless_value_moves_nothing_but_its_own_rank() -> None:
    bank, items = drawn(200)
    table = items.table.with_columns(pl.col("steps").cast(pl.Float64))
    last = table["steps"].arg_max()
    huge = table.with_columns(steps=pl.when(pl.int_range(pl.len()) == last).then(np.inf).otherwise("steps"))
    study = covariate_study(bank, Items(huge, items.covariates))
    assert study.prediction and np.isfinite(study.prediction.predicted).all()
    assert study.prediction.r_squared > 0.4


def test_covariates_may_have_any_name_even_that_of_a_column_of_ours() -> None:
    bank, items = drawn(100)
    names = {"steps": "difficulty", "topic": "^standard_error$", "noise": "flag"}
    study = covariate_study(bank, Items(items.table.rename(names), tuple(names.values())))
    assert study.frame()["covariate"].to_list() == list(names.values())
    original = covariate_study(bank, items)
    assert study.frame().drop("covariate").equals(original.frame().drop("covariate"))


def test_a_word_seen_in_no_fold_but_one_does_no_harm() -> None:
    words = np.array([np.nan] * 95 + [0.0] * 5)
    prediction = predict([np.arange(100.0)], [words], np.arange(100.0) ** 1.1)
    assert np.isfinite(prediction.predicted).all()
    assert prediction.r_squared > 0.95


def test_of_hundreds_of_words_the_commonest_have_columns() -> None:
    rng = np.random.default_rng(8)
    words = np.concatenate([np.repeat(np.arange(300.0), 5), np.full(60, 300.0)])
    difficulty = rng.normal(size=len(words)) + 3 * (words == 300)
    prediction = predict([], [words], difficulty)
    assert prediction.n_columns == 50
    assert prediction.r_squared > 0.15  # the one common word is among them


def test_more_columns_than_items_do_no_harm() -> None:
    rng = np.random.default_rng(5)
    prediction = predict(list(rng.normal(size=(20, 30))), [], rng.normal(size=30))
    assert prediction.r_squared < 0.2
    assert np.isfinite(prediction.predicted).all()


def test_the_figures_are_read_in_words() -> None:
    said = covariate_study(*drawn(1000)).reading()
    assert said.startswith("Of 3 covariates, steps goes most with difficulty: rank correlation +0.")
    assert "All together predict " in said and "error taken out, " in said
