"""Ability of respondents on a calibrated scale."""

from __future__ import annotations

from dataclasses import dataclass

from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import posterior_of
from easyhard.schema import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Ability:
    """Estimate and standard error of each respondent's ability: [respondents], in the model's unit."""

    estimate: FloatArray
    standard_error: FloatArray


def estimate_ability(correct: IntArray, model: ItemModel) -> Ability:
    """Expected a posteriori ability."""
    posterior = posterior_of(correct, model)
    return Ability(posterior.mean, posterior.sd)
