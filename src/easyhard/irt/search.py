"""Newton's method for the marginal likelihood, over respondents that may lie in several blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np

from easyhard.irt.cases import Cases, ItemTotals
from easyhard.irt.counts import Mask
from easyhard.irt.expectation import Expectation, expectation
from easyhard.irt.information import Derivatives, derivatives, exact_loss, exact_rows_are_few, invert
from easyhard.irt.item_step import fitted_items
from easyhard.irt.point import Design, Parameters, Point, make_point
from easyhard.irt.population import Population, normal_population
from easyhard.schema import FloatArray

_TOLERANCE = 1e-8  # of the parameters: far below any standard error, far above rounding in most data
_IN_ERRORS = 3e-7  # of a standard error, in any direction: where rounding is above the tolerance, this still is not
MOST_ITERATIONS = 200  # Newton steps; ordinary data take 5 to 10
LONGEST_STEP = 2.0  # by which one step may move a parameter
LOWEST_SD, HIGHEST_SD = 0.01, 10.0  # ability sd is searched between these; language models have 0.5 to 3
HIGHEST_SLOPE = 30.0  # per ability sd; without a prior, an item that has more has no finite maximum
_ROUNDING = 1e-11  # of a log-likelihood, relative
_SMALL = 200  # parameters of items up to which the search itself, not only its end, uses the exact loss
_NEAR = 0.3  # longest step below which steps are regular enough to be accelerated
_MEMORY = 6  # moves remembered
_MARGIN = 0.1  # of the width of the abilities' range, left at either end for the next step

MapShards = Callable[[Callable[[Cases], Any], Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """All that a step must know of where it starts. The curves there, which fill the memory, can go."""

    parameters: Parameters
    support: FloatArray  # see ``Expectation``
    objective: float


@dataclass(frozen=True, slots=True)
class At:
    """Where the search is."""

    point: Point
    sums: Expectation
    objective: float  # marginal log-likelihood plus log-prior
    log_likelihood: float

    @property
    def place(self) -> Place:
        """What the next step must know."""
        return Place(self.point.parameters, self.sums.support, self.objective)

    @property
    def steepest(self) -> float:
        """The largest slope, whatever its sign."""
        return float(np.abs(self.point.parameters.slope).max())


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the search ended."""

    at: At
    derivatives: Derivatives
    iterations: int
    moved: float  # by one more step, at most
    converged: bool  # whether such a step is as good as none


