"""Two calibrations on one scale, by the items they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from easyhard.irt.counts import Mask
from easyhard.schema import FloatArray, InputError, ItemBank

_POINTS = np.linspace(-4, 4, 81)  # abilities at which the curves of 2PL items are compared, weighted as N(0, 1)
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
    shift: float
    shift_error: float  # standard error
    items: tuple[str, ...]
    difference: FloatArray
    difference_error: FloatArray
    drifted: Mask

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
        scale = "" if self.slope == 1 else f" and a factor of {self.slope:.3f}"
        return (
            f"The two scales differ by {self.shift:+.3f} (standard error {self.shift_error:.3f}){scale}, judged by "
            f"{left} shared items; {int(self.drifted.sum())} others changed their difficulty and were left out."
        )


def link_banks(new: ItemBank, old: ItemBank) -> Link:
    """Link of the scale of ``new`` to that of ``old``, by the items that both have, known by name.

    Rasch: the mean difference of the difficulties, weighted by precision. 2PL: the slope and shift for which the
    two sets of characteristic curves differ least (Haebara 1980, Japanese Psychological Research 22, 144-149).
    Items that moved by more than their standard errors explain are found by rounds, starting from the median
    difference, with the false discovery rate held at 5% (Benjamini & Hochberg 1995, JRSS B 57, 289-300). Items
    all right or all wrong in either bank are not used. The standard error of the shift is that from the items'
    own errors.

    To put new items on an old scale with the responses at hand, ``fit_rasch(correct, anchor=...)`` is better.
    Raises InputError if the banks are of two models, or share fewer than 2 such items.
    """
    if new.calibration.model != old.calibration.model:
        raise InputError(
            f"the new bank is {new.calibration.model}, the old one {old.calibration.model}. "
            "Calibrate both with one model."
        )
    columns = ["item", "difficulty", "standard_error", "discrimination"]
    kept = [bank.table.filter(pl.col("flag") == "").select(columns) for bank in (new, old)]
    shared = kept[0].join(kept[1], on="item", suffix="_old").sort("item")
    if len(shared) < 2:
        raise InputError(
            f"{len(shared)} items are in both banks, with right and wrong answers in each; a link needs 2. "
            "See that items have the same names in both, or calibrate all responses together."
        )
    error = np.hypot(shared["standard_error"].to_numpy(), shared["standard_error_old"].to_numpy())
    return _without_drift(shared, error, slopes=new.calibration.model == "2pl")


def _without_drift(shared: pl.DataFrame, error: FloatArray, slopes: bool) -> Link:
    """Rounds of linking and leaving out, until they agree."""
    new, old = shared["difficulty"].to_numpy(), shared["difficulty_old"].to_numpy()
    slope, shift = 1.0, float(np.median(old - new))
    drifted: Mask = np.zeros(len(new), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        before = drifted
        drifted = _discovered((slope * new + shift - old) / error)
        if (~drifted).sum() < 2:
            drifted = np.zeros(len(new), dtype=bool)
        slope, shift = _haebara(shared.filter(~drifted)) if slopes else (1.0, _mean_shift(new, old, error, ~drifted))
        if (drifted == before).all():
            break
    return Link(
        slope=slope,
        shift=shift,
        shift_error=float((error[~drifted] ** -2).sum() ** -0.5),
        items=tuple(shared["item"]),
        difference=slope * new + shift - old,
        difference_error=error,
        drifted=drifted,
    )


def _mean_shift(new: FloatArray, old: FloatArray, error: FloatArray, used: Mask) -> float:
    return float(np.average((old - new)[used], weights=error[used] ** -2))


def _haebara(shared: pl.DataFrame) -> tuple[float, float]:
    """Slope and shift for which the characteristic curves differ least."""
    new, old = shared["difficulty"].to_numpy(), shared["difficulty_old"].to_numpy()
    new_slope, old_slope = shared["discrimination"].to_numpy(), shared["discrimination_old"].to_numpy()
    weight = np.exp(-(_POINTS**2) / 2)
    target = expit(old_slope * (_POINTS[:, None] - old))

    def loss(link: FloatArray) -> float:
        slope = np.exp(link[0])
        found = expit(new_slope / slope * (_POINTS[:, None] - slope * new - link[1]))
        return float(weight @ ((found - target) ** 2).sum(axis=1))

    start = np.log(np.abs(new_slope)).mean() - np.log(np.abs(old_slope)).mean()
    shift = np.median(old) - np.exp(start) * np.median(new)
    best = minimize(loss, np.array([start, shift]), method="BFGS").x
    return float(np.exp(best[0])), float(best[1])


def _discovered(z: FloatArray) -> Mask:
    """Which ``z`` are not 0, with the false discovery rate held."""
    p = 2 * ndtr(-np.abs(z))
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= _DRIFT_RATE * np.arange(1, len(p) + 1) / len(p))
    found: Mask = np.zeros(len(p), dtype=bool)
    if len(passed):
        found[order[: passed[-1] + 1]] = True
    return found
