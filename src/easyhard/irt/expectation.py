"""What the respondents say at one point of the search: sums over their ability posteriors.

Every sum is over respondents, so blocks of them can be summed anywhere and in any order, and added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial, reduce

import numpy as np

from easyhard.irt.cases import CaseBlock, Cases
from easyhard.irt.counts import Places
from easyhard.irt.point import Point
from easyhard.irt.threads import in_order
from easyhard.schema import FloatArray

_SHARED = 2_000_000  # entries of the matrices from which threads gain more than they spend on waiting for each other
_SKIPPED = 8  # points from one to the next at which posteriors are looked for
TAIL = 34.0  # log-density below the peak at which a posterior may be cut: exp(-34) = 2e-15


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Ability posteriors of a slice of cases."""

    block: CaseBlock
    weight: FloatArray  # [cases of the slice, points]; rows sum to 1
    log_likelihood: FloatArray  # [cases of the slice], without the terms linear in the intercepts
    score: FloatArray  # [cases of the slice], right answers weighted by slope
    expected: FloatArray  # [cases of the slice, points] or one row, of the score; empty unless the point has probes


@dataclass(frozen=True, slots=True)
class Expectation:
    """Sums over respondents; adding two gives those of both blocks together.

    ``seen`` and ``probed`` are over those who saw a group, with one row for all groups if everybody saw everything.
    """

    log_likelihood: float  # marginal, without the terms linear in the intercepts
    seen: FloatArray  # [groups, terms], or one row: times a curve's compact coefficients, its expected sum
    right: FloatArray  # [groups, 1 + probes]; under 2PL, sums over those who got it right; else no row
    population: FloatArray  # [populations, points], respondents of each at every ability
    lost: FloatArray  # [functions, functions], posterior covariances of the functions of ``_functions``
    variance: FloatArray  # [blocks, nodes]: as ``seen`` for one item of a block, times the posterior variance
    asked: FloatArray  # [2, blocks]: sums of the shares of a block's items that were seen, and of their squares
    probed: FloatArray  # [groups, probes, rank], or one row: covariances of the probes with the basis
    probed_populations: FloatArray  # [probes, slopes of all populations], the same with these
    support: FloatArray  # [2]: minus the lowest, and the highest, ability with any mass

    def __add__(self, other: Expectation) -> Expectation:
        sums = {name.name: getattr(self, name.name) + getattr(other, name.name) for name in fields(self)}
        return Expectation(**{**sums, "support": np.maximum(self.support, other.support)})


def posteriors(cases: Cases, point: Point) -> Iterator[Posteriors]:
    """Ability posteriors, slice by slice."""
    of_items = _of_items(cases, point)
    for rows in cases.slices(len(point.grid.ability)):
        yield _posteriors_of(cases, point, of_items, rows)


def _of_items(cases: Cases, point: Point) -> FloatArray:
    """What is to be summed over the items that a case saw, or where all saw everything its sum over all of them."""
    curves, weights = [point.softplus], [cases.size]
    if point.n_probes:
        curves.append(point.coefficients[:, 0])
        weights.append(cases.size * point.parameters.slope)
    if point.complete:
        return np.hstack([weight @ curve for weight, curve in zip(weights, curves, strict=True)])[None]
    return np.hstack([weight[:, None] * curve for weight, curve in zip(weights, curves, strict=True)])


