"""Derivatives of the marginal log-likelihood: gradient, observed information and its inverse.

By Louis (1982, JRSS B 44, 226-233) the observed information is what it would be if abilities were known,
which is block diagonal, minus what is lost because they are not: the covariance, over the ability posteriors,
of the slopes of the log-likelihood. The loss is of low rank, because posteriors are narrow and the slopes
smooth in ability, so the inverse comes from the Woodbury identity at the size of that rank.

Two things keep the loss from being exactly of the form computed here: responses missing at random, and under
2PL the part of an item's slope that is linear in the response. Both enter by their expectation. What is left
out is noise that averages out over respondents: relative to the information its entries are of the order of the
posterior variance over the square root of the number of respondents. For few parameters or few cases the loss
is computed exactly instead, case by case (``exact_loss``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag

from easyhard.irt.cases import Cases, ItemTotals
from easyhard.irt.counts import BLOCK
from easyhard.irt.expectation import Expectation, posteriors
from easyhard.irt.point import Design, Point
from easyhard.schema import FloatArray

_RANK_ERROR = 1e-9  # share of an item's information that the terms left out of the exact loss may have
_COLLINEAR = 1e-13  # share of the squares below which a direction of the loss is rounding
_MOST_LOST = 1 - 1e-9  # share of the information that can be lost in any direction at a maximum


@dataclass(frozen=True, slots=True)
class Derivatives:
    """First and second derivatives at one point; the information is ``D - loss core loss'``.

    The parameters are, in this order: for every group its intercept and, under 2PL, its slope (or the
    logarithm of it, under a prior); then the free ones of each population. D is block diagonal.
    """

    gradient: FloatArray  # [parameters]
    items: FloatArray  # [groups, k, k], blocks of D for each group's k parameters
    populations: FloatArray  # [q, q], block of D for the populations' parameters
    loss: FloatArray  # [parameters, rank]
    core: FloatArray  # [rank, rank]


def derivatives(
    point: Point, design: Design, items_of: ItemTotals, sums: Expectation, exact: FloatArray | None
) -> Derivatives:
    """Derivatives at ``point``; ``exact`` is the ``exact_loss`` there, or None to have it by expectation."""
    gradient, items = _items(point, design, items_of, sums)
    population_gradient, populations = _populations(point, sums)
    gradient = np.append(gradient.ravel(), population_gradient)
    if exact is not None:
        found = Derivatives(gradient, items, populations, exact, np.eye(exact.shape[1]))
        return _with_prior_mean(found, design)
    chain = _chain(point, design)
    loss, correction = _loss(point, design, items_of, sums)
    loss *= np.append(chain.ravel(), np.ones(len(population_gradient)))[:, None]
    corrected = items - correction * chain[:, :, None] * chain[:, None, :]
    # Only far from the maximum:
    bad = (corrected[:, 0, 0] <= 0) | (np.linalg.det(corrected) < 0.1 * np.linalg.det(items))
    corrected[bad] = items[bad]
    found = Derivatives(gradient, corrected, populations, loss, np.eye(loss.shape[1]))
    if point.n_probes:
        found = _with_probes(found, items, point, design, items_of, sums)
    return _with_prior_mean(found, design)


def _items(point: Point, design: Design, items_of: ItemTotals, sums: Expectation) -> tuple[FloatArray, FloatArray]:
    """Gradient [groups, k] and known-ability information [groups, k, k] of the items' parameters."""
    nodes, p = point.grid.nodes, point.probability
    expected = sums.seen @ point.from_compact * p
    gradient = [items_of.total - items_of.size * expected.sum(axis=1)]
    if design.slopes:
        gradient.append(sums.right[:, 0] - expected @ nodes)
    expected *= 1 - p
    moments = expected @ np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1) * items_of.size[:, None]
    items = moments[:, [[0, 1], [1, 2]]] if design.slopes else moments[:, :1, None]
    chain = _chain(point, design)
    slopes, items = np.stack(gradient, axis=1) * chain, items * chain[:, :, None] * chain[:, None, :]
    if design.log_slope_sd is not None:
        # A slope's logarithm is curved in the slope: that takes the data's pull on it off the information. Far from the
        # maximum that could leave none; there no more than half of what is the slope's own goes.
        own = items[:, 1, 1] - items[:, 0, 1] ** 2 / items[:, 0, 0]
        items[:, 1, 1] += design.log_slope_sd**-2 - np.minimum(slopes[:, 1], own / 2)
        log_slope = np.log(point.parameters.slope)
        slopes[:, 1] -= (log_slope - log_slope.mean()) / design.log_slope_sd**2
    return slopes, items


