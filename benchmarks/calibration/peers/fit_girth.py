"""Adapter for girth: rasch_mml and twopl_mml, its marginal maximum likelihood, with their default options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import girth
from adapter import Estimate, main


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """Items x respondents, int64, missing responses tagged as girth's documentation says."""
    tagged = girth.tag_missing_data(correct.T.astype("int64"), [0, 1])
    fit_model = {"rasch": girth.rasch_mml, "2pl": girth.twopl_mml}[model]

    def fit() -> Estimate:
        found = fit_model(tagged)
        return Estimate(difficulty=found["Difficulty"], discrimination=found["Discrimination"])

    return fit


if __name__ == "__main__":
    main("girth", prepare)
