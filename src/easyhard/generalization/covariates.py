"""How far human notions of difficulty go with the difficulty that models show: one by one, and all together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.generalization.covariate_columns import FEWEST_OF_A_WORD, Column, read_column
from easyhard.generalization.rank_correlation import group_correlation, rank_correlation
from easyhard.generalization.ridge import Prediction, predict
from easyhard.schema import FloatArray, InputError, Interval, ItemBank, Items
from easyhard.wording import counted, shown

BoolArray = npt.NDArray[np.bool_]

FEWEST_PREDICTED = 100  # below, the interval of R squared covers less than nine times in ten (simulated)
LEAST_RELIABLE = 0.5  # below, taking out the error would enlarge a correlation by more than 1.4


@dataclass(frozen=True, slots=True)
class CovariateCorrelation:
    """Rank correlation of one covariate with difficulty; None, and a ``note`` that says why, where there is none.

    Numbers: Spearman's, positive where more is harder. Words (``kind`` is ``"words"``): of difficulty with the mean
    rank of the word's items, never negative. ``disattenuated`` is what it would be, were difficulties free of error.
    """

    covariate: str
    kind: str  # "number" or "words"
    n_items: int  # with a value
    n_values: int  # different ones
    correlation: float | None
    interval: Interval | None
    disattenuated: float | None
    note: str

    def words(self) -> str:
        """``rank correlation +0.46 (95% interval +0.35 to +0.56)``, or why there is none."""
        if self.correlation is None or self.interval is None:
            return f"no rank correlation: {self.note}"
        sign = "+" if self.kind == "number" else ""
        low, high = (f"{end:{sign}.2f}" for end in (self.interval.low, self.interval.high))
        said = f"rank correlation {self.correlation:{sign}.2f} (95% interval {low} to {high})"
        return said.replace("-", "−")


@dataclass(frozen=True, slots=True)
class CovariateStudy:
    """Correlations of each covariate with difficulty, and the prediction from all of them, on ``items``.

    ``reliability`` is the share of the variance of the calibrated difficulties that is not error, over items that
    some answered correctly and others not. The prediction is fitted to these and judged on these alone, as the
    difficulty of the others is no more than a bound; ``predicted`` is NaN for them. ``prediction`` is None, and
    ``note`` says why, where there is none.
    """

    items: tuple[str, ...]  # with difficulty and text, by name
    n_without_text: int
    n_without_difficulty: int
    reliability: float | None
    correlations: tuple[CovariateCorrelation, ...]
    prediction: Prediction | None
    note: str = ""

    @property
    def r_squared_disattenuated(self) -> float | None:
        """Share of the variance of the true difficulties that the prediction takes away; None if not to be told."""
        if self.prediction is None or self.reliability is None or self.reliability < LEAST_RELIABLE:
            return None
        return min(self.prediction.r_squared / self.reliability, 1.0)

    def frame(self) -> pl.DataFrame:
        """One row per covariate, in the order of ``Items.covariates``."""
        rows = [
            {
                "covariate": one.covariate,
                "kind": one.kind,
                "n_items": one.n_items,
                "n_values": one.n_values,
                "correlation": one.correlation,
                "low": one.interval.low if one.interval else None,
                "high": one.interval.high if one.interval else None,
                "disattenuated": one.disattenuated,
                "note": one.note,
            }
            for one in self.correlations
        ]
        numbers = dict.fromkeys(("correlation", "low", "high", "disattenuated"), pl.Float64)
        return pl.DataFrame(rows, schema_overrides=numbers)

    def as_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them; what is predicted for each item is left out."""
        one = self.prediction
        together = None
        if one is not None:
            together = {
                "n_items": one.n_items,
                "n_columns": one.n_columns,
                "r_squared": one.r_squared,
                "interval": one.interval,
                "r_squared_disattenuated": self.r_squared_disattenuated,
                "correlation": one.correlation,
            }
        return {
            "n_items": len(self.items),
            "n_without_text": self.n_without_text,
            "n_without_difficulty": self.n_without_difficulty,
            "reliability": self.reliability,
            "correlations": self.correlations,
            "prediction": together,
            "note": self.note,
            "reading": self.reading(),
        }

    def reading(self) -> str:
        """What the figures say, in two or three sentences."""
        return " ".join([_strongest(self.correlations), *_together(self)])


def covariate_study(bank: ItemBank, items: Items, seed: int = 0) -> CovariateStudy:
    """Correlations of ``items.covariates`` with the difficulties of ``bank``, and the prediction from all of them.

    Items that everybody or nobody answered correctly count in the correlations: ranks need no more than that they are
    the easiest or the hardest. ``disattenuated`` is the correlation by the square root of the reliability (Spearman
    1904, American Journal of Psychology 15(1), 72-101), R squared by the reliability. ``seed`` draws the folds of the
    prediction. The order of items changes nothing. Raises InputError if no item of ``bank`` is among ``items``, or
    ``items`` have no covariates.
    """
    if not items.covariates:
        raise InputError("these items have no covariates. Compute some with with_covariates(), or add a column.")
    names = _in_both(bank, items)
    difficulty, varied, reliability = _difficulties(bank, names)
    table = items.select(names).table
    columns = [read_column(table[name]) for name in items.covariates]
    correlations = tuple(_correlation(column, difficulty, reliability) for column in columns)
    used = [column for column, found in zip(columns, correlations, strict=True) if found.correlation is not None]
    prediction, note = _prediction(used, difficulty, varied, seed)
    rest = len(bank.table) - len(names), len(items.table) - len(names)
    return CovariateStudy(tuple(names), *rest, reliability, correlations, prediction, note)