def _with_prior_mean(found: Derivatives, design: Design) -> Derivatives:
    """``found`` less the prior's information on the mean of the logarithms of the slopes, which is free."""
    if design.log_slope_sd is None:
        return found
    n_groups, k = found.items.shape[:2]
    mean = np.zeros((len(found.gradient), 1))
    mean[1 : n_groups * k : k] = 1 / (design.log_slope_sd * np.sqrt(n_groups))
    return replace(found, loss=np.hstack([found.loss, mean]), core=block_diag(found.core, 1.0))


def _with_probes(
    found: Derivatives, items: FloatArray, point: Point, design: Design, items_of: ItemTotals, sums: Expectation
) -> Derivatives:
    """``found`` with the information exact in the directions probed.

    With U the directions, D the known-ability information and W = N U what the loss still lacks there, the
    smallest symmetric N with N U = W in the metric of D is ``W V' + V W' - V (U'W) V'``, V = D U (U'D U)^-1.
    """
    n_groups, k = items.shape[:2]
    chain, slope = _chain(point, design), point.parameters.slope
    n_populations = len(found.populations)
    directions = np.zeros((n_groups, k, point.n_probes))
    lost = point.coefficients @ sums.probed.transpose(0, 2, 1) * -items_of.size[:, None, None]
    directions[:, 0, 0] = slope
    if design.slopes:
        directions[:, 1, 1] = slope
        lost[:, 1] += sums.right[:, 1:]
    of_items = (directions / chain[:, :, None]).reshape(n_groups * k, -1)
    u = np.vstack([of_items, np.zeros((n_populations, point.n_probes))])
    exact = np.vstack([(lost * chain[:, :, None]).reshape(n_groups * k, -1), sums.probed_populations.T])
    known = _times(items, found.populations, u)
    lacking = _times(found.items, found.populations, u) - found.loss @ (found.loss.T @ u) - (known - exact)
    v = known @ np.linalg.inv(u.T @ known)
    n, eye = point.n_probes, np.eye(found.loss.shape[1])
    core = np.block([[np.zeros((n, n)), np.eye(n)], [np.eye(n), -(u.T @ lacking)]])
    return replace(found, loss=np.hstack([found.loss, lacking, v]), core=block_diag(eye, core))


def _chain(point: Point, design: Design) -> FloatArray:
    """Derivatives of intercept and slope in what stands for them in the parameters: [groups, k]."""
    chain = np.ones((len(point.probability), 1 + design.slopes))
    if design.log_slope_sd is not None:
        chain[:, 1] = point.parameters.slope
    return chain


def _populations(point: Point, sums: Expectation) -> tuple[FloatArray, FloatArray]:
    """Gradient and known-ability information of the populations' parameters."""
    gradients, information = [np.zeros(0)], [np.zeros((0, 0))]
    everything = zip(point.population_slopes, sums.population, point.parameters.populations, strict=True)
    for slopes, weight, population in everything:
        if len(slopes):
            gradients.append(slopes @ weight)
            z = (point.grid.ability - population.mean) / population.sd
            full = np.array([[weight.sum() / population.sd**2, 2 * weight @ z / population.sd],
                             [2 * weight @ z / population.sd, 2 * weight @ z**2]])  # fmt: skip
            information.append(full if len(slopes) == 2 else full[1:, 1:])
    return np.concatenate(gradients), block_diag(*information)


