"""Two calibrations on one scale, by the items they share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit, ndtr, stdtrit

from easyhard.irt.anchors import contradict
from easyhard.irt.counts import Mask
from easyhard.schema import FloatArray, InputError, ItemBank

_POINTS = np.linspace(-4, 4, 81)[:, None]  # abilities, on either scale, at which the curves of 2PL items are compared
_WEIGHT = np.tile(np.exp(-(_POINTS[:, 0] ** 2) / 2), 2)  # as N(0, 1)
_DRIFT_RATE = 0.05  # of the items said to have drifted, the share that may not have
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Link:
    """How to bring a new calibration to the scale of an old one: ``old = slope * new + shift``.

    ``slope`` is 1 under Rasch. ``difference`` [shared items] is the new difficulty, on the old scale, less the
    old one, with its standard error; ``drifted`` marks the items that moved by more than chance, which were left
    out of the link.
    """

    slope: float
    slope_error: float  # standard error; 0 under Rasch
    shift: float
    shift_error: float  # standard error
    degrees: float  # of freedom, of both standard errors; infinite under Rasch
    items: tuple[str, ...]
    difference: FloatArray
    difference_error: FloatArray
    drifted: Mask

    @property
    def slope_interval(self) -> tuple[float, float]:
        """95% interval of the slope, by Student's t."""
        return self._interval(self.slope, self.slope_error)

    @property
    def shift_interval(self) -> tuple[float, float]:
        """95% interval of the shift, by Student's t."""
        return self._interval(self.shift, self.shift_error)

    def _interval(self, value: float, error: float) -> tuple[float, float]:
        half = float(stdtrit(self.degrees, 0.975)) * error
        return value - half, value + half

    def difficulty(self, new: FloatArray) -> FloatArray:
        """Difficulties or abilities of the new calibration on the old scale."""
        return np.asarray(self.slope * new + self.shift)

    def discrimination(self, new: FloatArray) -> FloatArray:
        """Discriminations of the new calibration on the old scale."""
        return np.asarray(new / self.slope)

    def frame(self) -> pl.DataFrame:
        """One row per shared item: ``item, difference, standard_error, drifted``."""
        return pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "difference": self.difference,
                "standard_error": self.difference_error,
                "drifted": self.drifted,
            }
        )

    def reading(self) -> str:
        """The finding in words."""
        left = int((~self.drifted).sum())
        (low, high), (least, most) = self.shift_interval, self.slope_interval
        scale = (
            f" and a factor of {self.slope:.3f} (95% interval {least:.3f} to {most:.3f})" if self.slope_error else ""
        )
        return (
            f"The two scales differ by {self.shift:+.3f} (95% interval {low:+.3f} to {high:+.3f}){scale}, judged by "
            f"{left} shared items; {int(self.drifted.sum())} others changed their difficulty and were left out."
        )


def link_banks(new: ItemBank, old: ItemBank) -> Link:
    """Link of the scale of ``new`` to that of ``old``, by the items that both have, known by name.

    Rasch: the mean difference of the difficulties, weighted by precision. 2PL: the slope and shift for which the
    two sets of characteristic curves differ least, on both scales (Haebara 1980, Japanese Psychological Research 22,
    144-149).
    Items that moved by more than their standard errors explain are found by rounds, starting from the median
    difference, with the false discovery rate held at 5% (Benjamini & Hochberg 1995, JRSS B 57, 289-300). Items
    all right or all wrong in either bank are not used.

    The standard error of the shift is, under Rasch, that from the items' own errors, as far as they are not the mean
    item's too. Under 2PL those of slope and shift come from how the items differ about the link, as if they were a
    sample of items (the jackknife, a Gauss-Newton step for each; Miller 1974, Biometrika 61, 1-15), with as many
    degrees of freedom as there are items that count, less 1 (the effective number of Kish 1965, Survey Sampling, by
    what each tells of the slope).

    To put new items on an old scale with the responses at hand, ``calibrate(responses, onto=old)`` is better.
    Raises InputError if the banks are of two models, share fewer than 2 such items (2PL: 3), or if the difficulties of
    these have nothing to do with each other.
    """
    if new.calibration.model != old.calibration.model:
        raise InputError(
            f"the new bank is {new.calibration.model}, the old one {old.calibration.model}. "
            "Calibrate both with one model."
        )
    columns = ["item", "difficulty", "standard_error", "discrimination"]
    kept = [bank.table.filter(pl.col("flag") == "").select(columns) for bank in (new, old)]
    shared = kept[0].join(kept[1], on="item", suffix="_old").sort("item")
    slopes = new.calibration.model == "2pl"
    least = 3 if slopes else 2
    if len(shared) < least:
        raise InputError(
            f"{len(shared)} items are in both banks, with right and wrong answers in each; a link needs {least}. "
            "See that items have the same names in both, or calibrate all responses together."
        )
    return _without_drift(shared, kept, slopes, least)


