"""Adapter for torch-measure: Rasch and TwoPL by one of its methods, "mle" (its default) or "svi".

"mle" is maximum likelihood over abilities and items at once, "svi" variational inference with N(0, 1) priors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from adapter import Estimate, main
from torch_measure.models import Rasch, TwoPL

SEED = 0  # its parameters start from random draws


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """Respondents x items, a float tensor, -1 where missing."""
    method = sys.argv[4]
    responses = torch.tensor(correct, dtype=torch.float32)
    torch.manual_seed(SEED)
    fitted = {"rasch": Rasch, "2pl": TwoPL}[model](*correct.shape)

    def fit() -> Estimate:
        history = fitted.fit(responses, method=method, verbose=False)
        ability = fitted.ability.detach()
        # Under Rasch the unit is the logit. Under 2PL it is nobody's: even with svi, whose prior is N(0, 1),
        # abilities come out narrower than that.
        free = model == "2pl"
        return Estimate(
            fitted.difficulty.detach(),
            standard_error=history["posterior"]["difficulty"]["scale"] if method == "svi" else None,
            discrimination=fitted.discrimination.detach() if model == "2pl" else 1.0,
            ability_mean=float(ability.mean()) if free else None,
            ability_sd=float(ability.std()) if free else None,
        )

    return fit


if __name__ == "__main__":
    main("torch_measure", prepare)
