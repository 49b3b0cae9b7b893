"""How a search ended, in a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from easyhard.irt.search import HIGHEST_SD, HIGHEST_SLOPE, LOWEST_SD, Maximum, sd_bound


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the search found a maximum that can be used, and what there is to know of it."""

    converged: bool
    text: str


def outcome(maximum: Maximum) -> Outcome:
    """What to tell the user about ``maximum``."""
    bounds = {sd_bound(population.sd) for population in maximum.at.point.parameters.populations}
    if not maximum.converged and maximum.at.steepest > HIGHEST_SLOPE:
        return Outcome(
            False,
            f"Not converged: a discrimination grew beyond {HIGHEST_SLOPE:g}, because an item separates the respondents "
            "almost perfectly. Give the discriminations a prior, or add respondents.",
        )
    if not maximum.converged:
        return Outcome(
            False,
            f"Not converged: step {maximum.iterations}, the last, still moved an estimate by {maximum.moved:.1g}. "
            "Drop items with few responses, or add respondents.",
        )
    if "highest" in bounds:
        return Outcome(
            False,
            f"Not converged: the ability sd reached its upper bound of {HIGHEST_SD:g} logits, because the "
            "responses follow an almost perfect order. Add respondents or items.",
        )
    if "lowest" in bounds:
        return Outcome(
            True,
            f"Converged in {maximum.iterations} steps, the ability sd at its lower bound of {LOWEST_SD:g} logits: "
            "respondents differ no more than chance, so difficulties are log-odds.",
        )
    steps = f"Converged in {maximum.iterations} steps"
    bound = 10.0 ** math.ceil(math.log10(max(maximum.moved, 1e-8)))
    text = f"{steps}; one more would have moved no estimate by more than {bound:g}."
    return Outcome(True, text)