def covariate_correlation(bank: ItemBank, items: Items, covariate: str) -> CovariateCorrelation:
    """Rank correlation of one covariate with difficulty, as in ``covariate_study``."""
    names = _in_both(bank, items)
    difficulty, _, reliability = _difficulties(bank, names)
    return _correlation(read_column(items.select(names).table[covariate]), difficulty, reliability)


def _in_both(bank: ItemBank, items: Items) -> list[str]:
    """Names of the items with difficulty and text, by the alphabet. Raises InputError if there are none."""
    names = sorted(set(bank.table["item"]) & set(items.table["item"]))
    if not names:
        raise InputError(
            f"none of the {len(bank.table)} calibrated items is among the {len(items.table)} items with text "
            f"(first: {shown(bank.table['item'][0])}, {shown(items.table['item'][0])}). Use the same names in both."
        )
    return names


def _correlation(column: Column, difficulty: FloatArray, reliability: float | None) -> CovariateCorrelation:
    facts = column.name, column.kind, column.n_items, column.n_values
    known = ~np.isnan(column.values)
    fault = column.fault
    if not fault and np.ptp(difficulty[known]) == 0:
        fault = "the items with a value are all equally difficult"
    if fault:
        return CovariateCorrelation(*facts, None, None, None, fault)
    measure = rank_correlation if column.kind == "number" else group_correlation
    found = measure(column.values[known], difficulty[known])
    true = None
    if reliability is not None and reliability >= LEAST_RELIABLE:
        true = min(max(found.value / math.sqrt(reliability), -1.0), 1.0)
    rare = column.n_items - int(known.sum())
    note = f"without {counted(rare, 'item')} of words that fewer than {FEWEST_OF_A_WORD} have" if rare else ""
    return CovariateCorrelation(*facts, found.value, found.interval, true, note)


def _difficulties(bank: ItemBank, names: Sequence[str]) -> tuple[FloatArray, BoolArray, float | None]:
    """Difficulties of ``names``, which of them are not flagged, and the reliability of these."""
    order = pl.DataFrame({"item": names}, schema={"item": pl.String})
    table = order.join(bank.table, on="item", how="left", maintain_order="left")
    difficulty, varied = table["difficulty"].to_numpy(), (table["flag"] == "").to_numpy()
    spread = float(np.var(difficulty[varied], ddof=1)) if varied.sum() > 1 else 0.0
    if spread <= 0:
        return difficulty, varied, None
    error = float(np.mean(table["standard_error"].to_numpy()[varied] ** 2))
    return difficulty, varied, max(1 - error / spread, 0.0)


def _prediction(
    used: Sequence[Column], difficulty: FloatArray, varied: BoolArray, seed: int
) -> tuple[Prediction | None, str]:
    if not used:
        return None, "No covariate says anything about these items, so nothing is predicted."
    n = int(varied.sum())
    if n < FEWEST_PREDICTED:
        return (
            None,
            f"{counted(n, 'item')} with a finite difficulty are too few to predict; {FEWEST_PREDICTED} will do.",
        )
    if np.ptp(difficulty[varied]) == 0:
        return None, "All items with a finite difficulty are equally difficult, so there is nothing to predict."
    numbers = [column.values[varied] for column in used if column.kind == "number"]
    words = [column.values[varied] for column in used if column.kind == "words"]
    found = predict(numbers, words, difficulty[varied], seed)
    predicted = np.full(len(difficulty), np.nan)
    predicted[varied] = found.predicted
    return replace(found, predicted=predicted), ""


def _strongest(correlations: Sequence[CovariateCorrelation]) -> str:
    found = [one for one in correlations if one.correlation is not None]
    if not found:
        return f"None of the {counted(len(correlations), 'covariate')} can be correlated with difficulty."
    best = max(found, key=lambda one: abs(one.correlation or 0))
    return f"Of {counted(len(found), 'covariate')}, {best.covariate} goes most with difficulty: {best.words()}."


def _together(study: CovariateStudy) -> list[str]:
    one = study.prediction
    if one is None:
        return [study.note]
    shares = [f"{100 * share:.0f}%".replace("-", "−") for share in (one.r_squared, one.interval.low, one.interval.high)]
    if one.interval.low <= 0:
        return [
            f"All together do not measurably predict difficulty: R squared {shares[0]} ({shares[1]} to {shares[2]})."
        ]
    said = (
        f"All together predict {shares[0]} of the variance of difficulty on items left out of the fit "
        f"(95% interval {shares[1]} to {shares[2]})"
    )
    if one.correlation is not None:
        said += f", with a rank correlation of {one.correlation.value:+.2f}"
    if study.r_squared_disattenuated is None:
        return [f"{said}."]
    true = f"of the variance of true difficulty, error taken out, {100 * study.r_squared_disattenuated:.0f}%"
    return [f"{said}; {true}."]
