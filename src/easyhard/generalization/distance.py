"""How the gain changes with the distance between the bin trained on and the bin evaluated on."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from easyhard.chance import cell_rng
from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.words import figure, p_words, span
from easyhard.schema import FloatArray, Interval

_EXACT_UP_TO = 7  # training bins: 5,040 relabellings; above, a random sample of them
_SAMPLED = 9_999


@dataclass(frozen=True, slots=True)
class Permutation:
    """Two-sided permutation p-value, and the smallest that so few training bins could have given."""

    p_value: float
    smallest: float
    exact: bool  # all relabellings, or a random sample of them


@dataclass(frozen=True, slots=True)
class DistanceSlope:
    """Change of gain per bin of distance, in proportion correct; negative: training helps most nearby."""

    slope: float
    interval: Interval | None
    permutation: Permutation

    @property
    def direction(self) -> int:
        """-1 or 1 where interval and permutation test both exclude zero (at 5%), else 0."""
        clear = self._interval_excludes_zero and self.permutation.p_value < 0.05
        return int(math.copysign(1, self.slope)) if clear else 0

    @property
    def _interval_excludes_zero(self) -> bool:
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high

    def reading(self) -> str:
        """The slope in words, with its uncertainty."""
        figures = (
            f"{figure(self.slope)} per bin of distance between training and evaluation "
            f"({span(self.interval)}; permutation {p_words(self.permutation.p_value)})"
        )
        if self.direction:
            return f"The gain {'falls' if self.direction < 0 else 'rises'} with distance: {figures}."
        if self._interval_excludes_zero:
            return (
                f"Whether the gain depends on distance stays open: {figures}. These items and seeds say so, "
                "but other training examples might not (smallest p that so many training bins can give: "
                f"{self.permutation.smallest:.2g})."
            )
        return f"The gain does not measurably depend on distance: {figures}."


def distance_slope(changes: Changes, name: str) -> DistanceSlope | None:
    """Slope on distance in ``gain[i, j] = row[i] + column[j] + slope * |i - j|``, by least squares.

    Row effects take out that one training bin may be better for everything, column effects that one
    evaluation bin may be easier to improve: what is left is compared within both. Needs three bins; None
    with fewer, or when failed runs leave too little.

    ``interval`` covers the draw of items within evaluation bins and, with several seeds, of seeds within
    training bins (see ``contrast``); the training examples are taken as given. ``permutation`` asks what the
    interval does not: could the pattern come from which examples each bin happened to be trained on? Its
    null: apart from an effect of its own that is equal over all evaluation bins, a training run's profile of
    gains has nothing to do with which bin it was trained on, so the training bins may be relabelled at will.
    ``name`` fixes the random stream where relabellings are sampled.
    """
    gains = changes.gains()
    present = weigh.rectangle(gains)
    weights = weigh.slope(present) if changes.count >= 3 else None
    if weights is None:
        return None
    estimate = contrast(changes, weights)
    rows, columns = present.any(axis=1), present.any(axis=0)
    # [label, row]: what a row of gains would add to the slope, were it labelled as another training bin.
    table = weights[rows][:, columns] @ gains[rows][:, columns].T
    return DistanceSlope(estimate.value, estimate.interval(), permutation_test(table, name))


def permutation_test(table: FloatArray, name: str) -> Permutation:
    """Test the sum of the diagonal of ``table`` [labels, rows] against its sums under other labellings.

    Exact up to 7 rows. Beyond, from 9,999 random relabellings and the one observed, so never 0.
    """
    count = len(table)
    exact = count <= _EXACT_UP_TO
    if exact:
        labels = np.array(list(itertools.permutations(range(count))))
    else:
        draws = cell_rng(0, "generalization", "permutation", name)
        sampled = draws.permuted(np.tile(np.arange(count), (_SAMPLED, 1)), axis=1)
        labels = np.vstack([np.arange(count), sampled])
    sums = np.abs(table[labels, np.arange(count)].sum(axis=1))
    # The tolerance keeps relabellings that tie with the observed one, but for rounding, on its side.
    p_value = float((sums >= sums[0] - 1e-12).mean())
    return Permutation(p_value, 1 / len(labels), exact)
