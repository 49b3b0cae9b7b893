"""A mixture of bins is one more row: compared with single bins on the same items, and no part of their tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_up_study import Study

from easyhard.generalization import TrainedRun, generalization
from easyhard.schema import InputError, Responses


def study_with(mixture_right: int, seeds: int = 2) -> tuple[Study, list[TrainedRun], list[TrainedRun]]:
    """Single bins that answer 22 of 40 right everywhere, and a mixture that answers ``mixture_right``."""
    study = Study()
    single = study.runs(lambda i, j: 22, seeds=seeds)
    whole = study.runs(lambda i, j: mixture_right, seeds=seeds)
    return study, single, [replace(run, train_bin="uniform") for run in whole if run.train_bin == 0]


def test_a_mixture_has_its_own_rows_and_leaves_those_of_the_bins_alone() -> None:
    study, single, mixed = study_with(30)
    zero_shot = {"m": study.pattern(lambda j: 20)}
    without, found = (
        generalization(study.bins, zero_shot, single),
        generalization(study.bins, zero_shot, single + mixed),
    )
    assert found.cells.equals(without.cells) and found.runs.equals(without.runs)
    assert found.tests["m"].keys() - without.tests["m"].keys() == {"mixture uniform"}
    with_mixtures = {"advice", "forgotten_items", "fixed_items"}
    of_bins = without.tests["m"].keys() - with_mixtures
    assert all(found.tests["m"][name] == without.tests["m"][name] for name in of_bins)
    assert found.mixture_cells.select("mixture", "eval_bin").rows() == [("uniform", j) for j in range(5)]
    assert found.mixture_cells["gain"].to_list() == pytest.approx([0.25] * 5)
    assert found.mixture_runs["seed"].to_list() == [0, 1] * 5
    assert without.mixture_cells.is_empty()


@pytest.mark.parametrize(("right", "direction"), [(32, 1), (22, 0), (12, -1)])
def test_the_lead_over_single_bins_is_the_difference_of_mean_gains(right: int, direction: int) -> None:
    study, single, mixed = study_with(right)
    found = generalization(study.bins, {"m": study.pattern(lambda j: 20)}, single + mixed).tests["m"]["mixture uniform"]
    assert found["value"] == pytest.approx((right - 22) / 40)
    assert found["direction"] == direction


def test_the_interval_of_the_lead_covers_simulated_leads() -> None:
    """Simulated: items that each training gets right by chance, with a lead of 0.1 for the mixture."""
    rng, covered, repeats = np.random.default_rng(1), 0, 100
    study = Study(count=3, n_items=40)
    for _ in range(repeats):
        zero_shot = _drawn(study, rng, 0.4)
        runs = [TrainedRun("m", bin_, 0, _drawn(study, rng, 0.5)) for bin_ in range(3)]
        mixed = TrainedRun("m", "uniform", 0, _drawn(study, rng, 0.6))
        test = generalization(study.bins, {"m": zero_shot}, [*runs, mixed]).tests["m"]["mixture uniform"]
        covered += test["low"] <= 0.1 <= test["high"]
    assert covered / repeats >= 0.89


def test_a_failed_mixture_is_said_to_be_unknown() -> None:
    study, single, mixed = study_with(30)
    failed = [replace(run, responses=None) for run in mixed]
    found = generalization(study.bins, {"m": study.pattern(lambda j: 20)}, single + failed)
    assert found.mixture_cells["status"].unique().to_list() == ["failed"]
    assert "is unknown" in found.tests["m"]["mixture uniform"]["sentence"]


def test_a_mixture_given_twice_is_refused() -> None:
    study, single, mixed = study_with(30)
    with pytest.raises(InputError, match="on the mixture 'uniform', seed 0 is given twice"):
        generalization(study.bins, {"m": study.pattern(lambda j: 20)}, [*single, *mixed, mixed[0]])


def _drawn(study: Study, rng: np.random.Generator, share: float) -> Responses:
    pattern = study.pattern(lambda j: 1)
    correct = (rng.random(pattern.correct.shape) < share).astype(np.int8)
    return Responses(correct, pattern.respondents, pattern.items)


def test_all_single_runs_failed_leaves_nothing_to_compare_with() -> None:
    study, single, mixed = study_with(30)
    failed = [replace(run, responses=None) for run in single]
    found = generalization(study.bins, {"m": study.pattern(lambda j: 20)}, failed + mixed)
    assert found.mixture_cells.filter(pl.col("status") == "done").height == 5
    assert "is unknown" in found.tests["m"]["mixture uniform"]["sentence"]
