"""Adapter for theta-irt: theta.fit, marginal maximum likelihood by EM in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import theta
from adapter import Estimate, main


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """Respondents x items, float64, NaN where missing."""
    responses = np.where(correct < 0, np.nan, correct.astype(float))
    name = {"rasch": "1PL", "2pl": "2PL"}[model]

    def fit() -> Estimate:
        found = theta.fit(responses, name)
        return Estimate(
            difficulty=found.b,
            discrimination=found.a,
            remarks=() if found.converged else (f"not converged in {found.n_iter} iterations",),
            standard_errors=lambda: found.standard_errors(responses)["b"],
        )

    return fit


if __name__ == "__main__":
    main("theta-irt", prepare)
