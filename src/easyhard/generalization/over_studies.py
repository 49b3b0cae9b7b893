"""Studies together: a mean over datasets and models, where studies may share either."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import special

from easyhard.generalization.changes import Contrast
from easyhard.generalization.crossed import Spread
from easyhard.generalization.over_models import ASKED, mean_over_models
from easyhard.generalization.summary import Question, direction_of
from easyhard.generalization.words import figure, points, span
from easyhard.schema import FloatArray, InputError, Interval
from easyhard.wording import counted

SCHEMA = {
    "test": pl.String, "n_datasets": pl.Int64, "n_models": pl.Int64, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "level": pl.Float64, "covers": pl.String, "low_of_these": pl.Float64,
    "high_of_these": pl.Float64, "direction": pl.Int64, "between": pl.Float64, "prediction_low": pl.Float64,
    "prediction_high": pl.Float64, "sentence": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """A contrast of one model in one study.

    ``dataset`` and ``model`` are the same for all studies that share them. ``items`` name what stands at each place of
    the contrast's influence; a name that recurs, in this study or another, is the same item.
    """

    dataset: int
    model: str
    items: tuple[str, ...]
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class OverStudies:
    """A contrast of gains over studies, in proportion correct.

    ``value`` is the mean over datasets of the mean over their models. ``interval`` holds for what ``covers`` says;
    ``of_these`` for the mean of these very models on these very datasets, over items and seeds alone. ``between`` is
    the standard deviation of the true values of datasets, or of models where there is one dataset; ``prediction``
    where one more of these would lie, from three on.
    """

    value: float
    interval: Interval | None
    of_these: Interval | None
    between: float | None
    prediction: Interval | None
    n_datasets: int
    n_models: int

    @property
    def covers(self) -> str:
        """What the interval of the mean holds for."""
        if self.n_datasets > 1:
            return "datasets and models like these" if self.n_models > 1 else "datasets like these, with this model"
        return "models and items like these, on this dataset" if self.n_models > 1 else "items like these"

    def reading(self, question: Question) -> str:
        """The mean in words, what its interval covers, and how far datasets or models differ."""
        direction = direction_of(self.interval)
        words = (question.unclear, question.above, question.below)[direction]
        over = f"Over {counted(self.n_datasets, 'dataset')} and {counted(self.n_models, 'model')} together"
        text = f"{over}: {words[0].lower()}{words[1:]}: {figure(self.value)} ({span(self.interval)}, for {self.covers}"
        kind = "dataset" if self.n_datasets > 1 else "model"
        if self.between is not None and self.of_these:
            low, high = points(self.of_these.low), points(self.of_these.high)
            text += f"; {low} to {high} for these {kind}s alone, with other items and seeds"
        text += ")"
        if self.between is not None:
            text += f"; true values of {kind}s differ by {points(self.between).lstrip('+')} points (sd)"
        if self.prediction:
            low, high = points(self.prediction.low), points(self.prediction.high)
            text += f"; one more {kind} would lie within {low} to {high}"
        return f"{text}."


def connected(parts: Mapping[str, Collection[str]]) -> list[list[str]]:
    """The keys in groups, in their order: two that have a part in common are in one, directly or through others."""
    groups: list[tuple[list[str], set[str]]] = []
    for name, own in parts.items():
        met = [group for group in groups if not group[1].isdisjoint(own)]
        joined = [*(one for group in met for one in group[0]), name], {*own}.union(*(group[1] for group in met))
        groups = [*(group for group in groups if group not in met), joined]
    order = list(parts)
    return sorted((sorted(names, key=order.index) for names, _ in groups), key=lambda names: order.index(names[0]))


def mean_over_studies(estimates: Sequence[Estimate], level: float = 0.95) -> OverStudies:
    """Mean over datasets, each with the mean over its models, of one contrast.

    Estimates of one model on one dataset are first averaged, item by item: studies that repeat each other are worth
    one. Their trainings are taken to be the same, so that seeds do not average out over them. On one dataset the rest
    is ``mean_over_models``. Several datasets, which have no item in common, and models are crossed samples. The
    variance of the mean is the scatter of the datasets' means, ``s_D^2 / D``, in which items, seeds and what models of
    a dataset share are contained. Where models recur, what they bring along to every dataset is not: the scatter of
    the models' means is added, less the interaction that both contain where every model has every dataset (Cornfield &
    Tukey 1956), less nothing otherwise, which errs on the wide side. Student's t with Satterthwaite's degrees of
    freedom, never narrower than over items and seeds alone. Raises InputError without an estimate.
    """
    if not estimates:
        raise InputError("there is no estimate, and so no mean. Give one or more.")
    cells = _cells(estimates)
    datasets, models = (list(dict.fromkeys(key[axis] for key in cells)) for axis in (0, 1))
    contrasts = list(cells.values())
    of_dataset = np.array([[key[0] == one for one in datasets] for key in cells], dtype=np.float64)
    of_model = np.array([[key[1] == one for one in models] for key in cells], dtype=np.float64)
    weights = (of_dataset / of_dataset.sum(axis=0)).sum(axis=1) / len(datasets)
    values = np.array([one.value for one in contrasts])
    mean, alone = float(weights @ values), _spread(contrasts, weights)
    of_these = _around(mean, alone.half_width(level), level)
    if len(datasets) == 1 and len(models) == 1:
        return OverStudies(mean, of_these, of_these, None, None, 1, 1)
    if len(datasets) == 1:
        found = mean_over_models(contrasts, level)
        return OverStudies(mean, found.interval, of_these, found.between, found.prediction, 1, len(models))
    of_datasets = (of_dataset.T @ values) / of_dataset.sum(axis=0)
    noise = [_variance(_spread(contrasts, column / column.sum())) for column in of_dataset.T]
    scatter, count = float(of_datasets.var(ddof=1)), len(datasets)
    half = max(_two_way(values, weights, of_dataset, of_model, level), alone.half_width(level))
    prediction = None
    if count > 2:
        reach = _quantile(count - 1, level) * math.sqrt(scatter * (1 + 1 / count))
        prediction = _around(mean, max(reach, half), level)  # no dataset is better known than the mean
    between = math.sqrt(max(scatter - float(np.mean(noise)), 0.0))
    return OverStudies(mean, _around(mean, half, level), of_these, between, prediction, count, len(models))


def over_studies_table(found: Mapping[str, OverStudies]) -> pl.DataFrame:
    """Means by test as a table, one row each, with a sentence."""
    return pl.DataFrame([_row(test, one) for test, one in found.items()], schema=SCHEMA)


def _cells(estimates: Sequence[Estimate]) -> dict[tuple[int, str], Contrast]:
    """One contrast of each model on each dataset, with its influence on all items of all estimates."""
    place = {name: number for number, name in enumerate(dict.fromkeys(n for one in estimates for n in one.items))}
    grouped: dict[tuple[int, str], list[Estimate]] = {}
    for one in estimates:
        grouped.setdefault((one.dataset, one.model), []).append(one)
    cells = {}
    for key, group in grouped.items():
        influence = np.zeros(len(place))
        for one in group:
            np.add.at(influence, [place[name] for name in one.items], one.contrast.influence / len(group))
        spreads = [one.contrast.spread for one in group]
        seeds, error = (float(np.mean([getattr(one, part) for one in spreads])) for part in ("seeds", "error"))
        spread = Spread(float((influence**2).sum()), seeds, error, min(one.seeds_df for one in spreads))
        cells[key] = Contrast(float(np.mean([one.contrast.value for one in group])), spread, influence)
    return cells


def _spread(contrasts: Sequence[Contrast], weights: FloatArray) -> Spread:
    """Spread over items and seeds of a weighted sum; seeds are drawn anew for each contrast."""
    influence = weights @ np.array([one.influence for one in contrasts])
    squares = weights**2
    seeds, error = (squares @ [getattr(one.spread, part) for one in contrasts] for part in ("seeds", "error"))
    freedom = sum(one.spread.seeds_df for one, weight in zip(contrasts, weights, strict=True) if weight)
    return Spread(float((influence**2).sum()), float(seeds), float(error), freedom)


def _variance(spread: Spread) -> float:
    return spread.items + max(spread.seeds - spread.error, 0.0)


def _two_way(
    values: FloatArray, weights: FloatArray, of_dataset: FloatArray, of_model: FloatArray, level: float
) -> float:
    """Half the interval of the mean over datasets and models as crossed samples; indicators are [cells, groups]."""
    rest = weights * (values - weights @ values)
    n_datasets, n_models = of_dataset.shape[1], of_model.shape[1]
    datasets = n_datasets / (n_datasets - 1) * float(((of_dataset.T @ rest) ** 2).sum())
    if n_models == 1 or of_model.sum(axis=0).max() == 1:  # one model, or each with a dataset of its own
        return _quantile(n_datasets - 1, level) * math.sqrt(datasets)
    models = n_models / (n_models - 1) * float(((of_model.T @ rest) ** 2).sum())
    both = datasets + max(models - _interaction(values, of_dataset, of_model), 0.0)
    freedom: float = both**2 / max(datasets**2 / (n_datasets - 1) + models**2 / (n_models - 1), 1e-300)
    return _quantile(max(freedom, min(n_datasets, n_models) - 1), level) * math.sqrt(both)


def _interaction(values: FloatArray, of_dataset: FloatArray, of_model: FloatArray) -> float:
    """Variance that the interaction of dataset and model gives to the mean; 0 where a combination is missing."""
    n_datasets, n_models = of_dataset.shape[1], of_model.shape[1]
    if len(values) < n_datasets * n_models:
        return 0.0
    table = np.einsum("cd,cm,c->dm", of_dataset, of_model, values)
    rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    variance: float = (rest**2).sum() / ((n_datasets - 1) * (n_models - 1) * len(values))
    return variance


def _quantile(freedom: float, level: float) -> float:
    return float(special.stdtrit(freedom, (1 + level) / 2))


def _around(mean: float, half: float, level: float) -> Interval | None:
    """The interval; None if every item says the same: its width is then unknown."""
    return Interval(mean - half, mean + half, level) if half > 1e-12 else None


def _row(test: str, one: OverStudies) -> dict[str, object]:
    interval, prediction, these = one.interval, one.prediction, one.of_these
    return {
        "test": test,
        "n_datasets": one.n_datasets,
        "n_models": one.n_models,
        "value": one.value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "level": interval.level if interval else None,
        "covers": one.covers,
        "low_of_these": these.low if these else None,
        "high_of_these": these.high if these else None,
        "direction": direction_of(interval),
        "between": one.between,
        "prediction_low": prediction.low if prediction else None,
        "prediction_high": prediction.high if prediction else None,
        "sentence": one.reading(ASKED[test]),
    }