def _loss(point: Point, design: Design, items_of: ItemTotals, sums: Expectation) -> tuple[FloatArray, FloatArray]:
    """Lost information [parameters, rank], and what to take off the items' blocks [groups, k, k]."""
    size, block_of = items_of.size, items_of.block_of
    n_blocks, rank = sums.asked.shape[1], point.basis.shape[1]
    n_groups, k = len(size), 1 + design.slopes
    relative = sums.seen @ point.from_compact.sum(axis=1) / sums.asked[0, block_of]
    weighted = point.coefficients * (relative * size)[:, None, None]
    n_populations = sum(len(slopes) for slopes in point.population_slopes)
    n_items = n_blocks * rank
    root = _root(sums.lost)
    loss = np.empty((n_groups * k + n_populations, root.shape[1]))
    loss[n_groups * k :] = -root[n_items : n_items + n_populations]  # an item's slope is minus its curve
    per_item = loss[: n_groups * k].reshape(n_groups, k, -1)
    noise = np.zeros(n_groups)
    for block in range(n_blocks):
        mine = slice(None) if n_blocks == 1 else np.flatnonzero(block_of == block)
        of_block = slice(block * rank, (block + 1) * rank)
        per_item[mine] = weighted[mine] @ root[of_block]
        if design.slopes:
            per_item[mine, 1] -= weighted[mine, 0] @ root[n_items + n_populations :][of_block]
            noise[mine] = point.probability[mine] * (1 - point.probability[mine]) @ sums.variance[block]
    uneven = (sums.asked[0] / sums.asked[1] - 1)[block_of]  # 0 where everybody saw all or none of a block
    correction = (per_item @ per_item.transpose(0, 2, 1)) * uneven[:, None, None]
    if design.slopes:
        correction[:, 1, 1] += noise * relative
    return loss, correction


def _root(matrix: FloatArray) -> FloatArray:
    """Columns [n, rank] whose cross-product is the positive semidefinite ``matrix``, up to rounding."""
    spectrum, axes = np.linalg.eigh(matrix)
    kept = spectrum > 1e-14 * max(spectrum[-1], 1e-300)
    return np.asarray(axes[:, kept] * np.sqrt(spectrum[kept]))


@dataclass(frozen=True, slots=True)
class Inverse:
    """Inverse of the information, by the Woodbury identity: ``D^-1 + rows diag(gain) rows'``."""

    items: FloatArray  # [groups, k, k], inverse blocks of D
    populations: FloatArray  # [q, q], the same
    rows: FloatArray  # [parameters, rank]
    gain: FloatArray  # [rank]

    def product(self, vector: FloatArray) -> FloatArray:
        """The inverse times ``vector`` [parameters]."""
        by_rank = self.gain * (self.rows.T @ vector)
        return np.asarray(_times(self.items, self.populations, vector) + self.rows @ by_rank)

    def item_blocks(self) -> FloatArray:
        """Covariance of the parameters of each group with each other: [groups, k, k]."""
        n_groups, k = self.items.shape[:2]
        rows = self.rows[: n_groups * k].reshape(n_groups, k, -1)
        return np.asarray(self.items + (rows * self.gain) @ rows.transpose(0, 2, 1))


def invert(at: Derivatives) -> Inverse:
    """Inverse of the observed information: the covariance matrix at a maximum.

    Far from a maximum the information need not be positive; there a direction in which it is not is taken as
    if nothing were lost, which makes the step one of the EM algorithm.
    """
    items, populations = _inverse(at.items), _inverse(at.populations)
    root_items: FloatArray = np.asarray(np.linalg.cholesky(items), dtype=np.float64).transpose(0, 2, 1)
    root_populations: FloatArray = np.asarray(np.linalg.cholesky(populations), dtype=np.float64).T
    to_basis, from_basis = _orthonormal(_times(root_items, root_populations, at.loss))
    share, axes = np.linalg.eigh(from_basis @ at.core @ from_basis.T)
    gain = np.where(share < _MOST_LOST, share / (1 - np.minimum(share, _MOST_LOST)), 0.0)
    rows = _times(items, populations, at.loss @ (to_basis @ axes))
    return Inverse(items, populations, rows, gain)


