"""The named tests of one model: value, interval, direction and a sentence for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.distance import distance_slope
from easyhard.generalization.weights import BoolArray
from easyhard.generalization.words import bins_words, figure, span
from easyhard.schema import FloatArray, Interval


@dataclass(frozen=True, slots=True)
class Summary:
    """One named test. ``value`` is in proportion correct, or a count where the sentence says so.

    ``direction``: 1 or -1 where the value differs from zero at 5%, 0 where it does not or that is open.
    ``bins``: the training bins that the sentence speaks of.
    """

    sentence: str
    value: float | None = None
    interval: Interval | None = None
    direction: int = 0
    p_value: float | None = None
    bins: tuple[int, ...] = ()
    n_up: int | None = None  # cells above zero, where ``value`` counts cells

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the fields, with ``low, high, level`` for the interval."""
        interval = self.interval
        return {
            "value": self.value,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "level": interval.level if interval else None,
            "p_value": self.p_value,
            "direction": self.direction,
            "bins": list(self.bins),
            "n_up": self.n_up,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Question:
    """A contrast of gains, and what to say when it is below, not clear of, or above zero."""

    weights: Callable[[BoolArray], FloatArray | None]
    below: str
    unclear: str
    above: str


QUESTIONS = {
    "mean_gain": Question(
        weigh.mean_of,
        "Training lowers accuracy on average over all training and evaluation bins",
        "Training has no measurable effect on average over all training and evaluation bins",
        "Training raises accuracy on average over all training and evaluation bins",
    ),
    "slope_off_diagonal": Question(
        lambda present: weigh.slope(present & ~np.eye(len(present), dtype=bool)),
        "Leaving out each bin's own training, the gain still falls with each bin of distance",
        "Leaving out each bin's own training, the gain does not measurably change with each bin of distance",
        "Leaving out each bin's own training, the gain rises with each bin of distance",
    ),
    "own_bin_advantage": Question(
        weigh.diagonal,
        "Training on a bin helps that bin less than training on other bins does",
        "Training on a bin does not measurably help that bin more or less than training on other bins does",
        "Training on a bin helps that bin more than training on other bins does",
    ),
    "easy_to_hard": Question(
        lambda present: weigh.mean_of(np.triu(present, 1)),
        "Training on easier bins harms harder ones on average",
        "Training on easier bins has no measurable effect on harder ones on average",
        "Training on easier bins helps harder ones on average",
    ),
    "hard_to_easy": Question(
        lambda present: weigh.mean_of(np.tril(present, -1)),
        "Training on harder bins harms easier ones on average",
        "Training on harder bins has no measurable effect on easier ones on average",
        "Training on harder bins helps easier ones on average",
    ),
    "easier_minus_harder": Question(
        weigh.easier_minus_harder,
        "On the same evaluation bin, training on easier bins gains less than training on harder ones",
        "On the same evaluation bin, training on easier or on harder bins makes no measurable difference",
        "On the same evaluation bin, training on easier bins gains more than training on harder ones",
    ),
}


def summarise(changes: Changes, p_holm: FloatArray, name: str) -> dict[str, Any]:
    """All tests of model ``name``, by test name, and ``gain_at_distance`` as a list.

    ``p_holm`` [train_bins, eval_bins] is NaN where there is no result.
    """
    gains = changes.gains()
    present = weigh.rectangle(gains)
    summaries = {"distance_slope": _slope(changes, name)}
    for test, question in QUESTIONS.items():
        summaries[test] = _ask(changes, present, question)
    summaries["best_train_bin"], summaries["lead_of_best"] = _best(changes, present)
    summaries["changed_cells"] = _changed_cells(gains, p_holm)
    summaries["improves_every_bin"] = _improves_every_bin(gains, p_holm)
    named: dict[str, Any] = {test: summary.as_dict() for test, summary in summaries.items()}
    return {**named, "gain_at_distance": _gain_at_distance(changes, ~np.isnan(gains))}


def _gain_at_distance(changes: Changes, present: BoolArray) -> list[dict[str, Any]]:
    """Mean gain of the cells at each distance ``eval_bin - train_bin``, with its interval."""
    found = []
    for distance in range(1 - changes.count, changes.count):
        weights = weigh.mean_of(present & np.eye(changes.count, k=distance, dtype=bool))
        if weights is None:
            continue
        mean = contrast(changes, weights)
        interval = mean.interval()
        found.append(
            {
                "distance": distance,
                "value": mean.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
            }
        )
    return found


def _slope(changes: Changes, name: str) -> Summary:
    found = distance_slope(changes, name)
    if found is None:
        return Summary("How the gain depends on distance is unknown: that needs three bins with results.")
    return Summary(found.reading(), found.slope, found.interval, found.direction, p_value=found.permutation.p_value)


def _ask(changes: Changes, present: BoolArray, question: Question) -> Summary:
    weights = question.weights(present)
    if weights is None:
        return Summary("Unknown: too few cells have a result.")
    estimate = contrast(changes, weights)
    interval = estimate.interval()
    direction = direction_of(interval)
    words = (question.unclear, question.above, question.below)[direction]
    sentence = f"{words}: {figure(estimate.value)} ({span(interval)})."
    return Summary(sentence, estimate.value, interval, direction)


def direction_of(interval: Interval | None) -> int:
    """-1 or 1 for an interval clear of zero, else 0."""
    if interval is None or interval.low <= 0 <= interval.high:
        return 0
    return 1 if interval.low > 0 else -1


def _best(changes: Changes, present: BoolArray) -> tuple[Summary, Summary]:
    """The training bin with the largest mean gain, and its lead over the next.

    Picking the largest of several favours luck, so both intervals hold for all bins, or pairs of bins, at
    once (Bonferroni).
    """
    rows = np.flatnonzero(present.any(axis=1)).tolist()
    weights = {row: _row_mean(present, row) for row in rows}
    if not weights:
        return Summary("Unknown: no cell has a result."), Summary("Unknown: no cell has a result.")
    estimates = {row: contrast(changes, weight) for row, weight in weights.items()}
    ranked = sorted(estimates, key=lambda row: -estimates[row].value)
    best, count = ranked[0], len(ranked)
    interval = estimates[best].interval(1 - 0.05 / count)
    found = Summary(
        f"Training on bin {best} has the largest mean gain over all evaluation bins: "
        f"{figure(estimates[best].value)} ({span(interval)}, "
        "wide enough to hold for all training bins at once).",
        estimates[best].value,
        interval,
        direction_of(interval),
        bins=(best,),
    )
    if count == 1:
        return found, Summary("Only one training bin has results, so there is none to compare with.")
    lead = contrast(changes, weights[best] - weights[ranked[1]])
    gap = lead.interval(1 - 0.05 / (count * (count - 1) / 2))
    clear = "clearly" if direction_of(gap) else "but not clearly"
    sentence = (
        f"It leads the next, bin {ranked[1]}, {clear}: by {figure(lead.value)} ({span(gap)}, "
        "wide enough to hold for all pairs at once)."
    )
    return found, Summary(sentence, lead.value, gap, direction_of(gap), bins=(best, ranked[1]))


def _row_mean(present: BoolArray, row: int) -> FloatArray:
    """Weights of the mean gain of one training bin."""
    weights = np.zeros(present.shape)
    weights[row] = present[row] / present[row].sum()
    return weights


def _changed_cells(gains: FloatArray, p_holm: FloatArray) -> Summary:
    clear = p_holm < 0.05
    n_up, n_down = int((clear & (gains > 0)).sum()), int((clear & (gains < 0)).sum())
    n_all = int((~np.isnan(gains)).sum())
    sentence = (
        f"{n_up + n_down} of {n_all} cells differ from zero after Holm's correction for all of them: "
        f"{n_up} up, {n_down} down."
    )
    return Summary(sentence, float(n_up + n_down), direction=int(np.sign(n_up - n_down)), n_up=n_up)


def _improves_every_bin(gains: FloatArray, p_holm: FloatArray) -> Summary:
    rows = ((p_holm < 0.05) & (gains > 0)).all(axis=1)
    bins = tuple(int(row) for row in np.flatnonzero(rows))
    words = f"Training on {bins_words(bins)} improves" if bins else "No single training bin is shown to improve"
    sentence = f"{words} every evaluation bin (each cell above zero after Holm's correction for all cells)."
    return Summary(sentence, float(len(bins)), direction=int(bool(bins)), bins=bins)