@dataclass(frozen=True, slots=True)
class Search:
    """What is maximised: a design, the items, and the respondents in blocks, which ``map_shards`` visits.

    ``threads`` work on each block.
    """

    design: Design
    items: ItemTotals
    shards: Sequence[Any]
    map_shards: MapShards = map
    threads: int = 1

    @property
    def _anchors(self) -> FloatArray:
        """The anchor of the group that each item parameter belongs to: [item parameters]."""
        return np.repeat(self.items.anchor, 1 + self.design.slopes)

    @property
    def exact(self) -> bool:
        """Whether the information lost can be computed case by case, where it is not known exactly anyway."""
        if not self.design.probes or len(self.shards) != 1 or not isinstance(self.shards[0], Cases):
            return False
        return exact_rows_are_few(len(self.shards[0].count), self._n_item_parameters)

    @property
    def _n_item_parameters(self) -> int:
        return len(self.items.size) * (1 + self.design.slopes)

    def at(self, parameters: Parameters, reach: tuple[float, float]) -> At:
        """Expectations at ``parameters``, on a grid at least as wide as ``reach`` and as the posteriors."""
        low, high = reach
        while True:
            point = make_point(parameters, self.items, (low, high), self.design)
            asked = partial(expectation, point=point.for_sums(), threads=self.threads)
            sums: Expectation = reduce(add, self.map_shards(asked, self.shards))
            width = high - low
            too_low, too_high = -sums.support[0] <= low, sums.support[1] >= high
            if not (too_low or too_high):
                break
            low, high = low - 0.3 * width * too_low, high + 0.3 * width * too_high
        log_likelihood = sums.log_likelihood + float(self.items.total @ parameters.intercept)
        return At(point, sums, log_likelihood + _log_prior(parameters, self.design), log_likelihood)

    def with_items_fitted(
        self, start: Parameters, reach: tuple[float, float]
    ) -> tuple[Parameters, tuple[float, float]]:
        """A better place to start under 2PL: ``start`` with the items fitted to its posteriors."""
        at = self.at(start, reach)
        return fitted_items(at.point, at.sums, self.items, self.design), _reach(at.place)

    def derivatives(self, at: At, exact: bool) -> Derivatives:
        """Derivatives there; a standard deviation at the end of its range is held fixed."""
        loss = exact_loss(self.shards[0], at.point, self.design) if exact else None
        found = derivatives(at.point, self.design, self.items, at.sums, loss)
        held = np.append(np.isfinite(self._anchors), sd_leaves_range(found, at.point.parameters, self.design))
        return hold(found, held)

    def maximise(self, start: Parameters, reach: tuple[float, float]) -> Maximum:
        """Newton's method with step halving, and near the maximum with Anderson's acceleration.

        Where the information is only approximate its steps leave a share of the way; what the last ones did to
        the next tells how large a share (Walker & Ni 2011, SIAM Journal on Numerical Analysis 49, 1715-1735).
        """
        exact = self.exact and self._n_item_parameters <= _SMALL
        approximate = self.design.probes and not exact
        at, iterations, path = self.at(start, reach), 1, Path([], [])
        while True:
            slopes = self.derivatives(at, exact)
            step, weight = _step(slopes)
            longest = float(np.abs(step).max())
            converged = longest < _TOLERANCE or float(slopes.gradient @ step) < _IN_ERRORS**2
            if converged or iterations == MOST_ITERATIONS or self._too_steep(at):
                slopes = slopes if exact == self.exact else self.derivatives(at, self.exact)
                return Maximum(at, slopes, iterations, longest, converged)
            place = at.place
            del at, slopes  # while the next point is made there is memory for one
            further = path.accelerated(step, weight) if approximate and longest < _NEAR else step
            at, further = self._next(place, step, further)
            path = path.extended(further, step)
            iterations += 1

    def _too_steep(self, at: At) -> bool:
        return self.design.log_slope_sd is None and at.steepest > HIGHEST_SLOPE

    def _next(self, place: Place, step: FloatArray, further: FloatArray) -> tuple[At, FloatArray]:
        """Where the accelerated step ``further`` leads or, if down, what can be had of ``step``; and the move made."""
        found = self._moved(place, further) if further is not step else None
        if found is not None and _no_lower(found, place):
            return found, further
        del found
        step = step * min(1.0, LONGEST_STEP / float(np.abs(step).max()))
        at, halvings = self._climb(place, step)
        return at, step / 2**halvings

    def _moved(self, place: Place, step: FloatArray) -> At:
        return self.at(moved(place.parameters, step, self.design), _reach(place))

    def _climb(self, place: Place, step: FloatArray) -> tuple[At, int]:
        """The first of step, half the step, a quarter ... that does not lower the objective; how often halved."""
        for halvings in range(30):
            found = self._moved(place, step / 2**halvings)
            if _no_lower(found, place):
                break
        return found, halvings


@dataclass(frozen=True, slots=True)
class Path:
    """The last moves of a search, and the steps that Newton's method asked for before each."""

    moves: list[FloatArray]
    steps: list[FloatArray]

    def extended(self, move: FloatArray, step: FloatArray) -> Path:
        """The path with one more move, and no more than the last few."""
        return Path([*self.moves, move][-_MEMORY:], [*self.steps, step][-_MEMORY:])

    def accelerated(self, step: FloatArray, weight: FloatArray) -> FloatArray:
        """``step``, less what the path tells it to be off; differences are weighed by ``weight`` [parameters]."""
        if not self.moves:
            return step
        changes = np.diff(np.column_stack([*self.steps, step]), axis=1)
        share = np.linalg.lstsq(changes * weight[:, None], step * weight, rcond=1e-10)[0]
        return np.asarray(step - (np.column_stack(self.moves) + changes) @ share)


