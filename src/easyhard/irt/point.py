"""Parameters at one point of the search, and what follows from them alone, without the responses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from easyhard.irt.cases import ItemTotals
from easyhard.irt.counts import Places
from easyhard.irt.population import Population
from easyhard.irt.quadrature import Quadrature, quadrature
from easyhard.schema import FloatArray

_COARSE = 33  # points on which the largest information is looked for; it is smooth in ability
_COMPACT_ERROR = 1e-11  # of any curve, relative to its size
_SAMPLED = 100  # items taken at once into the sample from which the compact terms are made
_MOST_SAMPLES = 4
_RANK_ERROR = 1e-15  # share of the curves' squares that their common basis may miss: 3e-8 of a curve


PopulationPart = Literal["mean", "log_sd"]


@dataclass(frozen=True, slots=True)
class Design:
    """What is estimated: whether items have slopes of their own, and what of each population is free."""

    slopes: bool
    populations: tuple[tuple[PopulationPart, ...], ...]
    probes: bool = True  # whether the loss of information is approximate, so that its main directions are probed
    log_slope_sd: float | None = None  # of the prior on the logarithms of the slopes about their mean; None: no prior


@dataclass(frozen=True, slots=True)
class Parameters:
    """P(correct) = 1 / (1 + exp(-(slope ability + intercept))): [groups] each, and who the respondents are."""

    slope: FloatArray
    intercept: FloatArray
    populations: tuple[Population, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """Parameters, a grid for the integrals over ability, and the items' curves on it."""

    parameters: Parameters
    grid: Quadrature
    compact: FloatArray  # [terms, points], functions of which every curve is a combination, to ten digits
    from_compact: FloatArray  # [terms, nodes], the same at the nodes, orthonormal
    complete: bool  # whether all respondents saw all items
    softplus: FloatArray  # [groups, terms], coefficients of minus the log-probability of a wrong answer
    probability: FloatArray  # [groups, nodes], of a correct answer
    log_density: FloatArray  # [populations, points], of ability
    population_slopes: tuple[FloatArray, ...]  # [parameters of the population, points], of its log-density
    basis: FloatArray  # [points, rank]: functions of which the probabilities are combinations
    n_probes: int  # directions in which information is nearly lost and therefore computed exactly; 0, 1 or 2
    coefficients: FloatArray  # [groups, slots, rank], of the probability and, under 2PL, ability times it

    def within(self, window: slice) -> Point:
        """The same at some of the points alone."""
        return replace(
            self,
            grid=replace(self.grid, ability=self.grid.ability[window]),
            compact=self.compact[:, window],
            log_density=self.log_density[:, window],
            population_slopes=tuple(slopes[:, window] for slopes in self.population_slopes),
            basis=self.basis[window],
        )

    def for_sums(self) -> Point:
        """The same without the largest array, which no sum over respondents needs: less to send to where they are."""
        return replace(self, probability=np.zeros((0, 0)))


def make_point(parameters: Parameters, items: ItemTotals, reach: tuple[float, float], design: Design) -> Point:
    """Point of ``parameters``; ``reach`` holds the ends of the abilities considered."""
    low, high = reach
    slope, intercept = parameters.slope[:, None], parameters.intercept[:, None]
    coarse, _ = _curves(slope * np.linspace(low, high, _COARSE) + intercept)
    coarse *= (1 - coarse) * slope**2
    information = _most(coarse, items.size, items.most_seen)
    del coarse
    information += max(float((1 / population.width**2).max()) for population in parameters.populations)
    grid = quadrature(low, high, information, max(float(np.abs(slope).max()), 1e-3))
    probability, softplus = _curves(slope * grid.nodes + intercept)
    basis, coefficients = _common_basis(probability, grid.nodes if design.slopes else None)
    terms = np.eye(len(grid.nodes))
    if not items.few_sets and len(items.size) >= _SAMPLED:
        # The information of a Rasch item is the sum of p (1 - p), which for a solitary item no other curves make up.
        further = grid.nodes * probability if design.slopes else probability * (1 - probability)
        terms = _compact([softplus, probability, further])
        softplus = softplus @ terms.T
    return Point(
        parameters=parameters,
        grid=grid,
        compact=terms @ grid.interpolation.T,
        from_compact=terms,
        complete=items.complete,
        softplus=softplus,
        probability=probability,
        log_density=np.stack([population.log_density(grid.ability) for population in parameters.populations]),
        population_slopes=tuple(
            _population_slopes(population, free, grid.ability)
            for population, free in zip(parameters.populations, design.populations, strict=True)
        ),
        basis=grid.interpolation @ basis.T,
        n_probes=1 + design.slopes if design.probes else 0,
        coefficients=coefficients,
    )


