"""Adapter for the Python package mirt: fit_mirt, marginal maximum likelihood by EM, standard errors by Louis.

61 quadrature points instead of its default of 21, which are too few for hundreds of items. The cost of standard
errors grows with the square of the items, so the first call leaves them out, and a second fits again with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mirt
from adapter import Estimate, main

POINTS = 61


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """Respondents x items, int64, negative where missing."""
    responses = correct.astype("int64")
    name = {"rasch": "1PL", "2pl": "2PL"}[model]

    def fit() -> Estimate:
        found = mirt.fit_mirt(responses, model=name, n_quadpts=POINTS, compute_standard_errors=False)
        return Estimate(
            difficulty=found.model.difficulty,
            discrimination=found.model.discrimination,
            remarks=() if found.converged else (f"not converged in {found.n_iterations} iterations",),
            standard_errors=standard_errors,
            errors_fit_again=True,
        )

    def standard_errors() -> Any:
        return mirt.fit_mirt(responses, model=name, n_quadpts=POINTS).standard_errors["difficulty"]

    return fit


if __name__ == "__main__":
    main("mirt", prepare)
