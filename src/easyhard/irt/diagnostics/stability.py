"""How stable the order of difficulty and the bins are, from the user's own responses.

Two samples of respondents are calibrated apart, and their difficulties compared. This takes no model of the errors
on trust; standard errors are only needed to look beyond the respondents there are (``stability_prediction``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.chance import cell_rng
from easyhard.irt.counts import Mask, Places, count_responses
from easyhard.irt.diagnostics.agreement import Agreement, agreement, check_count, mean_agreement
from easyhard.irt.diagnostics.stability_prediction import StabilityPrediction, predict_stability
from easyhard.irt.rasch import fit_rasch
from easyhard.schema import FloatArray, InputError, IntArray

_FIRST_SIZE = 10  # respondents
_FEWEST = 4  # respondents to make two samples of
_MEASURES = tuple(one.name for one in fields(Agreement))


@dataclass(frozen=True, slots=True)
class SplitHalf:
    """Agreement of calibrations of two halves of the respondents, over several random splits: [splits] each."""

    spearman: FloatArray  # rank correlation of the difficulties
    same_bin: FloatArray  # share of items in the same bin
    rank_move: FloatArray  # mean absolute change of rank, as a share of the number of items
    error_ratio: FloatArray  # variance of the differences over what standard errors say: 1 expected
    n_respondents: int  # of both halves
    count: int  # bins
    by_group: bool  # whether groups of respondents were kept together

    @property
    def all_respondents(self) -> float:
        """Correlation expected of two calibrations with all respondents each (Spearman 1910, Brown 1910)."""
        half = float(np.nanmean(self.spearman))
        return 2 * half / (1 + half)

    def frame(self) -> pl.DataFrame:
        """One row per split."""
        columns = (*_MEASURES, "error_ratio")
        return pl.DataFrame({name: pl.Series(getattr(self, name)).fill_nan(None) for name in columns})

    def reading(self) -> str:
        """What was found, in plain sentences."""
        kept = "with groups kept together" if self.by_group else "at random"
        low, high = np.nanquantile(self.same_bin, [0.05, 0.95])
        ratio = float(np.nanmean(self.error_ratio))
        text = (
            f"Halves of {self.n_respondents:,} respondents, split {kept}, put {np.nanmean(self.same_bin):.0%} of the "
            f"items into the same of {self.count} bins (90% of splits: {low:.0%} to {high:.0%}) and correlate in "
            f"rank at {np.nanmean(self.spearman):.3f}; with all respondents in either calibration "
            f"{self.all_respondents:.3f} is expected. Error variances are {ratio:.2f} times what standard errors say"
        )
        if ratio < 1.5:
            return text + "."
        worth = self.n_respondents / ratio
        return text + f": {self.n_respondents:,} respondents are worth {worth:,.0f} independent ones."


@dataclass(frozen=True, slots=True)
class StabilityCurve:
    """Agreement of two calibrations by the number of respondents of each: arrays are [sizes].

    With ``independent`` the two samples have no respondent in common. Beyond half of the respondents there are no
    such samples: they are then drawn with replacement, and the errors of either, which is what a bootstrap can
    tell (Efron 1979, Annals of Statistics 7, 1-26), are added to true difficulties as they may be.
    """

    n_respondents: Places
    independent: Mask
    spearman: FloatArray
    same_bin: FloatArray
    rank_move: FloatArray
    same_bin_sd: FloatArray  # between repeats
    prediction: StabilityPrediction
    repeats: int

    def respondents_needed(self, target: float = 0.8) -> int | None:
        """Respondents that ``target`` of the items need to keep their bin; see ``StabilityPrediction``."""
        return self.prediction.respondents_needed(target)

    def frame(self) -> pl.DataFrame:
        """One row per number of respondents: as measured, and ``predicted_*`` from standard errors alone."""
        measured = {name: pl.Series(getattr(self, name)).fill_nan(None) for name in (*_MEASURES, "same_bin_sd")}
        table = pl.DataFrame({"n_respondents": self.n_respondents, "independent": self.independent, **measured})
        predicted = self.prediction.frame(self.n_respondents.tolist()).drop("n_respondents")
        return table.hstack(predicted.rename({name: f"predicted_{name}" for name in predicted.columns}))

    def reading(self, target: float = 0.8) -> str:
        """What was found, in plain sentences."""
        n, all_of_them = self.prediction.n_respondents, self.prediction.at(self.prediction.n_respondents)
        return (
            f"With {n:,} respondents {all_of_them.same_bin:.0%} of the items keep their bin ({self.prediction.count} "
            f"bins) in another calibration with as many others, and {self.prediction.right_bin(n):.0%} are in the bin "
            f"that unlimited respondents would put them in. {self.prediction.reading(target)}"
        )


def split_half(
    correct: IntArray,
    count: int = 10,
    repeats: int = 20,
    group: Sequence[Any] | npt.NDArray[Any] | None = None,
    seed: int = 0,
) -> SplitHalf:
    """Calibrate two halves of the respondents of ``correct`` [respondents, items] apart (Rasch), ``repeats`` times.

    Halves are random, or, with ``group`` [respondents], made of whole groups: families of models, whose members
    err alike. Halves by group then tell how far another set of families would agree, which is less.

    Raises InputError for fewer than 4 respondents, or 2 groups, and if ``count`` does not fit the items.
    """
    check_count(count, correct.shape[1])
    groups = _checked_groups(correct, group)
    rng = cell_rng(seed, "stability", "halves")
    found, ratios = [], []
    for _ in range(repeats):
        first = _half(groups, rng)
        one, other = _calibrated(correct[first]), _calibrated(correct[~first])
        found.append(agreement(one.difficulty, other.difficulty, count, rng))
        ratios.append(_error_ratio(one, other))
    return SplitHalf(
        **_columns(found),
        error_ratio=np.array(ratios),
        n_respondents=len(correct),
        count=count,
        by_group=group is not None,
    )


def stability_curve(
    correct: IntArray,
    sizes: Sequence[int] | None = None,
    count: int = 10,
    repeats: int = 10,
    seed: int = 0,
) -> StabilityCurve:
    """Agreement of two calibrations (Rasch) with n respondents each, for growing n.

    ``correct`` is [respondents, items]. ``sizes`` are 10, 20, 40, ... and half and all of the respondents by
    default. Up to half the two samples are disjoint, drawn without replacement; see ``StabilityCurve`` for larger
    ones. The prediction takes standard errors as they are; where respondents are relatives, give
    ``predict_stability`` the ratio that ``split_half`` finds between groups.

    Raises InputError for fewer than 4 respondents, for sizes below 2 or above the number of respondents, and if
    ``count`` does not fit the items.
    """
    check_count(count, correct.shape[1])
    _checked_groups(correct, None)
    chosen = _checked_sizes(len(correct), sizes)
    model = fit_rasch(correct)
    prediction = predict_stability(model, len(correct), count, seed=seed)
    found, sds = [], []
    for n in chosen:
        rng = cell_rng(seed, "stability", "curve", str(n))
        several = []
        for _ in range(repeats):
            pair = [_calibrated(correct[rows]).difficulty for rows in _two_samples(len(correct), n, rng)]
            if 2 * n > len(correct):  # what is known are errors of the estimates, not of the truth
                true = prediction.known.draw(rng)
                pair = [true + (difficulty - model.difficulty) for difficulty in pair]
            several.append(agreement(pair[0], pair[1], count, rng))
        found.append(mean_agreement(several))
        sds.append(float(np.std([one.same_bin for one in several], ddof=1)) if repeats > 1 else np.nan)
    return StabilityCurve(
        n_respondents=np.array(chosen),
        independent=2 * np.array(chosen) <= len(correct),
        **_columns(found),
        same_bin_sd=np.array(sds),
        prediction=prediction,
        repeats=repeats,
    )


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """Difficulties and standard errors: [items], NaN for items that were not seen; errors also where none differ."""

    difficulty: FloatArray
    standard_error: FloatArray


def _calibrated(correct: IntArray) -> _Calibrated:
    counts = count_responses(correct)
    difficulty, standard_error = np.full((2, correct.shape[1]), np.nan)
    if counts.varies.sum() >= 2:
        seen = counts.item_seen > 0
        model = fit_rasch(correct if seen.all() else correct[:, seen])
        difficulty[seen] = model.difficulty
        standard_error[seen] = model.standard_error
        standard_error[~counts.varies] = np.nan
    return _Calibrated(difficulty, standard_error)


def _error_ratio(one: _Calibrated, other: _Calibrated) -> float:
    """Mean square of the differences in units of their standard errors, over items that vary in both."""
    variance = one.standard_error**2 + other.standard_error**2
    both = np.isfinite(variance)
    if both.sum() < 2:
        return math.nan
    difference = one.difficulty[both] - other.difficulty[both]
    difference -= np.average(difference, weights=1 / variance[both])
    return float((difference**2 / variance[both]).sum() / (both.sum() - 1))


def _half(groups: Places, rng: np.random.Generator) -> Mask:
    """Respondents [respondents] of the first half: whole groups, in random order, until half are in."""
    sizes = np.bincount(groups)
    order = rng.permutation(len(sizes))
    before = np.cumsum(sizes[order]) - sizes[order]
    first = order[before + sizes[order] / 2 < len(groups) / 2]
    chosen = first if 0 < len(first) < len(order) else order[:1]
    return np.isin(groups, chosen)


def _two_samples(n_respondents: int, n: int, rng: np.random.Generator) -> Iterator[Places]:
    """Rows of two samples of ``n``: disjoint ones, or drawn with replacement where there are too few respondents."""
    if 2 * n <= n_respondents:
        order = rng.permutation(n_respondents)
        yield order[:n]
        yield order[n : 2 * n]
    else:
        yield rng.integers(n_respondents, size=n)
        yield rng.integers(n_respondents, size=n)


def _columns(found: list[Agreement]) -> dict[str, FloatArray]:
    return {name: np.array([getattr(one, name) for one in found]) for name in _MEASURES}


def _checked_groups(correct: IntArray, group: Sequence[Any] | npt.NDArray[Any] | None) -> Places:
    """Number of the group of each respondent, each its own by default. Raises InputError if there are too few."""
    n_respondents = len(correct)
    if n_respondents < _FEWEST:
        raise InputError(f"{n_respondents} respondents cannot be halved and calibrated. Give at least {_FEWEST}.")
    if group is None:
        return np.arange(n_respondents)
    names, groups = np.unique(np.asarray(group), return_inverse=True)
    if groups.shape != (n_respondents,) or len(names) < 2:
        raise InputError(
            f"group has shape {groups.shape} and {len(names)} names for {n_respondents} respondents. "
            "Give the group of each respondent, at least 2 different ones."
        )
    return np.asarray(groups)


def _checked_sizes(n_respondents: int, sizes: Sequence[int] | None) -> list[int]:
    """Numbers of respondents, ascending: ``sizes``, or the usual ones. Raises InputError for impossible ones."""
    if sizes is None:
        doublings = range(max(0, math.ceil(math.log2(n_respondents / 2 / _FIRST_SIZE))))
        return [*(_FIRST_SIZE * 2**k for k in doublings), n_respondents // 2, n_respondents]
    chosen = sorted(set(sizes))
    if not chosen or chosen[0] < 2 or chosen[-1] > n_respondents:
        raise InputError(
            f"sizes {chosen[:8]} cannot all be drawn from {n_respondents} respondents. Give numbers between 2 and "
            f"{n_respondents}; for more, see StabilityPrediction.at."
        )
    return chosen
