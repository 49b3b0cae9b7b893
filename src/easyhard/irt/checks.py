"""What a response matrix must be before anything is estimated from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from easyhard.schema import MISSING, InputError, IntArray


def check_codes(correct: IntArray) -> None:
    """Raise InputError unless ``correct`` is a non-empty int8 matrix of 1, 0 and -1."""
    if not isinstance(correct, np.ndarray) or correct.ndim != 2 or correct.dtype != np.int8:
        what = f"{correct.dtype} with {correct.ndim} axes" if isinstance(correct, np.ndarray) else type(correct)
        raise InputError(
            f"correct is {what}, not an int8 matrix of respondents x items. "
            "Make it one with .astype(numpy.int8), missing responses written as -1."
        )
    if correct.size == 0:
        raise InputError(f"correct has shape {correct.shape}: no responses. Give at least one row and column.")
    if correct.min() < MISSING or correct.max() > 1:
        row, column = np.argwhere((correct < MISSING) | (correct > 1))[0]
        raise InputError(
            f"correct holds {correct[row, column]} in row {row}, column {column}. "
            "Write 1 for a correct response, 0 for a wrong one and -1 for a missing one."
        )


def check_fittable(correct: IntArray) -> None:
    """Raise InputError unless the Rasch model can be fitted to ``correct``."""
    check_codes(correct)
    n_respondents, n_items = correct.shape
    if n_respondents < 2 or n_items < 2:
        raise InputError(
            f"{n_respondents} respondents x {n_items} items are too few to calibrate: difficulty is how "
            "items compare across respondents. Give at least 2 of each."
        )
    empty = np.flatnonzero((correct == MISSING).all(axis=0))
    if len(empty):
        raise InputError(
            f"{len(empty)} of {n_items} items have no response (first: column {empty[0]}). "
            "Drop them, or add respondents who answered them."
        )
    varying = int(items_that_vary(correct).sum())
    if varying < 2:
        raise InputError(
            f"{varying} of {n_items} items were answered correctly by some respondents and wrongly by "
            "others; the rest say nothing about who is able. Add respondents or items until at least 2 vary."
        )


def items_that_vary(correct: IntArray) -> npt.NDArray[np.bool_]:
    """Which items [items] have both right and wrong answers, and so a finite estimate of difficulty."""
    return np.asarray((correct == 1).any(axis=0) & (correct == 0).any(axis=0))