def _inverse(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _orthonormal(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``to_basis`` [n, rank], ``columns @ to_basis`` being orthonormal, and its inverse ``from_basis`` [rank, n].

    By way of the cross-product: a QR decomposition of so tall a matrix takes fifty times as long.
    """
    products = columns.T @ columns
    length = np.sqrt(products.diagonal())
    length[length == 0] = 1
    spectrum, axes = np.linalg.eigh(products / length / length[:, None])
    kept = spectrum > _COLLINEAR * spectrum[-1]
    axes, root = axes[:, kept], np.sqrt(spectrum[kept])
    return axes / root / length[:, None], (axes * root).T * length


def _times(items: FloatArray, populations: FloatArray, matrix: FloatArray) -> FloatArray:
    """Block diagonal matrix times ``matrix`` [parameters] or [parameters, n]."""
    n_groups, k = items.shape[:2]
    flat = np.ascontiguousarray(matrix.reshape(len(matrix), -1))
    product = np.empty_like(flat)
    upper = product[: n_groups * k].reshape(n_groups, k, -1)
    np.matmul(items, flat[: n_groups * k].reshape(n_groups, k, -1), out=upper)
    product[n_groups * k :] = populations @ flat[n_groups * k :]
    return np.asarray(product.reshape(matrix.shape))


def exact_loss(cases: Cases, point: Point, design: Design) -> FloatArray:
    """Lost information without any approximation: [parameters, rank], with about four columns a case.

    The covariance of two functions under one posterior is the sum of products of their coefficients in the
    polynomials orthonormal under it; for narrow posteriors a few degrees carry all of it.
    """
    loss = np.vstack(list(_loss_by_case(cases, point, design))).T
    return loss if loss.shape[1] < loss.shape[0] else _root(loss @ loss.T)


def _loss_by_case(cases: Cases, point: Point, design: Design) -> Iterator[FloatArray]:
    """Blocks of rows [cases, parameters], one block a slice of cases and degree."""
    k, chain = 1 + design.slopes, _chain(point, design)
    n_groups = len(cases.size)
    for part in posteriors(cases, point):
        seen = cases.observed[cases.pattern[part.block.cases]] * cases.size
        right = _right(cases, part.block.cases)
        population = cases.population[part.block.cases]
        root_weight = np.sqrt(cases.count[part.block.cases, None] * part.weight)
        for polynomial in _polynomials(part.weight, point.grid.ability):
            weight = root_weight * polynomial
            on_basis = weight @ point.basis
            slopes = np.einsum("cr,gkr->cgk", on_basis, point.coefficients) * seen[:, :, None]
            if design.slopes:
                slopes[:, :, 1] -= right * (weight @ point.grid.ability)[:, None]
            of_population = [
                np.where(population[:, None] == g, weight @ s.T, 0) for g, s in enumerate(point.population_slopes)
            ]
            rows = np.hstack([(slopes * chain).reshape(len(seen), n_groups * k), *(-s for s in of_population)])
            yield rows
            if (slopes**2).sum(axis=0).max() < _RANK_ERROR * seen.sum(axis=0).max():
                break


def _right(cases: Cases, rows: slice) -> FloatArray:
    """Right answers [cases of the slice, groups], under 2PL; else nothing."""
    if cases.correct is None:
        return np.zeros(0)
    order = np.argsort(cases.case_of)[rows]
    return np.asarray(np.maximum(cases.correct[order], 0).astype(float))


def _polynomials(weight: FloatArray, ability: FloatArray) -> Iterator[FloatArray]:
    """The polynomials of degree 1, 2, ... orthonormal under ``weight``, times its square root: [cases, points].

    From their three-term recurrence (Gautschi 2004, Orthogonal Polynomials, sec. 2.2). Without the root, those of
    high degree would overflow where there is next to no weight.
    """
    before, now = np.zeros_like(weight), np.sqrt(weight)
    norm = np.zeros((len(weight), 1))
    for _ in range(1, len(ability)):
        centre = (ability * now**2).sum(axis=1, keepdims=True)
        before, now = now, (ability - centre) * now - norm * before
        norm = np.sqrt((now**2).sum(axis=1, keepdims=True))
        now = now / norm
        yield now


def exact_rows_are_few(n_cases: int, n_parameters: int) -> bool:
    """Whether ``exact_loss`` is cheap: few parameters, or few cases beside many."""
    return n_parameters <= 200 or (3 * n_cases < n_parameters and n_cases * n_parameters <= BLOCK)
