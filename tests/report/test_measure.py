"""What a cell may show: each measure is the table's, and z says what the interval says."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from simulated_study import simulated_matrix

from easyhard.generalization import paired_gain
from easyhard.report import heat_map, heat_map_table
from easyhard.report.measure import LOOKS, Measure, domain, z_of

MATRIX = simulated_matrix(models=("Simulated-1B", "Simulated-3B"))
TABLE = heat_map_table(MATRIX)


def test_z_is_beyond_1_96_exactly_where_the_interval_excludes_zero() -> None:
    cells = TABLE.filter(pl.col("look").is_in(["clear", "unclear"]))
    assert (cells["z"].abs() > 1.959964).to_list() == (cells["look"] == "clear").to_list()
    assert z_of(-0.1, 0.3) == pytest.approx(0.1 / (0.2 / 1.959964))
    assert z_of(None, 0.3) is None and z_of(0.1, 0.1) is None


def test_z_is_the_gain_over_the_standard_error_of_its_interval() -> None:
    """Of Bonett and Price: mean and standard error over the items and two pseudo-items."""
    rng = np.random.default_rng(5)
    before, after = (rng.random((2, 200)) < [[0.4], [0.6]]).astype(np.int8)
    found = paired_gain(after[None, :], before)
    assert found is not None
    padded = np.append((after - before).astype(float), [1.0, -1.0])
    error = padded.std() / math.sqrt(202)
    assert z_of(found.interval.low, found.interval.high) == pytest.approx(padded.mean() / error, rel=1e-5)


def test_accuracies_and_their_labels_are_the_matrix_s() -> None:
    known = MATRIX.cells.filter((pl.col("train_bin") == 2) & (pl.col("eval_bin") == 3)).row(0, named=True)
    cell = TABLE.filter((pl.col("trained_on") == "2") & (pl.col("evaluated_on") == "3")).row(0, named=True)
    assert cell["accuracy_percent"] == pytest.approx(100 * known["accuracy"])
    assert cell["accuracy_label"] == f"{100 * known['accuracy']:.0f}%"
    untouched = TABLE.filter(pl.col("look") == "zero_shot")
    assert untouched["accuracy_percent"].is_not_null().all() and untouched["z"].is_null().all()
    assert untouched["accuracy_label"].to_list() == untouched["z_label"].to_list() == untouched["label"].to_list()
    failed = TABLE.filter(pl.col("look") == "failed").row(0, named=True)
    assert {failed[look.label] for look in LOOKS.values()} == {""}
    assert {failed[look.column] for look in LOOKS.values()} == {None}


@pytest.mark.parametrize("measure", LOOKS)
def test_all_models_share_the_scale_of_a_measure_and_every_value_is_on_it(measure: Measure) -> None:
    low, high = domain(TABLE, measure)
    values = TABLE[LOOKS[measure].column].drop_nulls().to_numpy()
    assert low <= values.min() and values.max() <= high
    assert measure == "accuracy" or low == -high
    scales = {
        (*layer["encoding"]["color"]["scale"]["domain"], layer["encoding"]["color"]["scale"]["range"])
        for grid in heat_map(MATRIX, measure=measure).to_dict()["concat"]
        for layer in grid["layer"]
        if "color" in layer["encoding"]
    }
    assert scales == {(low, high, LOOKS[measure].colours)}


def test_a_matrix_without_results_has_a_scale_too() -> None:
    nothing = TABLE.with_columns(pl.lit(None, dtype=pl.Float64).alias(look.column) for look in LOOKS.values())
    assert [domain(nothing, measure) for measure in LOOKS] == [(-5.0, 5.0), (0.0, 10.0), (-4.0, 4.0)]
