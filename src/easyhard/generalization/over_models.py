"""The models of one study together: means over models that answered the same items, and how far models differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import special

from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, Contrast, contrast
from easyhard.generalization.crossed import Spread
from easyhard.generalization.distance import permutation_test
from easyhard.generalization.summary import QUESTIONS, Question, direction_of
from easyhard.generalization.weights import BoolArray
from easyhard.generalization.words import figure, p_words, points, span
from easyhard.schema import FloatArray, Interval

_SLOPE = Question(
    weigh.slope,
    "The gain falls with each bin of distance between training and evaluation",
    "The gain does not measurably change with each bin of distance between training and evaluation",
    "The gain rises with each bin of distance between training and evaluation",
)
ASKED = {"mean_gain": QUESTIONS["mean_gain"], "distance_slope": _SLOPE, **QUESTIONS}

SCHEMA = {
    "test": pl.String, "n_models": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "level": pl.Float64, "p_value": pl.Float64, "direction": pl.Int64, "between": pl.Float64,
    "between_low": pl.Float64, "between_high": pl.Float64, "prediction_low": pl.Float64,
    "prediction_high": pl.Float64, "sentence": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OverModels:
    """A contrast of gains over several models that answered the same items, in proportion correct.

    ``value`` is the mean over the models and ``interval`` that of the mean over models and items like these.
    ``between`` is the standard deviation of the models' true values, with its interval; ``prediction`` where one more
    model would lie, from three models on. ``p_value`` is that of the permutation test, where the
    contrast has one.
    """

    value: float
    interval: Interval | None
    between: float
    between_interval: Interval
    prediction: Interval | None
    n_models: int
    p_value: float | None = None

    @property
    def direction(self) -> int:
        """-1 or 1 where the interval, and the permutation test if there is one, exclude zero (at 5%), else 0."""
        return direction_of(self.interval) if self.p_value is None or self.p_value < 0.05 else 0

    def reading(self, question: Question) -> str:
        """The mean in words, how far models differ, and what one more would do."""
        words = (question.unclear, question.above, question.below)[self.direction]
        test = "" if self.p_value is None else f"; permutation {p_words(self.p_value)}"
        spread = f"true values of models differ by {points(self.between).lstrip('+')} points (sd)"
        more = ""
        if self.prediction:
            more = f"; one more model would lie within {points(self.prediction.low)} to {points(self.prediction.high)}"
        mean = f"{figure(self.value)} ({span(self.interval)}{test})"
        return f"Over {self.n_models} models together: {words[0].lower()}{words[1:]}: {mean}; {spread}{more}."


def over_models(models: Sequence[Changes], level: float = 0.95) -> dict[str, OverModels]:
    """The questions of ``summary`` and the slope on distance, over two models or more, by the name of the test.

    ``models`` hold the same items in the same places. All are weighted alike and judged on the cells where every
    model with a result has one; a question that these do not settle is left out. Seeds are drawn anew for every model.
    """
    gains = [changes.gains() for changes in models]
    kept = [place for place, cells in enumerate(gains) if not np.isnan(cells).all()]
    if len(kept) < 2:
        return {}
    present = np.logical_and.reduce([weigh.rectangle(gains[place]) for place in kept])
    mean_gains = np.mean([gains[place] for place in kept], axis=0)
    found = {}
    for test, question in ASKED.items():
        weights = _weights(test, question, present)
        if weights is None:
            continue
        contrasts = [contrast(models[place], weights) for place in kept]
        p_value = _permutation(weights, mean_gains, present) if test == "distance_slope" else None
        found[test] = mean_over_models(contrasts, level, p_value)
    return found


def over_models_table(models: Sequence[Changes]) -> pl.DataFrame:
    """``over_models`` as a table, one row per test, with a sentence for each; no row with fewer than two models."""
    return pl.DataFrame(
        [_row(test, one, one.reading(ASKED[test])) for test, one in over_models(models).items()], schema=SCHEMA
    )


def mean_over_models(contrasts: Sequence[Contrast], level: float = 0.95, p_value: float | None = None) -> OverModels:
    """Mean over models of one contrast, whose items are the same for all of them.

    Models and items are crossed samples, as seeds and items are in a cell. With K models the variance of the mean is
    ``s^2 / K + c``: ``s^2`` the variance of the K values, ``c`` the mean covariance that the shared items give two
    models. The first part holds what models differ by and what is noise of each alone; the second does not shrink with
    more models, and treating them as independent would leave it out. Degrees of freedom by Satterthwaite, the interval
    never narrower than were all models alike (see ``crossed.Spread``). The variance between models is ``s^2`` less
    what items and seeds explain of it, its interval the Q-profile's of Viechtbauer (2007), Statistics in Medicine
    26(1), for equal errors. The prediction interval is Student's for one more of the K values, with what the shared
    items add: it holds the true value of one more model and what as many items would show of it. One that takes the
    noise off again, as is common, is too narrow with few models.
    """
    values = np.array([one.value for one in contrasts])
    influence = np.array([one.influence for one in contrasts])
    count = len(values)
    mean, scatter = float(values.mean()), float(values.var(ddof=1))
    covariances = influence @ influence.T
    own = float(np.trace(covariances)) / count
    shared = (float(covariances.sum()) - count * own) / (count * (count - 1))
    seeds = float(np.mean([max(one.spread.seeds - one.spread.error, 0.0) for one in contrasts]))
    noise = max(own - shared + seeds, 0.0)  # variance of the values, were all models alike
    alike = float((influence.mean(axis=0) ** 2).sum()) + seeds / count
    spread = Spread(alike, scatter / count, (own - shared + seeds) / count, count - 1)
    half = spread.half_width(level)
    between = max(scatter - noise, 0.0)
    ends = [max((count - 1) * scatter / special.chdtri(count - 1, tail) - noise, 0.0) for tail in _tails(level)]
    prediction = None
    if count > 2:
        variance = scatter * (1 + 1 / count) + max(shared, 0.0)
        reach = float(special.stdtrit(count - 1, (1 + level) / 2)) * float(np.sqrt(variance))
        prediction = Interval(mean - reach, mean + reach, level)
    return OverModels(
        value=mean,
        interval=Interval(mean - half, mean + half, level) if half > 1e-12 else None,
        between=float(np.sqrt(between)),
        between_interval=Interval(float(np.sqrt(ends[0])), float(np.sqrt(ends[1])), level),
        prediction=prediction,
        n_models=count,
        p_value=p_value,
    )


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _weights(test: str, question: Question, present: BoolArray) -> FloatArray | None:
    too_few = test == "distance_slope" and len(present) < 3
    return None if too_few else question.weights(present)


def _permutation(weights: FloatArray, gains: FloatArray, present: BoolArray) -> float:
    """Training bins relabelled in all models at once, as all were trained on the same items of a bin."""
    rows, columns = present.any(axis=1), present.any(axis=0)
    return permutation_test(weights[rows][:, columns] @ gains[rows][:, columns].T, "models together").p_value


def _row(test: str, one: OverModels, sentence: str) -> dict[str, object]:
    interval, prediction = one.interval, one.prediction
    return {
        "test": test,
        "n_models": one.n_models,
        "value": one.value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "level": interval.level if interval else None,
        "p_value": one.p_value,
        "direction": one.direction,
        "between": one.between,
        "between_low": one.between_interval.low,
        "between_high": one.between_interval.high,
        "prediction_low": prediction.low if prediction else None,
        "prediction_high": prediction.high if prediction else None,
        "sentence": sentence,
    }
