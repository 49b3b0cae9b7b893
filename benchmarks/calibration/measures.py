"""How far an estimate is from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from simulated import FloatArray, Truth

NORMAL_95 = 1.959963984540054


class Unusable(Exception):
    """The estimate cannot be compared with the truth; the message says why."""


@dataclass(frozen=True)
class Recovery:
    """Distance of one estimate from the truth, over the items that vary, both centred at their mean item."""

    rmse: float  # of difficulty: logits under Rasch, standard deviations of ability under 2PL
    spearman: float
    coverage: float | None  # share of the intervals of +-1.96 standard errors that hold the truth
    items_without_error: int  # of those with an estimate; counted as not covered
    rmse_log_discrimination: float | None  # under 2PL
    items_reversed: int  # with a discrimination of 0 or less, which has no logarithm


def recovery(answer: dict[str, Any], truth: Truth, model: str) -> Recovery:
    """Compare the ``answer`` of an adapter with the ``truth``. Raises Unusable."""
    difficulty, error, discrimination = _on_the_truths_scale(answer, truth, model)
    if not np.isfinite(difficulty).all():
        raise Unusable(f"{np.count_nonzero(~np.isfinite(difficulty))} of {len(difficulty)} difficulties are not finite")
    true = truth.difficulty[truth.varies]
    deviation = (difficulty - difficulty.mean()) - (true - true.mean())
    known = None if error is None else np.isfinite(error)
    return Recovery(
        rmse=_rms(deviation),
        spearman=float(np.corrcoef(ranks(difficulty), ranks(true))[0, 1]),
        coverage=None if error is None else float(np.mean(known & (np.abs(deviation) <= NORMAL_95 * error))),
        items_without_error=0 if known is None else int(np.count_nonzero(~known)),
        rmse_log_discrimination=None if model == "rasch" else _rms_log(discrimination, truth),
        items_reversed=int(np.count_nonzero(discrimination <= 0)),
    )


def ranks(values: FloatArray) -> FloatArray:
    """Ranks from 0; equal values share the mean of theirs."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count + 1) / 2)[which]


def _on_the_truths_scale(
    answer: dict[str, Any], truth: Truth, model: str
) -> tuple[FloatArray, FloatArray | None, FloatArray]:
    """Difficulty, its standard error and discrimination of the items that vary."""
    n_items = len(truth.difficulty)
    difficulty = np.array(answer["difficulty"], dtype=float)
    if difficulty.shape != (n_items,):
        raise Unusable(f"{difficulty.size} difficulties for {n_items} items")
    error = None if answer["standard_error"] is None else np.array(answer["standard_error"], dtype=float)
    discrimination = np.broadcast_to(np.array(answer["discrimination"], dtype=float), n_items)
    if model == "rasch":
        # One discrimination for all: a package that fixes the spread of ability to 1 puts it there instead.
        origin, unit = 0.0, 1 / float(discrimination.mean())
    else:
        mean, sd = answer["ability_mean"], answer["ability_sd"]
        origin, unit = 0.0 if mean is None else mean, 1.0 if sd is None else sd
    chosen = truth.varies
    return (
        (difficulty[chosen] - origin) / unit,
        None if error is None else error[chosen] / unit,
        discrimination[chosen] * unit,
    )


def _rms_log(discrimination: FloatArray, truth: Truth) -> float | None:
    """None if any discrimination is not positive."""
    if not (discrimination > 0).all():
        return None
    return _rms(np.log(discrimination / truth.discrimination[truth.varies]))


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