def _posteriors_of(cases: Cases, point: Point, of_items: FloatArray, rows: slice) -> Posteriors:
    """Ability posteriors of the cases in ``rows``, at all points."""
    return _posteriors_given(_evidence(cases, point, of_items, rows), point)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What posteriors of a slice of cases depend on, at whatever points."""

    block: CaseBlock
    sums: FloatArray  # [cases of the slice, ...], or one row if all saw everything: over the items, of ``_of_items``
    score: FloatArray  # [cases of the slice], as in ``Posteriors``
    population: Places  # [cases of the slice]

    def log_density(self, point: Point) -> FloatArray:
        """Logarithm of the posterior density, up to a constant of each case: [cases of the slice, points]."""
        log_density: FloatArray = np.outer(self.score, point.grid.ability)
        log_density -= self.sums[:, : len(point.compact)] @ point.compact
        log_density += point.log_density[self.population]
        return log_density

    def window(self, point: Point) -> slice:
        """Points outside of which no posterior is above its tail.

        Some of the points suffice to see it. Posteriors fall off to either side, and no point is skipped near which a
        component of a mixture could rise again.
        """
        coarse = self.log_density(point.within(slice(None, None, _SKIPPED)))
        held = np.flatnonzero((coarse > coarse.max(axis=1, keepdims=True) - TAIL).any(axis=0))
        return slice(max(int(held[0]) - 1, 0) * _SKIPPED, (int(held[-1]) + 1) * _SKIPPED + 1)


def _evidence(cases: Cases, point: Point, of_items: FloatArray, rows: slice) -> _Evidence:
    block = cases.block(rows)
    score = cases.score(rows, point.parameters.slope)
    return _Evidence(block, block.sum_over_items(of_items), score, cases.population[rows])


def _posteriors_given(evidence: _Evidence, point: Point) -> Posteriors:
    grid, n = point.grid, len(point.compact)
    log_density = evidence.log_density(point)
    peak = log_density.max(axis=1, keepdims=True)
    density = np.exp(np.subtract(log_density, peak, out=log_density), out=log_density)
    mass = density.sum(axis=1, keepdims=True)
    density /= mass
    log_likelihood = (peak + np.log(mass * grid.spacing))[:, 0]
    expected = evidence.sums[:, n:] @ point.basis.T if point.n_probes else np.zeros((0, 0))
    return Posteriors(evidence.block, density, log_likelihood, evidence.score, expected)


def expectation(cases: Cases, point: Point, threads: int = 1) -> Expectation:
    """All sums over the respondents in ``cases``."""
    of_slice = partial(_expectation_of, cases, point, _of_items(cases, point))
    if cases.n_entries < _SHARED:
        threads = 1
    return reduce(_added, in_order(of_slice, cases.slices(len(point.grid.ability)), threads))


def _added(total: Expectation, more: Expectation) -> Expectation:
    """The sum of both, in the place of ``total``: the sums of thousands of items are large."""
    for name in fields(total):
        if name.name not in ("log_likelihood", "support"):
            held = getattr(total, name.name)
            held += getattr(more, name.name)
    support = np.maximum(total.support, more.support)
    return replace(total, log_likelihood=total.log_likelihood + more.log_likelihood, support=support)


def _expectation_of(cases: Cases, point: Point, of_items: FloatArray, rows: slice) -> Expectation:
    """Sums over the cases in ``rows``."""
    evidence, n_points = _evidence(cases, point, of_items, rows), len(point.grid.ability)
    window = evidence.window(point)
    point = point.within(window)
    part, grid = _posteriors_given(evidence, point), point.grid
    count = cases.count[rows, None]
    weight = part.weight * count
    on_terms = weight @ point.compact.T
    share = cases.share[cases.pattern[rows]]
    mean = part.weight @ grid.ability
    variance = np.maximum(part.weight @ grid.ability**2 - mean**2, 0)
    probes = [weight * (h - (part.weight * h).sum(axis=1, keepdims=True)) for h in _probes(cases, point, part)]
    on_basis = np.hstack([np.zeros((len(count), 0)), *(h @ point.basis for h in probes)])
    seen = part.block.sum_over_cases(np.hstack([on_terms, on_basis]))
    n_terms = on_terms.shape[1]
    population = np.zeros((len(point.log_density), n_points))
    population[:, window] = _one_hot(cases.population[rows], len(population)).T @ weight
    over_right = np.column_stack([count[:, 0] * mean, *(h @ grid.ability for h in probes)])
    return Expectation(
        log_likelihood=float(count[:, 0] @ part.log_likelihood),
        seen=seen[:, :n_terms],
        right=over_right[:0] if cases.correct is None else cases.sum_over_right(rows, over_right),
        population=population,
        lost=_lost(cases, point, share, part, mean, variance),
        variance=(share * variance[:, None]).T @ on_terms @ point.from_compact,
        asked=np.stack([count[:, 0] @ share, count[:, 0] @ share**2]),
        probed=seen[:, n_terms:].reshape(len(seen), point.n_probes, point.basis.shape[1]),
        probed_populations=_with_populations(probes, cases.population[rows], point),
        support=np.array([-1, 1]) * support(part.weight, grid.ability),
    )


def _probes(cases: Cases, point: Point, part: Posteriors) -> list[FloatArray]:
    """Slopes of each case's log-likelihood, [cases, points], in the directions that are nearly lost.

    A shift of all abilities, and under 2PL a stretch, is told from the opposite change of the items by the
    populations alone. In these directions the information is a small difference of large numbers, so what
    they have in common with every parameter is computed exactly.
    """
    if not point.n_probes:
        return []
    shift = -part.expected
    return [shift] if cases.correct is None else [shift, (part.score[:, None] + shift) * point.grid.ability]


def _with_populations(probes: list[FloatArray], population: Places, point: Point) -> FloatArray:
    """Covariances of the probes with the slopes of the populations: [probes, slopes]."""
    by_population = list(enumerate(point.population_slopes))
    rows = [np.concatenate([(h[population == g] @ s.T).sum(axis=0) for g, s in by_population]) for h in probes]
    return np.array(rows).reshape(len(probes), sum(len(slopes) for slopes in point.population_slopes))


def _lost(
    cases: Cases, point: Point, share: FloatArray, part: Posteriors, mean: FloatArray, variance: FloatArray
) -> FloatArray:
    """Sum over cases of the posterior covariances of the slopes of their log-likelihood.

    The functions are, in this order: the curves' basis for each block of items, times the share of it that was
    seen; the slopes of the populations; under 2PL the basis again, for the part of an item's slope in its
    discrimination that is linear in ability, times the expectation of the probability.
    """
    count, weight = cases.count[part.block.cases], part.weight
    member = _one_hot(cases.population[part.block.cases], len(point.log_density))
    functions = [point.basis] * share.shape[1] + [slopes.T for slopes in point.population_slopes]
    shares = np.hstack([share, member])
    means = [weight @ point.basis] * share.shape[1] + [weight @ slopes.T for slopes in point.population_slopes]
    scaled = np.hstack([s[:, None] * m for s, m in zip(shares.T, means, strict=True)])
    second = _second_moments(functions, shares, weight * count[:, None])
    lost = second - scaled.T @ (scaled * count[:, None])
    if cases.correct is None:
        return lost
    with_ability = weight * point.grid.ability
    joint = [with_ability @ f - mean[:, None] * m for f, m in zip(functions, means, strict=True)]
    joint_scaled = np.hstack([s[:, None] * j for s, j in zip(shares.T, joint, strict=True)])
    items = scaled[:, : share.shape[1] * point.basis.shape[1]]
    across = joint_scaled.T @ (items * count[:, None])
    return np.block([[lost, across], [across.T, items.T @ (items * (count * variance)[:, None])]])


def _second_moments(functions: list[FloatArray], shares: FloatArray, weight: FloatArray) -> FloatArray:
    """Sum over cases of the posterior second moments of all pairs of ``functions``, each times its share."""
    rows = []
    for a, f in enumerate(functions):
        on_grid = (shares * shares[:, [a]]).T @ weight  # [functions, points]
        rows.append(np.hstack([f.T @ (w[:, None] * g) for w, g in zip(on_grid, functions, strict=True)]))
    return np.vstack(rows)


def _one_hot(code: Places, count: int) -> FloatArray:
    return np.asarray((code[:, None] == np.arange(count)).astype(float))


def support(weight: FloatArray, ability: FloatArray) -> FloatArray:
    """The lowest and the highest of the abilities at which any case has mass: [2]."""
    held = np.flatnonzero((weight > weight.max(axis=1, keepdims=True) * np.exp(-TAIL)).any(axis=0))
    return np.array([ability[held[0]], ability[held[-1]]])
