"""Estimated difficulties: what errors do to probabilities, and that they are no sign of another prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from easyhard import calibrate
from easyhard.bins import make_bins
from easyhard.generalization import StudyFacts
from easyhard.generalization.posterior import allowing_for_errors
from easyhard.generalization.prompt_checks import other_prompt
from easyhard.irt import simulate_rasch
from easyhard.irt.bank_model import bank_model
from easyhard.schema import Responses


def responses(correct: npt.NDArray[Any]) -> Responses:
    names = tuple(f"item/{k}" for k in range(correct.shape[1]))
    return Responses(correct.astype(np.int8), tuple(f"llm-{r}" for r in range(len(correct))), names)


def test_the_flatter_curve_is_the_average_over_difficulties() -> None:
    rng = np.random.default_rng(0)
    model = bank_model(calibrate(responses(simulate_rasch(25, np.linspace(-2, 2, 80), 0.0, 1.0, 0.0, rng))))
    allowing = allowing_for_errors(model)
    ability = np.array([0.7])
    spread = model.standard_error * np.sqrt(
        (allowing.difficulty - model.difficulty.mean()) / (model.difficulty - model.difficulty.mean())
    )
    drawn = rng.normal(allowing.difficulty, spread, (4000, len(spread)))
    averages = (1 / (1 + np.exp(-(ability[0] - drawn)))).mean(axis=0)
    assert allowing.probability(ability)[0] == pytest.approx(averages, abs=0.02)


def test_few_respondents_are_no_sign_of_another_prompt() -> None:
    """With 25 respondents the hardest bins hold items that were unlucky; taken at their word, that is misfit."""
    rng, tips, repeats = np.random.default_rng(1), 0, 40
    for _ in range(repeats):
        difficulty = rng.normal(0, 1.2, 1500)
        bank = calibrate(responses(simulate_rasch(25, difficulty, 0.0, 1.0, 0.0, rng)))
        zero_shot = responses(rng.random((1, 1500)) < 1 / (1 + np.exp(difficulty - rng.normal())))
        facts = StudyFacts(bank, make_bins(bank), pl.DataFrame(), pl.DataFrame(), {"m": zero_shot})
        tips += other_prompt(facts).status == "tip"
    assert tips <= 2  # one in a hundred is stated; 7 of 40 were given before errors were allowed for
