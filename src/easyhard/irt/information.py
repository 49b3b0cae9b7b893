"""Derivatives of the marginal log-likelihood: gradient, observed information and its inverse.

The parameters are the difficulties of the groups and, last, the logarithm of the ability sd. By Louis (1982,
JRSS B 44, 226-233) the observed information is what it would be if abilities were known, which is diagonal,
minus what is lost because they are not: the covariance, over the ability posterior, of the slopes of the
log-likelihood. The loss is of low rank because posteriors are narrow and the slopes smooth in ability.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from easyhard.irt.cases import Cases
from easyhard.irt.posterior import Posterior
from easyhard.schema import FloatArray

_RANK_ERROR = 1e-9  # share of an item's information that the terms left out of the loss may have
_FEW_CASES = 1 / 3  # of the parameters: fewer cases than this give fewer rows of lost information than them
_BLOCK = 4_000_000  # floats held at once for the loss of a block of cases: 32 MB
_MOST_LOST = 1 - 1e-9  # share of the information that can be lost in any direction at a maximum


@dataclass(frozen=True, slots=True)
class Derivatives:
    """First and second derivatives at one point. Parameters: [groups] difficulties, then log ability sd."""

    cases: Cases
    posterior: Posterior
    probability: FloatArray  # [groups, nodes], of a correct answer: slope of the log-likelihood in difficulty
    spread: FloatArray  # [nodes], slope in log ability sd
    gradient: FloatArray  # [parameters]
    known_ability: FloatArray  # [parameters], diagonal information if abilities were known


def derivatives(
    cases: Cases, posterior: Posterior, difficulty: FloatArray, ability_sd: float, sd_is_free: bool
) -> Derivatives:
    """Derivatives where ``posterior`` was taken; a parameter held fixed gets gradient 0 and information 1."""
    nodes = posterior.grid.nodes
    node_weight = posterior.node_weight * cases.count[:, None]
    seen = cases.sum_over_cases(node_weight)
    probability = expit(nodes - difficulty[:, None])
    expected = cases.size * (seen * probability).sum(axis=1)
    variance = cases.size * (seen * probability * (1 - probability)).sum(axis=1)
    spread = (nodes / ability_sd) ** 2 - 1 if sd_is_free else np.zeros_like(nodes)
    spread_weight = node_weight.sum(axis=0)
    known_spread = 2 * spread_weight @ (spread + 1) if sd_is_free else 1.0
    return Derivatives(
        cases=cases,
        posterior=posterior,
        probability=probability,
        spread=spread,
        gradient=np.append(expected - cases.total, spread_weight @ spread),
        known_ability=np.append(variance, known_spread),
    )


def information_product(at: Derivatives, direction: FloatArray) -> FloatArray:
    """Observed information times ``direction`` [parameters], exact for every pattern of missing responses."""
    cases, posterior = at.cases, at.posterior
    interpolation = posterior.grid.interpolation
    slope = cases.sum_over_items(at.probability * direction[:-1, None]) + direction[-1] * at.spread
    on_grid = slope @ interpolation.T
    on_grid -= (posterior.weight * on_grid).sum(axis=1, keepdims=True)
    on_grid *= posterior.weight * cases.count[:, None]
    covariance = on_grid @ interpolation
    lost = cases.size * (cases.sum_over_cases(covariance) * at.probability).sum(axis=1)
    lost_spread = covariance.sum(axis=0) @ at.spread
    return np.asarray(at.known_ability * direction - np.append(lost, lost_spread))


@dataclass(frozen=True, slots=True)
class InverseInformation:
    """Inverse of ``D - L'L`` for a diagonal ``D`` and few rows ``L``, by the Woodbury identity."""

    scale: FloatArray  # [parameters], D to the power -1/2
    rows: FloatArray  # [rank, parameters], L times ``scale``
    core: FloatArray  # [rank, rank], inverse of I - rows rows'

    def product(self, vector: FloatArray) -> FloatArray:
        """The inverse times ``vector`` [parameters]."""
        scaled = self.scale * vector
        return np.asarray(self.scale * (scaled + self.rows.T @ (self.core @ (self.rows @ scaled))))

    def diagonal(self) -> FloatArray:
        """Diagonal of the inverse [parameters]."""
        return np.asarray(self.scale**2 * (1 + (self.rows * (self.core @ self.rows)).sum(axis=0)))