def _step(slopes: Derivatives) -> tuple[FloatArray, FloatArray]:
    """The step of Newton's method, and the weight of each parameter in the length of a step."""
    diagonal = np.append(slopes.items.diagonal(axis1=1, axis2=2).ravel(), slopes.populations.diagonal())
    return invert(slopes).product(slopes.gradient), np.sqrt(diagonal)


def _reach(place: Place) -> tuple[float, float]:
    """The abilities for the next step: those with any mass here, and a margin."""
    low, high = -place.support[0], place.support[1]
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def _no_lower(found: At, place: Place) -> bool:
    return found.objective >= place.objective - _ROUNDING * abs(place.objective)


def moved(parameters: Parameters, step: FloatArray, design: Design) -> Parameters:
    """``parameters`` one step on; the order is that of ``Derivatives``."""
    k = 1 + design.slopes
    n_groups = len(parameters.intercept)
    by_group = step[: n_groups * k].reshape(n_groups, k)
    slope = parameters.slope
    if design.slopes:
        slope = slope + by_group[:, 1] if design.log_slope_sd is None else slope * np.exp(by_group[:, 1])
    rest = iter(step[n_groups * k :])
    populations = []
    for population, free in zip(parameters.populations, design.populations, strict=True):
        by_part = {part: float(next(rest)) for part in free}
        populations.append(_moved_population(population, **by_part) if free else population)
    return Parameters(slope, parameters.intercept + by_group[:, 0], tuple(populations))


def _moved_population(population: Population, mean: float = 0.0, log_sd: float = 0.0) -> Population:
    sd = min(max(population.sd * np.exp(log_sd), LOWEST_SD), HIGHEST_SD)
    return normal_population(population.mean + mean, sd)


def _log_prior(parameters: Parameters, design: Design) -> float:
    if design.log_slope_sd is None:
        return 0.0
    log_slope = np.log(parameters.slope)
    return float(-0.5 * np.sum(((log_slope - log_slope.mean()) / design.log_slope_sd) ** 2))


def sd_bound(sd: float) -> str:
    """Which end of its range an ability sd is at: ``lowest``, ``highest`` or neither (empty)."""
    if sd <= LOWEST_SD * 1.000001:
        return "lowest"
    return "highest" if sd >= HIGHEST_SD / 1.000001 else ""


def sd_leaves_range(found: Derivatives, parameters: Parameters, design: Design) -> list[bool]:
    """For every parameter of a population, whether it is a standard deviation about to leave its range."""
    slopes = iter(found.gradient[found.items.shape[0] * found.items.shape[1] :])
    leaves = []
    for population, free in zip(parameters.populations, design.populations, strict=True):
        for part in free:
            slope, bound = next(slopes), sd_bound(population.sd)
            outward = (bound == "lowest" and slope < 0) or (bound == "highest" and slope > 0)
            leaves.append(part == "log_sd" and outward)
    return leaves


def hold(found: Derivatives, held: Mask) -> Derivatives:
    """``found`` as if the ``held`` parameters, [parameters], were known: a step leaves them where they are."""
    if not held.any():
        return found
    n_groups, k = found.items.shape[:2]
    free = ~held.astype(bool)
    of_items, of_populations = free[: n_groups * k].reshape(n_groups, k), free[n_groups * k :]
    items = found.items * of_items[:, :, None] * of_items[:, None, :]
    items[:, range(k), range(k)] += ~of_items
    populations = found.populations * np.outer(of_populations, of_populations) + np.diag(~of_populations)
    return replace(
        found,
        gradient=found.gradient * free,
        items=items,
        populations=populations,
        loss=found.loss * free[:, None],
    )
