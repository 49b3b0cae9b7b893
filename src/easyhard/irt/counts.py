"""Right answers and responses seen, per item and per respondent: one pass over the matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.schema import MISSING, InputError, IntArray

Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

BLOCK = 1_000_000  # entries of a matrix held as floats at once: 8 MB, no slower than more
_SUM_BLOCK = 1_000_000  # fits the cache; its sums stay below 2^24, where float32 is exact


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums of a response matrix."""

    complete: bool  # every respondent saw every item
    item_right: Places  # [items]
    item_seen: Places  # [items]
    respondent_right: Places  # [respondents]
    respondent_seen: Places  # [respondents]

    @property
    def varies(self) -> Mask:
        """Which items have both right and wrong answers, and so a finite estimate of difficulty: [items]."""
        return np.asarray((self.item_right > 0) & (self.item_right < self.item_seen))


def count_responses(correct: IntArray) -> Counts:
    """Counts of ``correct``, int8 [respondents, items]. Raises InputError for other codes than 1, 0 and -1."""
    _check_matrix(correct)
    lowest, highest = int(correct.min()), int(correct.max())
    if lowest < MISSING or highest > 1:
        row, column = np.argwhere((correct < MISSING) | (correct > 1))[0]
        raise InputError(
            f"correct holds {correct[row, column]} in row {row}, column {column}. "
            "Write 1 for a correct response, 0 for a wrong one and -1 for a missing one."
        )
    n_respondents, n_items = correct.shape
    item_right, item_seen = np.zeros(n_items), np.full(n_items, float(n_respondents))
    respondent_right, respondent_seen = np.zeros(n_respondents), np.full(n_respondents, float(n_items))
    for rows in row_blocks(correct.shape, _SUM_BLOCK):
        block = correct[rows].astype(np.float32)
        if lowest == MISSING:
            missing = np.minimum(block, 0)
            block -= missing
            down, across = _sums(missing)
            item_seen += down
            respondent_seen[rows] += across
        down, across = _sums(block)
        item_right += down
        respondent_right[rows] = across
    counts = (item_right, item_seen, respondent_right, respondent_seen)
    return Counts(lowest == 0, *(values.astype(np.intp) for values in counts))


def row_blocks(shape: tuple[int, ...], entries: int = BLOCK) -> list[slice]:
    """Slices of the rows of a matrix of ``shape``, few enough at once to bound memory."""
    height = max(1, entries // max(shape[1], 1))
    return [slice(at, min(at + height, shape[0])) for at in range(0, shape[0], height)]


def _sums(block: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Column and row sums as matrix products, which are many times faster than ``sum`` over int8."""
    n_rows, n_columns = block.shape
    return np.ones(n_rows, np.float32) @ block, block @ np.ones(n_columns, np.float32)


def _check_matrix(correct: IntArray) -> None:
    """Raise InputError unless ``correct`` is a non-empty int8 matrix."""
    if not isinstance(correct, np.ndarray) or correct.ndim != 2 or correct.dtype != np.int8:
        what = f"{correct.dtype} with {correct.ndim} axes" if isinstance(correct, np.ndarray) else type(correct)
        raise InputError(
            f"correct is {what}, not an int8 matrix of respondents x items. "
            "Make it one with .astype(numpy.int8), missing responses written as -1."
        )
    if correct.size == 0:
        raise InputError(f"correct has shape {correct.shape}: no responses. Give at least one row and column.")