def shared_inverse(at: Derivatives) -> InverseInformation:
    """Inverse information as if every item was missing for the same share of every case's responses.

    Exact for complete data; for others positive definite and near, which is what an iteration needs.
    """
    return _woodbury(at.known_ability, _shared_loss(at))


@dataclass(frozen=True, slots=True)
class Covariance:
    """What is asked of the covariance matrix of the estimates: [parameters] each."""

    diagonal: FloatArray
    product: FloatArray  # with a given vector


def covariance(at: Derivatives, vector: FloatArray) -> Covariance:
    """Inverse of the observed information: its diagonal and its product with ``vector`` [parameters].

    Exact for every pattern of missing responses.
    """
    if at.cases.complete:
        inverse = shared_inverse(at)
    elif len(at.cases.count) < _FEW_CASES * len(vector):
        inverse = _woodbury(at.known_ability, np.concatenate(list(_loss_by_case(at))))
    else:
        information = np.diag(at.known_ability)
        for rows in _loss_by_case(at):
            information -= rows.T @ rows
        dense = np.linalg.inv(information)
        return Covariance(np.diag(dense).copy(), dense @ vector)
    return Covariance(inverse.diagonal(), inverse.product(vector))


def _woodbury(known: FloatArray, loss: FloatArray) -> InverseInformation:
    """Inverse of ``diag(known) - loss' loss``, for ``loss`` [rank, parameters]."""
    scale = 1 / np.sqrt(known)
    rows = loss * scale
    share, axes = np.linalg.eigh(rows @ rows.T)
    core = (axes / (1 - np.minimum(share, _MOST_LOST))) @ axes.T
    return InverseInformation(scale, rows, core)


def _shared_loss(at: Derivatives) -> FloatArray:
    """Rows [rank, parameters] whose cross-product is the information lost, as for ``shared_inverse``."""
    cases, posterior = at.cases, at.posterior
    share = cases.items_seen / cases.size.sum()
    weight = cases.count * share**2
    interpolation, node_weight = posterior.grid.interpolation, posterior.node_weight
    second = (interpolation.T * (weight @ posterior.weight)) @ interpolation
    at_nodes = second - (node_weight.T * weight) @ node_weight
    seen = cases.sum_over_cases(cases.count[:, None])[:, 0]
    relative = cases.size * seen / (cases.count @ share)
    curves = np.vstack([at.probability * relative[:, None], at.spread])
    if len(curves) < len(at_nodes):
        return _root(curves @ at_nodes @ curves.T)
    return np.asarray(_root(at_nodes) @ curves.T)


def _root(matrix: FloatArray) -> FloatArray:
    """Rows whose cross-product is the positive semidefinite ``matrix``, up to rounding."""
    spectrum, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.sqrt(np.maximum(spectrum, 0))).T)


def _loss_by_case(at: Derivatives) -> Iterator[FloatArray]:
    """Blocks of rows [rows, parameters] whose cross-products add up to the information lost.

    The covariance of two curves under one posterior is the sum of products of their coefficients in the
    polynomials orthonormal under it; for narrow posteriors a few degrees carry all of it.
    """
    n_cases, n_points = at.posterior.weight.shape
    height = max(1, _BLOCK // max(n_points, len(at.gradient)))
    for start in range(0, n_cases, height):
        block = slice(start, start + height)
        seen = at.cases.observed[at.cases.pattern[block]] * at.cases.size
        for coefficients in _polynomial_coefficients(at.posterior, at.cases.count, block):
            rows = np.column_stack([coefficients @ at.probability.T * seen, coefficients @ at.spread])
            yield rows
            if ((rows**2).sum(axis=0) / at.known_ability).max() < _RANK_ERROR:
                break


def _polynomial_coefficients(posterior: Posterior, count: FloatArray, block: slice) -> Iterator[FloatArray]:
    """For degree 1, 2, ...: weights [cases, nodes] giving each case's coefficient from a curve's node values.

    The polynomials come from their three-term recurrence (Gautschi 2004, Orthogonal Polynomials, sec. 2.2).
    """
    weight, ability = posterior.weight[block], posterior.grid.ability
    before, now = np.zeros_like(weight), np.ones_like(weight)
    norm = np.zeros((len(weight), 1))
    for _ in range(1, len(ability)):
        centre = (weight * ability * now**2).sum(axis=1, keepdims=True)
        before, now = now, (ability - centre) * now - norm * before
        norm = np.sqrt((weight * now**2).sum(axis=1, keepdims=True))
        now /= norm
        yield (np.sqrt(count[block])[:, None] * weight * now) @ posterior.grid.interpolation
