"""Rasch and 2PL fitted to responses that lie in parts, none of which needs to know the others.

All that ``fit_rasch`` and ``fit_2pl`` take from the respondents is sums over them. Here each shard gives its part of
every sum wherever it is, in another process or on another machine, and only the sums travel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, Protocol

import numpy as np
from scipy.sparse import coo_array

from easyhard.irt.cases import Cases, ItemTotals, by_appearance, distinct_keys
from easyhard.irt.checks import check_counts
from easyhard.irt.extremes import ExtremeDifficulties, Unanimity, one_side, unanimity
from easyhard.irt.item_model import ItemModel
from easyhard.irt.point import Point
from easyhard.irt.rasch import extreme_prior, placed, rasch_design, rasch_model
from easyhard.irt.search import Search
from easyhard.irt.sparse_cases import Chosen, ItemCounts, choose, count_items, of_items, of_respondents, sparse_cases
from easyhard.irt.start import Spread, spread_of, standing, start_from
from easyhard.irt.two_parameter import (
    LOG_DISCRIMINATION_SD,
    check_prior,
    estimates,
    two_parameter_design,
    two_parameter_model,
    unit_start,
)
from easyhard.schema import FloatArray, InputError, SparseResponses

_EXTREMES_AT_ONCE = 500  # items all right or all wrong: 2 x 16 MB for each shard's answer


class Shard(Protocol):
    """Some of the respondents with all their responses; a handle small enough to be sent anywhere."""

    def load(self) -> SparseResponses:
        """The responses. Called once for every sum, so rather read them anew than keep them."""
        ...


MapShards = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]


def fit_rasch_sharded(shards: Sequence[Shard], n_items: int, map_shards: MapShards = map) -> ItemModel:
    """Fit the Rasch model to the responses in ``shards`` to items 0 to ``n_items - 1``.

    The estimates are those of ``fit_rasch`` on all responses together, to 1e-8 logits however they are cut, and
    so are the standard errors and the items that all, or none, got right. Only where ``fit_rasch`` computes the
    loss of information case by case (responses missing without a pattern, and up to 200 items or few
    respondents) its standard errors differ a little, by some thousandths: those here take it by expectation. No
    respondent may be in two shards. All count once, and come from one population with normal abilities.

    ``map_shards(function, shards)`` applies a function that can be pickled to every shard and yields what comes
    back, in the order of the shards: ``map``, or one that does it in other processes. It is called about ten
    times. Memory here and there does not grow with the number of respondents; it holds about 150 numbers for
    every item, and where the shards are, one shard at a time. So shards of more responses than that, a few
    million, keep the traffic small.

    Raises InputError as ``fit_rasch`` does, or for shards that do not hold what they promise.
    """
    crowd = _gather(shards, n_items, map_shards, single=False)
    varies = crowd.counts.varies
    items, about = _items(crowd)
    search = Search(rasch_design(1, False, about.uneven), items, crowd.shards, crowd.map_cases)
    start, reach = start_from(about.spread, items, 1)
    maximum = search.maximise(start, reach)
    by_item = placed(maximum, search.items, anchored=False)
    difficulty, standard_error = np.empty((2, n_items))
    difficulty[varies], standard_error[varies] = by_item.difficulty, by_item.standard_error
    if not varies.all():
        prior_mean, prior_sd = extreme_prior(by_item.difficulty)
        extreme = _extreme_difficulties(crowd, maximum.at.point, prior_mean - by_item.shift, prior_sd)
        difficulty[~varies], standard_error[~varies] = extreme.difficulty + by_item.shift, extreme.sd
    return rasch_model(difficulty, standard_error, maximum, by_item.shift, search)


def fit_2pl_sharded(
    shards: Sequence[Shard],
    n_items: int,
    map_shards: MapShards = map,
    log_discrimination_sd: float | None = LOG_DISCRIMINATION_SD,
) -> ItemModel:
    """Fit the 2PL model to the responses in ``shards`` to items 0 to ``n_items - 1``.

    To ``fit_2pl`` what ``fit_rasch_sharded`` is to ``fit_rasch``: the same estimates to 1e-8, and where ``fit_2pl``
    computes the loss of information case by case, standard errors that differ by some thousandths. ``map_shards`` is
    called about fifteen times; some 200 numbers for every item go to each shard, and 120 come back. Raises InputError
    as ``fit_2pl`` does.
    """
    check_prior(log_discrimination_sd)
    crowd = _gather(shards, n_items, map_shards, single=True)
    items, about = _items(crowd)
    search = Search(two_parameter_design(1, False, log_discrimination_sd), items, crowd.shards, crowd.map_cases)
    stood: FloatArray = reduce(add, crowd.map_cases(partial(standing, spread=about.spread), crowd.shards))
    start, reach = unit_start(about.spread, stood, items, 1)
    maximum = search.maximise(*search.with_items_fitted(start, reach))
    found = estimates(maximum, search, np.zeros((2, 2)))
    extreme = _extreme_difficulties(crowd, maximum.at.point, *found.extreme_prior, found.typical)
    return two_parameter_model(found, extreme, crowd.counts.varies, maximum, search)


@dataclass(frozen=True, slots=True)
class _Crowd:
    """All respondents, wherever they are."""

    shards: Sequence[Shard]
    map_shards: MapShards
    counts: ItemCounts
    chosen: Chosen  # the items that vary
    single: bool  # whether each respondent is a case

    def map_cases(self, function: Callable[[Cases], Any], shards: Sequence[Shard]) -> Iterable[Any]:
        """What ``function`` makes of the cases of each shard."""
        return self.map_shards(partial(_on_cases, function=function, chosen=self.chosen, single=self.single), shards)

    def ask(self, point: Point, extreme: Chosen, slope: float, difficulty: FloatArray, side: int) -> Unanimity:
        """How they bear on the items ``extreme``, all of one ``side`` and ``slope``; see ``one_side``."""
        about = partial(_unanimity_of, chosen=self.chosen, single=self.single, extreme=extreme, point=point)
        there = partial(about, difficulty=difficulty, slope=side * slope)
        found: Unanimity = reduce(add, self.map_shards(there, self.shards))
        return found


def _gather(shards: Sequence[Shard], n_items: int, map_shards: MapShards, single: bool) -> _Crowd:
    if not shards:
        raise InputError("there is no shard of responses. Give at least one.")
    counts: ItemCounts = reduce(add, map_shards(partial(_counts_of, n_items=n_items), shards))
    check_counts(counts.n_respondents, counts.seen, counts.varies)
    return _Crowd(shards, map_shards, counts, choose(counts, np.flatnonzero(counts.varies)), single)


def _counts_of(shard: Shard, n_items: int) -> ItemCounts:
    try:
        return count_items(shard.load(), n_items)
    except InputError as error:
        raise InputError(f"shard {shard!r}: {error}") from error


def _on_cases(shard: Shard, function: Callable[[Cases], Any], chosen: Chosen, single: bool) -> Any:
    return function(sparse_cases(shard.load(), chosen, single))


def _items(crowd: _Crowd) -> tuple[ItemTotals, _Respondents]:
    """The items that vary, and what must be known of the respondents before the search."""
    about: _Respondents = reduce(add, crowd.map_cases(_respondents, crowd.shards))
    varies, n = crowd.counts.varies, crowd.chosen.size
    items = ItemTotals(
        total=crowd.counts.right[varies].astype(float),
        size=np.ones(n),
        block_of=crowd.chosen.block_of,
        asked=crowd.counts.seen[varies].astype(float),
        most_seen=about.most_seen,
        complete=False,
        few_sets=False,
        anchor=np.full(n, np.nan),
    )
    return items, about


@dataclass(frozen=True, slots=True)
class _Respondents:
    """What the search must know of the respondents before it begins; adding two gives that of both parts."""

    spread: Spread
    most_seen: float  # items seen by one respondent, at most
    uneven: bool  # whether somebody saw a part of a block of items

    def __add__(self, other: _Respondents) -> _Respondents:
        most_seen, uneven = max(self.most_seen, other.most_seen), self.uneven or other.uneven
        return _Respondents(self.spread + other.spread, most_seen, uneven)


def _respondents(cases: Cases) -> _Respondents:
    n_seen = cases.items_seen
    uneven = bool(((cases.share > 0) & (cases.share < 1)).any())
    return _Respondents(spread_of(cases.n_correct, n_seen, cases.count), float(n_seen.max()), uneven)


def _extreme_difficulties(
    crowd: _Crowd, point: Point, prior_mean: float, prior_sd: float, slope: float = 1.0
) -> ExtremeDifficulties:
    """Difficulties of the items that do not vary, in their order, if they have ``slope``; see ``extremes``."""
    counts = crowd.counts
    difficulty, sd = np.empty((2, len(counts.seen)))
    bare = replace(point.for_sums(), n_probes=0, coefficients=np.zeros((0, 0, 0)))  # posteriors alone are wanted
    for side, items in ((-1, np.flatnonzero(counts.right == counts.seen)), (1, np.flatnonzero(counts.right == 0))):
        if len(items):
            first, which = by_appearance(*distinct_keys(counts.observers[items]))
            batches = [items[first[at : at + _EXTREMES_AT_ONCE]] for at in range(0, len(first), _EXTREMES_AT_ONCE)]
            asks = [partial(crowd.ask, bare, choose(counts, batch), slope) for batch in batches]
            found = [one_side(ask, prior_mean, prior_sd, side) for ask in asks]
            difficulty[items] = np.concatenate([one.difficulty for one in found])[which]
            sd[items] = np.concatenate([one.sd for one in found])[which]
    return ExtremeDifficulties(difficulty[~counts.varies], sd[~counts.varies])


def _unanimity_of(
    shard: Shard, chosen: Chosen, single: bool, extreme: Chosen, point: Point, difficulty: FloatArray, slope: float
) -> Unanimity:
    """How the respondents of one shard bear on the items ``extreme``; those who saw none of them do not."""
    responses = shard.load()
    concerned = np.diff(of_items(responses, extreme).starts) > 0
    responses = of_respondents(responses, concerned)
    cases, seen = sparse_cases(responses, chosen, single), of_items(responses, extreme)
    case = np.repeat(cases.case_of[: concerned.sum()], np.diff(seen.starts))
    shape = (extreme.size, len(cases.count))
    n_observers = coo_array((np.ones(len(case)), (seen.item, case)), shape=shape).tocsc()
    return unanimity(cases, point, n_observers, difficulty, slope)