def _without_drift(shared: pl.DataFrame, banks: list[pl.DataFrame], slopes: bool, least: int) -> Link:
    """Rounds of linking and leaving out, until they agree; ``least`` of the items ``shared`` by ``banks`` are left."""
    new, old = shared["difficulty"].to_numpy(), shared["difficulty_old"].to_numpy()
    new_error, old_error = shared["standard_error"].to_numpy(), shared["standard_error_old"].to_numpy()
    slope = _steeper(shared) if slopes else 1.0
    shift = float(np.median(old - slope * new))
    drifted: Mask = np.zeros(len(new), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        before, error = drifted, np.hypot(slope * new_error, old_error)
        drifted = _discovered((slope * new + shift - old) / error)
        if (~drifted).sum() < least:
            drifted = np.zeros(len(new), dtype=bool)
        slope, shift = _haebara(shared.filter(~drifted)) if slopes else (1.0, _mean_shift(new, old, error, ~drifted))
        if (drifted == before).all():
            break
    error = np.hypot(slope * new_error, old_error)
    off = slope * new + shift - old
    few_agree = not drifted.any() or 2 * drifted.sum() > len(drifted)
    if few_agree and contradict(off, old, np.ones(len(off)), float(((off / error) ** 2).sum())):
        worst = int(np.abs(off).argmax())
        raise InputError(
            f"the {len(off)} shared items contradict each other: no shift brings the difficulties of the new bank near "
            f"those of the old one (furthest: {shared['item'][worst]!r}, off by {off[worst]:+.2f}). See that the same "
            "names mean the same items and answer keys in both."
        )
    used = shared.filter(~drifted)
    by_curves = _haebara_errors(used, slope, shift) if slopes else None
    slope_error, shift_error, degrees = by_curves or (0.0, _shift_error(used["item"], error[~drifted], banks), math.inf)
    return Link(
        slope=slope,
        slope_error=slope_error,
        shift=shift,
        shift_error=shift_error,
        degrees=degrees,
        items=tuple(shared["item"]),
        difference=off,
        difference_error=error,
        drifted=drifted,
    )


def _shift_error(items: pl.Series, error: FloatArray, banks: list[pl.DataFrame]) -> float:
    """Standard error of the mean difference of ``items``, weighted by their ``error``."""
    weight = pl.DataFrame({"item": items, "weight": error**-2 / (error**-2).sum()})
    return math.sqrt(sum(_variance_of_mean(bank, weight) for bank in banks))


def _variance_of_mean(bank: pl.DataFrame, weight: pl.DataFrame) -> float:
    """Variance of the mean difficulty of some items, by ``weight`` [item, weight], on the scale of ``bank``.

    A bank's standard errors are of the distance from its mean item. With v the variance of an item's own error and n
    items their squares are v (1 - 2/n) + sum(v) / n^2; the more of the items are in the mean, the less it varies. In a
    bank with anchors, whose standard errors are 0, they are of the place on the anchors' scale.
    """
    table = bank.join(weight, on="item", how="left").fill_null(0)
    variance, by, n = table["standard_error"].to_numpy() ** 2, table["weight"].to_numpy(), len(table)
    if n < 3 or (variance == 0).any():
        return float(by**2 @ variance)
    total = variance.sum() / (1 - 1 / n)
    own = (variance - total / n**2) / (1 - 2 / n)
    return float((by - 1 / n) ** 2 @ own)


def _mean_shift(new: FloatArray, old: FloatArray, error: FloatArray, used: Mask) -> float:
    return float(np.average((old - new)[used], weights=error[used] ** -2))


def _steeper(shared: pl.DataFrame) -> float:
    """How many times steeper items are in the new bank than in the old, at the median."""
    ratio = shared["discrimination"].to_numpy() / shared["discrimination_old"].to_numpy()
    return float(np.exp(np.median(np.log(np.abs(ratio)))))


def _haebara(shared: pl.DataFrame) -> tuple[float, float]:
    """Slope and shift for which the characteristic curves differ least."""
    new, old = shared["difficulty"].to_numpy(), shared["difficulty_old"].to_numpy()

    def loss(link: FloatArray) -> float:
        apart = _curves_apart(shared, np.exp(link[0]), link[1])[0]
        return float(_WEIGHT @ (apart**2).sum(axis=1))

    start = _steeper(shared)
    best = minimize(loss, np.array([np.log(start), np.median(old) - start * np.median(new)]), method="BFGS").x
    return float(np.exp(best[0])), float(best[1])


def _curves_apart(shared: pl.DataFrame, slope: float, shift: float) -> tuple[FloatArray, FloatArray]:
    """By how much the curves differ, [points, items], and the derivatives of that by the link, [2, points, items].

    The points are those of the old scale, then those of the new one, so that neither bank is preferred.
    """
    new, old = shared["difficulty"].to_numpy(), shared["difficulty_old"].to_numpy()
    new_slope, old_slope = shared["discrimination"].to_numpy(), shared["discrimination_old"].to_numpy()
    moved = expit(new_slope / slope * (_POINTS - slope * new - shift))
    back = expit(old_slope * (slope * _POINTS + shift - old))
    apart = np.vstack([moved - expit(old_slope * (_POINTS - old)), back - expit(new_slope * (_POINTS - new))])
    steepness, of_back = new_slope / slope * moved * (1 - moved), old_slope * back * (1 - back)
    by_slope = np.vstack([-steepness * (_POINTS - shift) / slope, of_back * _POINTS])
    return apart, np.stack([by_slope, np.vstack([-steepness, of_back])])


def _haebara_errors(shared: pl.DataFrame, slope: float, shift: float) -> tuple[float, float, float]:
    """Standard errors of slope and shift, from how far the link would move without each item; degrees of freedom."""
    apart, by_link = _curves_apart(shared, slope, shift)
    pull = np.einsum("pi,api,p->ia", apart, by_link, _WEIGHT)
    hold = np.einsum("api,bpi,p->iab", by_link, by_link, _WEIGHT)
    without = np.linalg.solve(hold.sum(axis=0) - hold, pull[:, :, None])[:, :, 0]
    slope_error, shift_error = np.sqrt((without**2).sum(axis=0))
    told = hold[:, 0, 0] / hold[:, 0, 0].sum()
    return float(slope_error), float(shift_error), max(float(1 / (told @ told)) - 1, 1.0)


def _discovered(z: FloatArray) -> Mask:
    """Which ``z`` are not 0, with the false discovery rate held."""
    p = 2 * ndtr(-np.abs(z))
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= _DRIFT_RATE * np.arange(1, len(p) + 1) / len(p))
    found: Mask = np.zeros(len(p), dtype=bool)
    if len(passed):
        found[order[: passed[-1] + 1]] = True
    return found
