"""Do items hang together beyond ability? Yen's Q3 for all pairs, with a null distribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import ndtr

from easyhard.irt.counts import Mask, Places, count_responses
from easyhard.irt.diagnostics.false_discovery import LEVEL, benjamini_hochberg
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.residuals import Single, residuals_of, variances_of
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import MISSING, FloatArray, IntArray
from easyhard.wording import counted, shown

_TILE = 1024  # items a side of the pairs held at once
_LEAST = 5  # respondents in common below which a pair is not tested
_STEP = 0.01  # of z in the tally of all pairs
_TOP = 60.0  # z beyond which the tally no longer tells pairs apart
_CLOSE = 0.5  # adjusted Q3 of what can hardly be two separate questions (ours)


@dataclass(frozen=True, slots=True)
class LocalDependence:
    """The most dependent pairs of items, strongest evidence first: [pairs] each.

    ``q3`` is the correlation of residuals as Yen has it, on average between 0 and -1 / (items - 1) if the model holds,
    because residuals are taken from an ability that the items themselves moved; ``q3_adjusted`` is free of that: 0 is
    expected. ``z`` is its standard normal deviate, or nearer to 0; ``p`` counts positive dependence only.
    """

    items: tuple[str, ...]  # all
    first: Places
    second: Places
    n_responses: FloatArray  # respondents who saw both
    q3: FloatArray
    q3_adjusted: FloatArray
    z: FloatArray
    p: FloatArray
    p_bh: FloatArray  # adjusted for the false-discovery rate over all pairs, kept or not
    n_pairs: int  # tested
    n_found: int  # of them, with an adjusted p-value below 0.05
    q3_mean: float  # over all pairs tested
    q3_max: float

    @property
    def q3_star(self) -> float:
        """Largest Q3 less the mean of all, of Christensen, Makransky & Horton (2017)."""
        return self.q3_max - self.q3_mean

    def frame(self) -> pl.DataFrame:
        """One row per pair kept."""
        names = pl.Series(self.items, dtype=pl.String)
        return pl.DataFrame(
            {
                "item": names.gather(self.first),
                "other_item": names.gather(self.second),
                "n_responses": self.n_responses.astype(np.int64),
                "q3": self.q3,
                "q3_adjusted": self.q3_adjusted,
                "z": self.z,
                "p": self.p,
                "p_bh": self.p_bh,
            }
        )

    def reading(self) -> str:
        """What the figures say, in a few sentences."""
        if not len(self.z):
            return "No pair of items can be tested: too few respondents saw both."
        text = (
            f"Of {counted(self.n_pairs, 'pair')} of items, {self.n_found:,} hang together more than ability explains "
            f"(false-discovery rate {LEVEL:.0%}). The largest Q3 is {self.q3_max:.2f}, {self.q3_star:.2f} above the "
            f"mean of all pairs. The pair with the most evidence is {shown(self.items[self.first[0]])} and "
            f"{shown(self.items[self.second[0]])}: Q3 {self.q3[0]:.2f}, z {self.z[0]:+.1f}."
        )
        if not self.n_found:
            return f"{text} Among so many pairs none is certain, but near-copies come first in the table: read those."
        close = int(((self.q3_adjusted > _CLOSE) & (self.p_bh < LEVEL)).sum())
        return text + (f" {counted(close, 'pair')} with a Q3 above {_CLOSE} may be near-copies." if close else "")


def local_dependence(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    items: Sequence[str] | None = None,
    keep: int = 1000,
) -> LocalDependence:
    """Dependence of all pairs of items of ``correct``, int8 [respondents, items]; the ``keep`` strongest are kept.

    Q3 is the correlation of two items' residuals (Yen 1984, Applied Psychological Measurement 8, 125-145). At
    every ability the product (x - p)(x' - p') has expectation 0 if the items are independent there, so its
    posterior mean has expectation 0 too: the product of the residuals plus the posterior covariance of p and p'.
    The sum of that over respondents, by its standard deviation, is ``z``; by those of the residuals, adjusted Q3.
    Of two estimates of the standard deviation, from the model and from the products, the larger is taken: the
    one fails where two items share a rare surprise, the other where one item is easy and the other hard.

    Items are taken tile by tile, so memory does not grow with the number of pairs. ``posterior`` is that of
    ``posterior_of``. Raises InputError as that does, and if there is not one name an item.
    """
    names = names_of("item", items, correct.shape[1])
    posterior = posterior or posterior_of(correct, model)
    counts = count_responses(correct)
    varies = np.flatnonzero(counts.varies)
    parts = _Parts(
        residual=residuals_of(correct, model, posterior, varies),
        variance=variances_of(correct, model, posterior, varies),
        slope=model.discrimination[varies].astype(np.float32),
        ability_sd=posterior.sd.astype(np.float32)[:, None],
        seen=None if counts.complete else correct[:, varies] != MISSING,
    )
    tally, strongest = _Tally(), _Strongest(keep)
    for tile in _tiles(parts):
        tally.add(tile)
        strongest.add(tile)
    kept = strongest.pairs()
    return LocalDependence(
        items=names,
        first=varies[kept.first],
        second=varies[kept.second],
        n_responses=kept.n,
        q3=kept.q3,
        q3_adjusted=kept.q3_adjusted,
        z=kept.z,
        p=ndtr(-kept.z),
        p_bh=tally.adjusted(kept.z),
        n_pairs=tally.n_pairs,
        n_found=tally.n_found(),
        q3_mean=tally.q3_sum / max(tally.n_pairs, 1),
        q3_max=tally.q3_max,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the pairs are made of; the items are those that vary."""

    residual: Single  # [respondents, items]
    variance: Single  # [respondents, items]
    slope: Single  # [items], discriminations
    ability_sd: Single  # [respondents, 1], posterior
    seen: Mask | None  # [respondents, items]; None if complete


