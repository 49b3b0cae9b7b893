"""Adapter for easyhard itself, from the checkout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapter import Estimate, main

from easyhard.irt import fit_2pl, fit_rasch


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """``correct`` as it is: int8, -1 missing. Standard errors are part of the fit."""
    fit_model = {"rasch": fit_rasch, "2pl": fit_2pl}[model]

    def fit() -> Estimate:
        item_model = fit_model(correct)
        return Estimate(
            difficulty=item_model.difficulty,
            standard_error=item_model.standard_error,
            discrimination=item_model.discrimination,
            remarks=() if item_model.converged else (item_model.convergence,),
        )

    return fit


if __name__ == "__main__":
    main("easyhard", prepare)
