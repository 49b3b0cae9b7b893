"""Redrawn difficulties: nothing changes when they are known, and a slope is lost when they say nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_up_study import Study

from easyhard.generalization import generalization
from easyhard.generalization.posterior import difficulty_posterior
from easyhard.schema import Bins


def redrawn(standard_error: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Slope as estimated and over redraws, of simulated runs that help most nearby."""
    study = Study(count=5, n_items=40)
    table = study.bins.table.with_columns(standard_error=pl.lit(standard_error))
    # Half of each bin trained on: a training has to have a place on the scale.
    table = table.with_columns(
        split=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("train")).otherwise(pl.lit("held_out"))
    )
    bins = Bins(table, study.bins.edges, 0.5)
    rng = np.random.default_rng(0)
    runs = []
    for run in study.runs(lambda i, j: 20):
        assert isinstance(run.train_bin, int) and run.responses is not None
        chance = 0.75 - 0.12 * np.abs(study.bin_of - run.train_bin)
        correct = (rng.random((1, len(study.items))) < chance).astype(np.int8)
        runs.append(replace(run, responses=replace(run.responses, correct=correct)))
    found = generalization(bins, {"m": study.pattern(lambda j: 20)}, runs).tests["m"]
    return found["distance_slope"], found["slope_redrawn"]


def test_known_difficulties_leave_the_slope_as_it_is() -> None:
    slope, again = redrawn(1e-9)
    assert again["value"] == pytest.approx(slope["value"], abs=1e-12)
    assert again["direction"] == -1 and "keeps its sign (the same in 100% of 200 draws" in again["sentence"]


def test_difficulties_that_say_nothing_lose_the_slope() -> None:
    slope, again = redrawn(30.0)
    assert slope["value"] < -0.05
    assert abs(again["value"]) < 0.3 * abs(slope["value"])
    assert again["direction"] == 0 and "does not keep its sign" in again["sentence"]


def test_some_error_flattens_it_a_little() -> None:
    slope, again = redrawn(0.8)
    assert 0.95 * slope["value"] < again["value"] < 0.4 * slope["value"]


def test_drawing_adds_no_spread_that_is_not_there() -> None:
    """The draws have the variance of the true difficulties, not that of the estimates or more."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1, 4000)
    table = pl.DataFrame({"difficulty": true + rng.normal(0, 0.7, 4000), "standard_error": np.full(4000, 0.7)})
    mean, spread = difficulty_posterior(table["difficulty"].to_numpy(), table["standard_error"].to_numpy())
    assert rng.normal(mean, spread).var() == pytest.approx(1.0, rel=0.06)
