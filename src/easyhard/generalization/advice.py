"""What to train on for a stated goal, with what the data cannot tell apart from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.words import figure, span
from easyhard.schema import FloatArray, IndexArray, Interval


@dataclass(frozen=True, slots=True)
class Advice:
    """One goal's choice of training.

    ``choice`` has the largest estimate, ``value`` with its interval in proportion correct; ``also`` are all others
    that the data do not show to be worse. Intervals hold for all trainings at once. A choice that is not
    ``shown`` to raise accuracy is the best of what may be nothing.
    """

    goal: str
    choice: str
    value: float
    low: float
    high: float
    shown: bool
    also: tuple[str, ...]
    sentence: str


def advise(changes: Changes, rows: Sequence[str]) -> list[dict[str, Any]]:
    """The training to choose for the best mean gain, the best worst bin, and the best on the hardest third.

    ``rows`` name the rows of ``changes``: single bins, then mixtures. Judged on the evaluation bins where all rows
    with a result have one. Empty if there are fewer than two such rows.
    """
    present = weigh.rectangle(changes.gains())
    kept = np.flatnonzero(present.any(axis=1))
    if len(kept) < 2:
        return []
    third = max(1, changes.count // 3)
    hardest = np.arange(changes.count) >= changes.count - third
    found = [_linear(changes, present, kept, rows, "the best mean over all bins")]
    if (present & hardest).any():
        found.append(_linear(changes, present & hardest, kept, rows, "the best on the hardest third"))
    found.append(_worst(changes, present, kept, rows))
    return [{**asdict(advice), "also": list(advice.also)} for advice in found if advice]


def _linear(
    changes: Changes, present: weigh.BoolArray, kept: IndexArray, rows: Sequence[str], goal: str
) -> Advice | None:
    """The row with the largest mean gain over the cells present; others by their difference to it."""
    means = {row: weigh.mean_of(present & (np.arange(len(present)) == row)[:, None]) for row in kept.tolist()}
    weights = {row: weight for row, weight in means.items() if weight is not None}
    values = {row: contrast(changes, weight) for row, weight in weights.items()}
    best = max(values, key=lambda row: values[row].value)
    interval = values[best].interval(1 - 0.05 / len(values))
    if interval is None:
        return None
    # The best is picked after looking, so every pair has to hold.
    level = 1 - 0.05 / (len(values) * (len(values) - 1) / 2)
    also = [row for row in values if row != best and not _ahead(changes, weights[best] - weights[row], level)]
    return _advice(goal, rows, best, values[best].value, interval, also)


def _ahead(changes: Changes, weights: FloatArray, level: float) -> bool:
    found = contrast(changes, weights).interval(level)
    return found is not None and found.low > 0


def _worst(changes: Changes, present: weigh.BoolArray, kept: IndexArray, rows: Sequence[str]) -> Advice | None:
    """The row whose smallest gain is largest.

    The smallest of several gains lies between the smallest lower and the smallest upper end of their intervals,
    where these hold for all cells at once (Bonferroni).
    """
    level = 1 - 0.05 / int(present.sum())
    value, limits = {}, {}
    for row in kept.tolist():
        cells = [_cell(changes, row, int(column), level) for column in np.flatnonzero(present[row])]
        value[row] = min(gain for gain, _ in cells)
        limits[row] = Interval(min(i.low for _, i in cells), min(i.high for _, i in cells), 0.95)
    best = max(value, key=lambda row: value[row])
    also = [row for row in value if row != best and limits[row].high >= limits[best].low]
    return _advice("the best worst bin", rows, best, value[best], limits[best], also)


def _cell(changes: Changes, row: int, column: int, level: float) -> tuple[float, Interval]:
    cell = changes.by_eval_bin[column][row : row + 1]
    found = contrast(Changes((cell,)), np.ones((1, 1)))
    n_items = cell.shape[2]  # where all say the same, one item more could have said otherwise
    return found.value, found.interval(level) or Interval(found.value - 1 / n_items, found.value + 1 / n_items, level)


def _advice(goal: str, rows: Sequence[str], best: int, value: float, interval: Interval, also: Sequence[int]) -> Advice:
    names = tuple(rows[row] for row in also)
    shown = interval.low > 0
    within = f"{figure(value)}, {span(Interval(interval.low, interval.high, 0.95))} for all trainings at once"
    first = f"For {goal}, train on {rows[best]} ({within})."
    if not shown:
        first = f"For {goal}, no training is shown to raise accuracy; {rows[best]} has the largest estimate ({within})."
    rest = f" The data cannot tell it apart from {_listed(names)}." if names else " It is ahead of all others."
    return Advice(goal, rows[best], value, interval.low, interval.high, shown, names, first + rest)


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
