"""Which bins separate items better: those by the models' difficulty, or by a covariate that people counted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.chance import cell_rng
from easyhard.generalization.covariate_columns import read_column
from easyhard.generalization.matrix import TrainedRun, evaluation_items
from easyhard.generalization.words import figure, points, span
from easyhard.schema import MISSING, Bins, FloatArray, IndexArray, Interval, Items, Responses

DRAWS = 1_000  # the ends of a 95% interval are then known to a tenth of its width
FEWEST_PER_BIN = 5  # items, below which the redrawn mean of a bin says nothing

SCHEMA = {
    "model": pl.String, "covariate": pl.String, "n_items": pl.Int64,
    "accuracy_difficulty": pl.Float64, "accuracy_covariate": pl.Float64, "accuracy_lead": pl.Float64,
    "accuracy_low": pl.Float64, "accuracy_high": pl.Float64,
    "fall_difficulty": pl.Float64, "fall_covariate": pl.Float64, "fall_lead": pl.Float64,
    "fall_low": pl.Float64, "fall_high": pl.Float64, "sentence": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Compared:
    """One figure by difficulty and by covariate, and the first less the second with its interval."""

    difficulty: float
    covariate: float
    lead: Interval

    @property
    def direction(self) -> int:
        """1 where difficulty separates better, -1 where the covariate does, 0 where the data cannot tell."""
        return int(self.lead.low > 0) - int(self.lead.high < 0)


def separation(
    bins: Bins, zero_shot: Mapping[str, Responses], runs: Sequence[TrainedRun], items: Items
) -> pl.DataFrame:
    """How well bins by difficulty and by each covariate in numbers separate the evaluated items, one row for each.

    The items with a value are cut anew into as many equal bins by either; ties are broken at random, since a covariate
    cannot separate what it does not tell apart. Two figures, each by difficulty and by covariate, and the ``lead`` of
    difficulty with its 95% interval (``low, high``) from redrawing the items:

    ``accuracy``: the share of the variance of zero-shot correctness that lies between bins, less what as many bins
    would take by chance. ``fall``: by how much the gain falls for one standard deviation of the distance between the
    bin evaluated on and the mean bin of what was trained on, in proportion correct, once a training's own effect and
    an item's are taken out; it is null without two trainings. Covariates in words have no order and are left out, as
    are those with too few items for so many bins.
    """
    columns = [read_column(items.table[name]) for name in items.covariates]
    place = {name: row for row, name in enumerate(items.table["item"])}
    numbers = [column for column in columns if column.kind == "number" and not column.fault]
    rows = []
    for model, responses in zero_shot.items():
        mine = [run for run in runs if run.model == model and run.responses is not None]
        for column in numbers:
            value = {name: float(column.values[row]) for name, row in place.items() if np.isfinite(column.values[row])}
            row = _row(bins, responses, mine, value, f"{model}/{column.name}")
            rows += [{"model": model, "covariate": column.name, **row}] if row else []
    return pl.DataFrame(rows, schema=SCHEMA)


def _row(
    bins: Bins, zero_shot: Responses, runs: Sequence[TrainedRun], value: Mapping[str, float], name: str
) -> dict[str, object] | None:
    table = bins.table.filter(pl.col("item").is_in(list(value)))
    evaluated = [item for bin_ in range(bins.count) for item in evaluation_items(bins, bin_) if item in value]
    answers = zero_shot.select(evaluated).correct[0]
    evaluated = [item for item, answer in zip(evaluated, answers, strict=True) if answer != MISSING]
    if len(evaluated) < FEWEST_PER_BIN * bins.count:
        return None
    right = answers[answers != MISSING].astype(np.float64)
    rng = cell_rng(0, "generalization", "separation", name)
    ties = rng.random(len(table))
    by = [
        dict(zip(table["item"], _cut(values, ties, bins.count), strict=True))
        for values in (table["difficulty"].to_numpy(), np.array([value[item] for item in table["item"]]))
    ]
    counts = rng.multinomial(len(evaluated), np.full(len(evaluated), 1 / len(evaluated)), DRAWS)
    weights = np.vstack([np.ones(len(evaluated)), counts])
    cuts = [np.array([places[item] for item in evaluated]) for places in by]
    accuracy = _compared([_share_between(weights, right, cut, bins.count) for cut in cuts])
    fall = _falls(bins, zero_shot, runs, evaluated, by, weights)
    return {
        "n_items": len(evaluated),
        **_figures("accuracy", accuracy),
        **_figures("fall", fall),
        "sentence": _sentence(name.rsplit("/", 1)[1], accuracy, fall),
    }


def _cut(values: FloatArray, ties: FloatArray, count: int) -> IndexArray:
    """Bin of each item, equal-sized; equal values in the order of ``ties``."""
    bin_ = np.empty(len(values), dtype=np.intp)
    bin_[np.lexsort((ties, values))] = np.arange(len(values)) * count // len(values)
    return bin_


def _share_between(weights: FloatArray, right: FloatArray, bin_: IndexArray, count: int) -> FloatArray:
    """Share of the variance of ``right`` between bins, less what chance gives them: [draws]."""
    belongs = (bin_[:, None] == np.arange(count)).astype(np.float64)
    size, total = weights @ belongs, weights @ (belongs * right[:, None])
    n, mean = weights.sum(axis=1), (weights @ right) / weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.where(size > 0, total**2 / size, 0.0).sum(axis=1) - n * mean**2
        share = between / (n * mean * (1 - mean))
    share = np.nan_to_num(share)
    corrected: FloatArray = 1 - (n - 1) / (n - count) * (1 - share)
    return corrected


def _falls(
    bins: Bins,
    zero_shot: Responses,
    runs: Sequence[TrainedRun],
    evaluated: Sequence[str],
    by: Sequence[Mapping[str, int]],
    weights: FloatArray,
) -> _Compared | None:
    """Fall of the gain per standard deviation of distance, by difficulty and by covariate; None if neither has one."""
    single = [run for run in runs if isinstance(run.train_bin, int) and run.responses is not None]
    rows = sorted({run.train_bin for run in single if isinstance(run.train_bin, int)})
    if len(rows) < 2:
        return None
    after = np.array([_mean_answers([r for r in single if r.train_bin == row], evaluated) for row in rows])
    known = ~np.isnan(after).any(axis=0)
    if known.sum() < FEWEST_PER_BIN * bins.count:
        return None
    change = after[:, known] - zero_shot.select(evaluated).correct[0][known]
    found = []
    for places in by:
        bin_ = np.array([places[item] for item in evaluated], dtype=np.float64)[known]
        trained = [[places[item] for item in bins.items(row, "train") if item in places] for row in rows]
        if not all(trained):
            return None
        where = np.array([np.mean(one) for one in trained])
        found.append(-_standardised(weights[:, known], change, np.abs(where[:, None] - bin_)))
    return _compared(found)


def _mean_answers(runs: Sequence[TrainedRun], items: Sequence[str]) -> FloatArray:
    """Mean over the seeds of one training, NaN where one of them lacks the item."""
    answers = np.array([run.responses.select(items).correct[0] for run in runs if run.responses])
    mean: FloatArray = np.where(answers == MISSING, np.nan, answers).mean(axis=0)
    return mean


def _standardised(weights: FloatArray, change: FloatArray, distance: FloatArray) -> FloatArray:
    """Slope of ``change`` on ``distance`` [rows, items] within rows and items, per standard deviation: [draws]."""
    c, d = (table - table.mean(axis=0) for table in (change, distance))
    n = weights.sum(axis=1)
    c_rows, d_rows = weights @ c.T, weights @ d.T
    product = weights @ (c * d).sum(axis=0) - (c_rows * d_rows).sum(axis=1) / n
    square = weights @ (d**2).sum(axis=0) - (d_rows**2).sum(axis=1) / n
    slope: FloatArray = product / np.sqrt(np.maximum(square, 1e-12) * n * len(change))
    return slope


def _compared(found: Sequence[FloatArray]) -> _Compared:
    """The first entry of each is the estimate, the others are redrawn."""
    (one, *first), (other, *second) = found
    low, high = np.quantile(np.array(first) - np.array(second), (0.025, 0.975))
    return _Compared(float(one), float(other), Interval(float(low), float(high)))


def _figures(what: str, found: _Compared | None) -> dict[str, float | None]:
    if found is None:
        return dict.fromkeys(f"{what}_{part}" for part in ("difficulty", "covariate", "lead", "low", "high"))
    return {
        f"{what}_difficulty": found.difficulty,
        f"{what}_covariate": found.covariate,
        f"{what}_lead": found.difficulty - found.covariate,
        f"{what}_low": found.lead.low,
        f"{what}_high": found.lead.high,
    }


def _sentence(covariate: str, accuracy: _Compared, fall: _Compared | None) -> str:
    by = ("Bins by difficulty and by {} separate", "Bins by difficulty separate", "Bins by {} separate")
    first = by[accuracy.direction].format(covariate)
    better = " equally well as far as the data can tell" if not accuracy.direction else " better"
    of = f"{100 * accuracy.difficulty:.0f}% of its variance lies between the first and {100 * accuracy.covariate:.0f}%"
    lead = f"95% interval of the lead {100 * accuracy.lead.low:.0f} to {100 * accuracy.lead.high:.0f} points"
    said = f"{first} zero-shot accuracy{better}: {of} between the second ({lead})."
    said = said.replace(" -", " −")
    if fall is None:
        return said
    named = ("neither measurably better", "better by difficulty", f"better by {covariate}")[fall.direction]
    return (
        f"{said} Distance between training and evaluation tells the gain {named}: it falls by "
        f"{figure(fall.difficulty)} per standard deviation of the distance by difficulty, {points(fall.covariate)} by "
        f"{covariate} ({span(fall.lead)} of the lead)."
    )