@dataclass(frozen=True, slots=True)
class _Tile:
    """Pairs of an item of the rows with one of the columns: [rows, columns]; z is -inf where a pair is not tested."""

    first_row: int
    first_column: int
    n: Single
    q3: Single
    q3_adjusted: Single
    z: Single

    def pick(self, least: float) -> _Pairs:
        """The pairs with z above ``least``."""
        at = np.nonzero(self.z > least)
        values = (np.asarray(x[at], dtype=float) for x in (self.n, self.q3, self.q3_adjusted, self.z))
        return _Pairs(at[0] + self.first_row, at[1] + self.first_column, *values)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of items, each once: [pairs]."""

    first: Places
    second: Places
    n: FloatArray
    q3: FloatArray
    q3_adjusted: FloatArray
    z: FloatArray

    def pick(self, places: Places) -> _Pairs:
        return _Pairs(*(getattr(self, name)[places] for name in self.__slots__))


class _Tally:
    """Counts of z over all pairs."""

    def __init__(self) -> None:
        self.count = np.zeros(int(_TOP / _STEP) + 1, dtype=np.int64)  # above 0 only, by steps
        self.n_pairs, self.q3_sum, self.q3_max = 0, 0.0, -1.0

    def add(self, tile: _Tile) -> None:
        positive = tile.z[tile.z > 0]
        place = np.minimum(positive / _STEP, len(self.count) - 1).astype(np.intp)
        self.count += np.bincount(place, minlength=len(self.count))
        self.n_pairs += int(np.count_nonzero(np.isfinite(tile.z)))
        self.q3_sum += float(tile.q3.sum(dtype=float))
        self.q3_max = max(self.q3_max, float(tile.q3.max(initial=-1.0)))

    def _by_step(self) -> FloatArray:
        """Adjusted p-value of a z at the lower edge of each step: [steps]."""
        beyond = np.cumsum(self.count[::-1])[::-1]
        p = ndtr(-_STEP * np.arange(len(self.count))) * self.n_pairs / np.maximum(beyond, 1)
        return np.asarray(np.minimum(np.minimum.accumulate(p), 1.0))

    def adjusted(self, z: FloatArray) -> FloatArray:
        """Adjusted p-values of the largest z of all pairs, in descending order."""
        step = self._by_step()[np.clip(z / _STEP, 0, len(self.count) - 1).astype(np.intp)]
        return np.where(z > 0, np.minimum(step, benjamini_hochberg(ndtr(-z), self.n_pairs)), 1.0)

    def n_found(self) -> int:
        """Pairs with an adjusted p-value below the level, to the precision of a step."""
        return int(self.count[self._by_step() < LEVEL].sum())


class _Strongest:
    """The pairs with the largest z so far."""

    def __init__(self, keep: int) -> None:
        self.keep, self.least = keep, -np.inf
        nothing, none = np.empty(0, dtype=np.intp), np.empty(0)
        self.parts = [_Pairs(nothing, nothing, none, none, none, none)]

    def add(self, tile: _Tile) -> None:
        self.parts.append(tile.pick(self.least))
        if sum(len(part.z) for part in self.parts) > 4 * self.keep:
            self.parts = [self.pairs()]
            self.least = float(self.parts[0].z[-1])

    def pairs(self) -> _Pairs:
        """In descending order of z."""
        every = _Pairs(*(np.concatenate([getattr(part, name) for part in self.parts]) for name in _Pairs.__slots__))
        return every.pick(np.argsort(-every.z, kind="stable")[: self.keep])


def _tiles(parts: _Parts) -> Iterator[_Tile]:
    """All pairs, a tile of items by items at a time."""
    starts = range(0, len(parts.slope), _TILE)
    for at in starts:
        for other in starts[at // _TILE :]:
            yield _tile(parts, slice(at, at + _TILE), slice(other, other + _TILE))


def _tile(parts: _Parts, rows: slice, columns: slice) -> _Tile:
    """The pairs of an item of ``rows`` with a later one of ``columns``."""
    r, s = parts.residual[:, rows], parts.residual[:, columns]
    v, w = parts.variance[:, rows], parts.variance[:, columns]
    # The posterior covariance of two curves, by the delta method: slopes times the variance of ability.
    sloped = (v * parts.ability_sd * parts.slope[rows]).T @ (w * parts.ability_sd * parts.slope[columns])
    products = r.T @ s
    n = np.full(products.shape, len(r), dtype=np.float32)
    squares = np.outer((r**2).sum(axis=0), (s**2).sum(axis=0))
    if parts.seen is not None:
        seen, other_seen = parts.seen[:, rows].astype(np.float32), parts.seen[:, columns].astype(np.float32)
        n, squares = seen.T @ other_seen, ((r**2).T @ other_seen) * (seen.T @ s**2)
    spread = np.maximum(v.T @ w, (r**2).T @ s**2)
    tested = (n >= _LEAST) & (spread > 0) & (squares > 0)
    if rows == columns:
        tested = np.triu(tested, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_sd = np.where(tested, 1 / np.sqrt(squares), 0)
        z = np.where(tested, (products + sloped) / np.sqrt(spread), -np.inf)
    return _Tile(rows.start, columns.start, n, products * by_sd, (products + sloped) * by_sd, z)
