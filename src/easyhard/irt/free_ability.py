"""A population of any shape: the weights of many narrow normals, estimated by maximum likelihood.

The free counterpart of the normal population, like the discrete distributions of Laird (1978, JASA 73,
805-811) and de Leeuw & Verhelst (1986, Journal of Educational Statistics 11, 183-196), but with components
wide enough to overlap, so that the likelihood of long tests does not fall between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import nnls

from easyhard.irt.cases import Cases
from easyhard.irt.expectation import posteriors
from easyhard.irt.point import Point
from easyhard.irt.population import Population
from easyhard.schema import FloatArray

_COMPONENTS = 25
_POINTS = 4001  # of integrals over a shape
_MOST_ROUNDS = 50  # of Newton's method for the weights; ordinary data take 5 to 10
_TOLERANCE = 1e-10  # mean gain in the log-likelihood of a respondent at which it ends


def flat_population(low: float, high: float) -> Population:
    """Equally weighted components whose centres span ``low`` to ``high``, each as wide as they are apart."""
    centre, apart = np.linspace(low, high, _COMPONENTS, retstep=True)
    return Population(centre, np.full(_COMPONENTS, apart), np.full(_COMPONENTS, 1 / _COMPONENTS))


def likeliest_weights(cases: Cases, point: Point, population: Population) -> Population:
    """``population`` with the weights that make the responses likeliest, its components and the items given.

    All cases must come from it. The likelihood is concave in the weights. Each round maximises the quadratic that
    touches it, over weights of at least 0, and goes as far that way as is upward (Wang 2007, JRSS B 69, 185-198).
    """
    likelihood = np.concatenate(list(_component_likelihoods(cases, point, population)))
    share = cases.count / cases.count.sum()
    weight = population.weight
    now = float(share @ np.log(likelihood @ weight))
    for _ in range(_MOST_ROUNDS):
        towards, before = _best_of_quadratic(likelihood / (likelihood @ weight)[:, None], share) - weight, now
        for halvings in range(30):
            further = weight + towards / 2**halvings
            after = float(share @ np.log(likelihood @ further))
            if after >= before:
                weight, now = further, after
                break
        if now - before < _TOLERANCE:
            break
    return Population(population.centre, population.width, weight)


def _best_of_quadratic(relative: FloatArray, share: FloatArray) -> FloatArray:
    """Weights [components] at which the second-order approximation of the log-likelihood is largest.

    Of ``relative`` likelihoods [cases, components], by the weights now: with P = relative - 2, the weights w of at
    least 0 that sum to 1 and make ``w' P' P w`` least.
    """
    off = (relative - 2) * np.sqrt(share)[:, None]
    spectrum, axes = np.linalg.eigh(off.T @ off)
    root = np.sqrt(np.maximum(spectrum, 0))[:, None] * axes.T
    rows = np.vstack([root, np.ones(len(root))])  # the last holds their sum, which is then made 1
    found, _ = nnls(rows, np.append(np.zeros(len(root)), 1.0))
    return np.asarray(found / found.sum())


def _component_likelihoods(cases: Cases, point: Point, population: Population) -> Iterator[FloatArray]:
    """Likelihood of each case under each component, up to a factor of its own: [cases of a slice, components]."""
    ability = point.grid.ability
    relative = np.exp(population.component_log_density(ability) - population.log_density(ability))
    for part in posteriors(cases, point):
        yield part.weight @ relative.T


def unit_covariance(shape: Population, n_respondents: float) -> FloatArray:
    """What standard errors for a known ``shape`` lack because its mean and sd, the scale's, are a sample's: [2, 2].

    The covariance of the mean and the log sd of ``n_respondents`` abilities, less that of the best estimates there are
    if the shape is known: the inverse of the Fisher information on its place and width. 0 for a normal shape.
    """
    low, high = (shape.centre - 8 * shape.width).min(), (shape.centre + 8 * shape.width).max()
    ability, spacing = np.linspace(low, high, _POINTS, retstep=True)
    parts = shape.weight[:, None] * np.exp(shape.component_log_density(ability))
    density = parts.sum(axis=0)
    falling = ((ability - shape.centre[:, None]) / shape.width[:, None] ** 2 * parts).sum(axis=0)
    z = (ability - shape.mean) / shape.sd
    moment = [float(density @ z**power * spacing) for power in (3, 4)]
    of_sample = np.array([[1, moment[0] / 2], [moment[0] / 2, (moment[1] - 1) / 4]])
    relative = shape.sd * np.divide(falling, density, out=np.zeros_like(density), where=density > 0)
    slopes = np.stack([relative, z * relative - 1])
    information = (slopes * density) @ slopes.T * spacing
    return np.asarray(of_sample - np.linalg.inv(information)) / n_respondents