def _curves(logit: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The logistic function p of ``logit``, and log(1 + exp(logit)) = logit - log(p).

    By exp and log1p, which numpy computes many numbers at a time: several times as fast as expit and logaddexp.
    """
    softplus = np.abs(logit)
    np.exp(np.negative(softplus, out=softplus), out=softplus)
    np.log1p(softplus, out=softplus)
    softplus += np.maximum(logit, 0)
    logit -= softplus
    return np.exp(logit, out=logit), softplus


def _population_slopes(population: Population, free: tuple[PopulationPart, ...], ability: FloatArray) -> FloatArray:
    """Slopes of a normal log-density in its free parameters: [parameters, points]."""
    z = (ability - population.mean) / population.sd
    slopes = {"mean": z / population.sd, "log_sd": z**2 - 1}
    return np.array([slopes[part] for part in free]).reshape(len(free), len(ability))


def _most(information: FloatArray, size: FloatArray, most_seen: float) -> float:
    """Largest sum over ``most_seen`` items of their ``information`` [groups, points], at any one point."""
    if most_seen > 0.9 * size.sum():
        return float((size @ information).max())
    by_point = np.ascontiguousarray(information.T)
    order = np.argsort(-by_point, axis=1)
    taken = np.minimum(np.cumsum(size[order], axis=1), most_seen)
    taken[:, 1:] -= taken[:, :-1].copy()
    return float((np.take_along_axis(by_point, order, axis=1) * taken).sum(axis=1).max())


def _compact(curves: list[FloatArray]) -> FloatArray:
    """Orthonormal rows [terms, nodes] of which all ``curves`` [groups, nodes] are combinations to ten digits.

    Curves of like items are alike, so there are far fewer terms than nodes. They are found from a sample of
    the items and held against all. Items that are missed join the sample; if some still are, the nodes serve.
    """
    n_nodes = curves[0].shape[1]
    order = np.argsort(curves[0][:, n_nodes // 2])
    places, limits = _sample_places(curves, order), [_missable(curve) for curve in curves]
    for _ in range(_MOST_SAMPLES):
        sample = np.vstack([np.ones((1, n_nodes)), *(curve[places] for curve in curves)])
        sample /= np.linalg.norm(sample, axis=1, keepdims=True)
        _, spectrum, rows = np.linalg.svd(sample, full_matrices=False)
        terms: FloatArray = rows[spectrum > _COMPACT_ERROR * spectrum[0]]
        missed = np.zeros(len(order), dtype=bool)
        for curve, limit in zip(curves, limits, strict=True):
            missed |= np.linalg.norm(curve - (curve @ terms.T) @ terms, axis=1) > limit
        if not missed.any():
            return terms
        places = np.append(places, _spread(order[missed[order]]))
    return np.eye(n_nodes)


def _missable(curve: FloatArray) -> float:
    """Error that any one of the curves [groups, nodes] may have."""
    return float(10 * _COMPACT_ERROR * np.linalg.norm(curve, axis=1).max())


def _sample_places(curves: list[FloatArray], order: Places) -> Places:
    """Items evenly spaced in ``order`` and by the value that it follows, and the outermost in any respect."""
    middle = curves[0].shape[1] // 2
    values = curves[0][order, middle]
    by_value = np.searchsorted(values[:-1], np.linspace(values[0], values[-1], _SAMPLED))
    ends = [curve[:, node].argsort()[[0, -1]] for curve in curves for node in (0, middle, -1)]
    return np.concatenate([_spread(order), order[by_value], *ends])


def _spread(places: Places) -> Places:
    """Some of ``places``, evenly spaced."""
    return np.asarray(places[np.linspace(0, len(places) - 1, min(_SAMPLED, len(places))).astype(int)])


def _common_basis(curves: FloatArray, nodes: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Orthonormal rows [rank, nodes] that span ``curves`` [groups, nodes], and the coefficients in them.

    With ``nodes`` they span these times the curves too. The coefficients are [groups, slots, rank].
    """
    products = curves.T @ curves
    if nodes is not None:
        products += nodes[:, None] * products * nodes
    spectrum, axes = np.linalg.eigh(products)
    basis = axes[:, spectrum > _RANK_ERROR * spectrum[-1]]
    of_slots = basis if nodes is None else np.hstack([basis, nodes[:, None] * basis])
    return basis.T, (curves @ of_slots).reshape(len(curves), -1, basis.shape[1])
