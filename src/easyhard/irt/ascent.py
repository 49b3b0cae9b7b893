"""Newton's method for item difficulties whose level is free, as in conditional and joint maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from easyhard.irt.cases import ItemTotals
from easyhard.schema import FloatArray

_TOLERANCE = 1e-8  # logits, of the last step; Newton's method then is as exact as the arithmetic
_MOST_ITERATIONS = 200  # ordinary data take 4 to 8
_LONGEST_STEP = 2.0  # logits
_ROUNDING = 1e-11  # of a log-likelihood, relative


@dataclass(frozen=True, slots=True)
class Slopes:
    """Log-likelihood and its derivatives by the difficulties of groups of items, all items of one alike.

    The information of two different items, of one group or of two, is ``shared``; that of an item with itself
    is ``shared`` plus ``own``. All items moved alike change nothing, so its rows sum to 0 over the items.
    """

    log_likelihood: float
    gradient: FloatArray  # [groups], by the common difficulty of the group
    own: FloatArray  # [groups]
    shared: FloatArray  # [groups, groups]


@dataclass(frozen=True, slots=True)
class Ascent:
    """Where the search ended."""

    difficulty: FloatArray  # [groups], mean 0 over the items
    iterations: int
    moved: float  # by the last step, at most

    @property
    def converged(self) -> bool:
        """Whether the last step was below the tolerance."""
        return self.moved < _TOLERANCE

    @property
    def convergence(self) -> str:
        """What to tell the user."""
        if self.converged:
            return f"Converged in {self.iterations} steps; the last moved no estimate by more than {_TOLERANCE:g}."
        return (
            f"Not converged: step {self.iterations}, the last, still moved an estimate by {self.moved:.1g}. "
            "Drop items with few responses, or add respondents."
        )


def ascend(slopes_at: Callable[[FloatArray], Slopes], start: FloatArray, size: FloatArray) -> Ascent:
    """Climb from ``start`` [groups] to the maximum; ``size`` [groups] is the number of items of each group."""
    difficulty = start - size @ start / size.sum()
    at = slopes_at(difficulty)
    for iteration in range(1, _MOST_ITERATIONS + 1):
        root = np.sqrt(size)
        step = cho_solve(_factor(at, size), at.gradient / root) / root
        step *= min(1.0, _LONGEST_STEP / np.abs(step).max(initial=_LONGEST_STEP))
        moved = float(np.abs(step).max())
        if moved < _TOLERANCE:
            return Ascent(difficulty + step - size @ step / size.sum(), iteration, moved)
        for halvings in range(30):
            found = slopes_at(difficulty + step / 2**halvings)
            if found.log_likelihood >= at.log_likelihood - _ROUNDING * abs(at.log_likelihood):
                break
        difficulty, at = difficulty + step / 2**halvings, found
        difficulty = difficulty - size @ difficulty / size.sum()
    return Ascent(difficulty, _MOST_ITERATIONS, moved)


def log_odds_start(items: ItemTotals) -> FloatArray:
    """Log-odds of a wrong answer to an item of each group [groups]: where to start."""
    asked = items.asked * items.size
    return np.asarray(np.log((asked - items.total + 0.5) / (items.total + 0.5)))


def centred_errors(at: Slopes, size: FloatArray) -> FloatArray:
    """Standard error of the distance of an item of each group [groups] from the mean item.

    From the Moore-Penrose inverse of the information of all items. Its directions are those in which groups
    move as a whole, and those in which the items of one group move against each other.
    """
    inverse = cho_solve(_factor(at, size), np.eye(len(size)))
    level = 1 / (_level(at, size) * size.sum() ** 2)  # what holding the level added to the inverse, per pair of items
    within = np.divide(1 - 1 / size, at.own, out=np.zeros(len(size)), where=size > 1)
    return np.asarray(np.sqrt(within + np.diag(inverse) / size - level))


def _factor(at: Slopes, size: FloatArray) -> tuple[FloatArray, bool]:
    """Factor of the information of the groups, per square root of their sizes, with the level held."""
    root = np.sqrt(size)
    information = (at.shared + _level(at, size)) * np.outer(root, root) + np.diag(at.own)
    factor: tuple[FloatArray, bool] = cho_factor(information, lower=True)
    return factor


def _level(at: Slopes, size: FloatArray) -> float:
    """Information, per pair of items, given to the level of all items: such that it has as much as an item."""
    return float((size @ (at.own + np.diag(at.shared))) / size.sum() ** 2)
