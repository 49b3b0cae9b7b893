"""Pairs of respondents: how alike what the model leaves unexplained of their answers is, and how likely as copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from easyhard.irt.counts import Counts, Mask, Places, row_blocks
from easyhard.irt.diagnostics.residuals import Single, residuals_of
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior
from easyhard.schema import MISSING, FloatArray, IntArray

_TILE = 1024  # respondents a side of the pairs held at once
_COPIED = (0.5, 0.75, 0.95)  # shares of answers that a copy may have taken over; each counts a third
_SURPRISE = np.float32(1 - 1e-6)  # largest residual, so that a probability rounded to 0 is not taken at its word


@dataclass(frozen=True, slots=True)
class Residuals:
    """Response less expectation of the respondents tested, 0 where missing, and their place in the matrix."""

    rows: Places  # [tested]
    residual: Single  # [tested, items that vary]
    seen: Single | None  # [tested, items that vary], 1 or 0; None if complete

    @property
    def variance(self) -> Single:
        """p (1 - p) of every response: the residual is 1 - p or -p, so its size less its square."""
        size = np.abs(self.residual)
        return np.asarray(size - size**2)


@dataclass(frozen=True, slots=True)
class Tile:
    """Pairs of one of some respondents with a later one of others: [rows, columns]; z is NaN if not tested."""

    first_row: int
    first_column: int
    correlation: Single
    z: Single

    def alike(self, least: float) -> Pairs:
        """The pairs with a residual correlation of ``least`` or more."""
        at = np.nonzero((self.correlation >= least) & np.isfinite(self.z))
        return Pairs(
            first=at[0] + self.first_row,
            second=at[1] + self.first_column,
            correlation=self.correlation[at].astype(float),
            z=self.z[at].astype(float),
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of respondents, by their place in ``Residuals``: [pairs] each."""

    first: Places
    second: Places
    correlation: FloatArray  # of residuals
    z: FloatArray  # standard deviations from 0, were all answers independent

    def pick(self, which: Mask | Places) -> Pairs:
        """Some of them."""
        return Pairs(*(getattr(self, name)[which] for name in self.__slots__))


def testable(counts: Counts) -> Places:
    """Rows of the respondents with right and wrong answers: those of the others say nothing about copying."""
    right, seen = counts.respondent_right, counts.respondent_seen
    return np.flatnonzero((right > 0) & (right < seen))


def residuals_of_tested(correct: IntArray, model: ItemModel, posterior: Posterior, counts: Counts) -> Residuals:
    """Residuals of ``testable`` respondents of ``correct`` [respondents, items] on the items that vary."""
    rows, items = testable(counts), np.flatnonzero(counts.varies)
    residual = residuals_of(correct, model, posterior, items)[rows]
    seen = None if counts.complete else (correct[np.ix_(rows, items)] != MISSING).astype(np.float32)
    return Residuals(rows, np.clip(residual, -_SURPRISE, _SURPRISE), seen)


def tiles(of: Residuals) -> Iterator[Tile]:
    """All pairs, a tile of respondents by respondents at a time."""
    starts = range(0, len(of.rows), _TILE)
    variance = of.variance
    for at in starts:
        for other in starts[at // _TILE :]:
            yield _tile(of, variance, slice(at, at + _TILE), slice(other, other + _TILE))


def _tile(of: Residuals, variance: Single, rows: slice, columns: slice) -> Tile:
    """The pairs of a respondent of ``rows`` with a later one of ``columns``."""
    r, s = of.residual[rows], of.residual[columns]
    products, spread = r @ s.T, variance[rows] @ variance[columns].T
    if of.seen is None:
        squares = np.outer((r**2).sum(axis=1), (s**2).sum(axis=1))
    else:
        squares = ((r**2) @ of.seen[columns].T) * (of.seen[rows] @ (s**2).T)
    tested = (spread > 0) & (squares > 0)
    if rows == columns:
        tested = np.triu(tested, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(tested, products / np.sqrt(squares), 0)
        z = np.where(tested, products / np.sqrt(spread), np.nan)
    return Tile(rows.start, columns.start, correlation.astype(np.float32), z.astype(np.float32))


def log_likelihood_ratios(of: Residuals, pairs: Pairs) -> FloatArray:
    """How much likelier each pair's answers are if one copied than if none did, as a logarithm: [pairs].

    A copy takes over a share c of the answers and gives the others by itself. Against independence, two like
    answers of probabilities p and p' are then 1 - c + c (1/p + 1/p') / 2 times as likely (who copied is open),
    two unlike ones 1 - c times. The ratio is averaged over c; its expectation without copying is 1.
    """
    ratios = np.empty(len(pairs.first))
    for block in row_blocks((len(ratios), of.residual.shape[1])):
        ratios[block] = _ratios(of.residual[pairs.first[block]], of.residual[pairs.second[block]])
    return ratios


def _ratios(one: Single, other: Single) -> FloatArray:
    """Of pairs of rows of residuals: the probability of the answer given is 1 less the residual's size."""
    product = one * other
    like, unlike = product > 0, (product < 0).sum(axis=1)
    gain = np.where(like, 0.5 / (1 - np.abs(one)) + 0.5 / (1 - np.abs(other)) - 1, 0)
    each = [np.log1p(c * gain).sum(axis=1, dtype=float) + unlike * np.log1p(-c) for c in _COPIED]
    return np.asarray(np.logaddexp.reduce(each, axis=0) - np.log(len(_COPIED)))
