from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from made_up_study import Study

from easyhard.generalization import StudyFacts, TrainedRun, answer, generalization, run_checks
from easyhard.schema import Responses


def answered(study: Study, n_right: Callable[[int, int], int], zero_shot: int = 20, guess: float = 0.1) -> str:
    return answer_of(study, {"m": study.pattern(lambda j: zero_shot)}, study.runs(n_right), guess)


def answer_of(study: Study, zero_shot: dict[str, Responses], runs: list[TrainedRun], guess: float = 0.1) -> str:
    matrix = generalization(study.bins, zero_shot, runs)
    facts = StudyFacts(study.bank, study.bins, matrix.runs, matrix.cells, zero_shot, dict.fromkeys(study.items, guess))
    return answer(replace(matrix, checks=run_checks(facts)), study.bins)


def test_help_nearby_is_said_with_slope_interval_and_counts() -> None:
    text = answered(Study(), lambda i, j: 36 - 4 * abs(i - j))
    assert text.startswith("For m, training on a bin helped bins near it most (the gain changes by −10.0 points")
    assert "95% interval −" in text and "permutation p = 0.0083" in text
    assert "Accuracy changed measurably in 13 of 25 cells, 13 up and 0 down (at 5% for all cells together" in text
    assert "no training on a single bin measurably improved every bin" in text


def test_harm_that_grows_with_distance_is_not_called_help() -> None:
    text = answered(Study(), lambda i, j: 18 - 4 * abs(i - j))
    assert "harmed bins near it least" in text
    assert "helped" not in text
    assert "in 6 of 25 cells, 0 up and 6 down" in text


def test_a_gain_that_rises_with_distance_is_said_so() -> None:
    assert "helped bins near it less than bins far from it" in answered(Study(), lambda i, j: 21 + 4 * abs(i - j))


def test_harm_nearby_is_said_so() -> None:
    assert "harmed bins near it most" in answered(Study(), lambda i, j: 4 + 3 * abs(i - j))
    mixed = answered(Study(), lambda i, j: 14 + 6 * abs(i - j))
    assert "did not help bins near it, but it helped bins far from it" in mixed


def test_gains_without_any_shape_are_not_called_near_or_far() -> None:
    text = answered(Study(), lambda i, j: 36)
    assert "did not measurably do more, or less, for bins near it than for bins far from it" in text
    assert "in 25 of 25 cells, 25 up and 0 down (at 5% for all cells together, by Holm's correction)" in text
    assert "training on bins 0, 1, 2, 3 and 4 measurably improved every bin" in text


def test_nothing_significant_shows_nothing_and_says_what_would_have_been_seen() -> None:
    text = answered(Study(), lambda i, j: 20 + (i == 1 and j == 3))
    assert text.startswith("The data show nothing for m: accuracy changed measurably in none of 25 cells (")
    assert "detects only gains of about" in text


def test_a_slope_that_other_training_examples_might_not_give_stays_open() -> None:
    text = answered(Study(), lambda i, j: 19 + (i + 2 * j) % 3)
    assert text.startswith("The data show nothing certain for m: accuracy changed measurably in none of 25 cells (")
    assert "stays open: these items and seeds say that it does, but other training examples might not" in text
    assert "(the gain changes by +0.4 points" in text
    assert "helped" not in text


def test_a_guessing_model_shows_nothing_whatever_its_gains() -> None:
    text = answered(Study(), lambda i, j: 36 - 4 * abs(i - j), zero_shot=10, guess=0.25)
    assert text.startswith("The data show nothing about difficulty for m: zero-shot it answers no better than")
    assert "EH006" in text and "the gain changes by −10.0 points" in text


def test_a_shape_without_any_visible_cell_is_said_with_both_halves() -> None:
    # Chance and the same items everywhere: small steps that only the whole matrix can show.
    rng = np.random.default_rng(1)
    study = Study(n_items=100)
    chance = rng.uniform(0.2, 0.8, len(study.items))
    distances = [np.abs(study.bin_of - i) for i in range(5)]
    before = (rng.random(len(chance)) < chance).astype(np.int8)
    flips = rng.permutation(len(chance)).argsort() / len(chance)
    runs = []
    for i, distance in enumerate(distances):
        level = 0.06 - 0.03 * distance
        up, down = (before == 0) & (flips < 2 * level), (before == 1) & (flips < -2 * level)
        runs.append(TrainedRun("m", i, 0, study.responses(before + up - down)))
    text = answer_of(study, {"m": study.responses(before)}, runs)
    assert text.startswith("Cell by cell the data show nothing for m")
    assert "EH007" in text
    assert "Over all cells together, training on a bin helped bins near it most" in text


def test_training_on_the_evaluated_items_is_mentioned() -> None:
    assert "memory" in answered(Study(held_out=0.0), lambda i, j: 36 - 4 * abs(i - j))
    assert "memory" not in answered(Study(held_out=0.3), lambda i, j: 36 - 4 * abs(i - j))


def test_two_bins_are_judged_by_the_lead_of_the_own_bin() -> None:
    text = answered(Study(count=2), lambda i, j: 36 if i == j else 20)
    assert "helped that bin most (gain of a bin's own training minus the other's: +40.0 points" in text
    assert "near" not in text


def test_missing_cells_and_missing_answers_are_said() -> None:
    study = Study()
    runs = study.runs(lambda i, j: 36 - 4 * abs(i - j))
    zero_shot = {"m": study.pattern(lambda j: 20)}
    text = answer_of(study, zero_shot, runs[:4])
    assert "of 20 cells, " in text and "; 5 more cells without a result)" in text
    failed = [replace(run, responses=None) for run in runs]
    assert answer_of(study, zero_shot, failed).startswith("There is no answer for m yet.")


def test_each_model_has_its_own_line_and_its_own_verdict() -> None:
    study = Study()
    runs = study.runs(lambda i, j: 36 - 4 * abs(i - j))
    both = runs + [replace(run, model="weak") for run in runs]
    zero_shot = {"m": study.pattern(lambda j: 20), "weak": study.pattern(lambda j: 4)}
    first, second, together = answer_of(study, zero_shot, both).split("\n")
    assert first.startswith("For m, training on a bin helped bins near it most")
    assert second.startswith("The data show nothing about difficulty for weak")
    assert together.startswith("Over 2 models together: the gain falls with each bin of distance")
    assert together.endswith("1 of these 2 models answers no better than guessing (check EH006).")


def test_a_gain_that_only_all_cells_together_show_is_not_called_nothing() -> None:
    text = answered(Study(), lambda i, j: 22)
    assert text.startswith("For m, training raised accuracy on average over all cells (+")
    assert "but no place stands out" in text
    assert "Cell by cell, accuracy changed measurably in none of 25 cells (" in text
    worse = answered(Study(), lambda i, j: 18)
    assert worse.startswith("For m, training lowered accuracy on average over all cells (−")
