"""A population of any shape: the weights of many narrow normals, estimated by maximum likelihood.

The free counterpart of the normal population, like the discrete distributions of Laird (1978, JASA 73,
805-811) and de Leeuw & Verhelst (1986, Journal of Educational Statistics 11, 183-196), but with components
wide enough to overlap, so that the likelihood of long tests does not fall between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit

from easyhard.irt.cases import Cases
from easyhard.irt.expectation import posteriors
from easyhard.irt.point import Parameters, Point
from easyhard.irt.population import Population
from easyhard.schema import FloatArray

_APART = 0.2  # of the ability sd; twice as far, the edge of a skewed shape is smeared and slopes come out 4% too flat
_FURTHEST = 10.0  # ability sds from the mean
_UNEXPECTED = 0.5  # answers of a respondent, where abilities beyond can no longer be told from each other
_POINTS = 4001  # of integrals over a shape
_MOST_EXCHANGES = 100  # of components between 0 and above, a component; far more than are needed
_MOST_ROUNDS = 50  # of Newton's method for the weights; ordinary data take 5 to 10
_TOLERANCE = 1e-10  # mean gain in the log-likelihood of a respondent at which it ends


def flat_population(parameters: Parameters, seen: FloatArray) -> Population:
    """Equally weighted components over the abilities that the test tells apart, each as wide as they are apart.

    ``seen`` [groups] is how many items of each group a respondent sees on average. The range ends where less than half
    an answer is expected that is not the likelier one: what lies beyond would be put at its end. A shorter one cuts the
    tail of a skewed shape, and a longer one leaves it, and with it the unit of the scale, to chance.
    """
    normal = parameters.populations[0]
    centre = normal.mean + normal.sd * np.arange(-_FURTHEST, _FURTHEST + _APART / 2, _APART)
    logit = parameters.slope[:, None] * centre + parameters.intercept[:, None]
    told = np.flatnonzero(seen @ expit(-np.abs(logit)) > _UNEXPECTED)
    if len(told):
        centre = centre[told[0] : told[-1] + 1]
    return even(Population(centre, np.full(len(centre), normal.sd * _APART), np.ones(len(centre))))


def even(population: Population) -> Population:
    """``population`` with components of equal weight."""
    n_components = len(population.centre)
    return replace(population, weight=np.full(n_components, 1 / n_components))


def likeliest_weights(cases: Cases, point: Point, population: Population) -> Population:
    """``population`` with the weights that make the responses likeliest, its components and the items given.

    All cases must come from it; at ``point`` its components are ``even``. The likelihood is concave in the weights.
    Each round maximises the quadratic that touches it, over weights of at least 0, and goes as far that way as is
    upward (Wang 2007, JRSS B 69, 185-198).
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
    # From the eigenvalues of off' off half of the digits would be lost, and with them small weights.
    root: FloatArray = np.asarray(np.linalg.qr(off, mode="r"))
    n_components = root.shape[1]
    rows = np.vstack([root, np.ones(n_components)])  # the last holds their sum, which is then made 1
    found, _ = nnls(rows, np.append(np.zeros(len(root)), 1.0), maxiter=_MOST_EXCHANGES * n_components)
    return np.asarray(found / found.sum())


def _component_likelihoods(cases: Cases, point: Point, population: Population) -> Iterator[FloatArray]:
    """Likelihood of each case under each component, up to a factor of its own: [cases of a slice, components]."""
    ability = point.grid.ability
    relative = np.exp(population.component_log_density(ability) - point.log_density[0])
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
