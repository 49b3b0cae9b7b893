"""A population of any shape: the weights of many narrow normals, estimated by maximum likelihood.

The free counterpart of the normal population, like the discrete distributions of Laird (1978, JASA 73,
805-811) and de Leeuw & Verhelst (1986, Journal of Educational Statistics 11, 183-196), but with components
wide enough to overlap, so that the likelihood of long tests does not fall between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from easyhard.irt.cases import Cases
from easyhard.irt.expectation import posteriors
from easyhard.irt.point import Point
from easyhard.irt.population import Population
from easyhard.schema import FloatArray

_COMPONENTS = 25
_MOST_ROUNDS = 200  # of the EM algorithm for the weights; each costs respondents x components
_TOLERANCE = 1e-8  # mean change of the log-likelihood of a respondent at which it ends


def flat_population(low: float, high: float) -> Population:
    """Equally weighted components whose centres span ``low`` to ``high``, each as wide as they are apart."""
    centre, apart = np.linspace(low, high, _COMPONENTS, retstep=True)
    return Population(centre, np.full(_COMPONENTS, apart), np.full(_COMPONENTS, 1 / _COMPONENTS))


def likeliest_weights(cases: Cases, point: Point, population: Population) -> Population:
    """``population`` with the weights that make the responses likeliest, its components and the items given.

    All cases must come from it. The likelihood is concave in the weights, so the EM algorithm ends at its
    maximum; components that are not needed end with a weight near 0.
    """
    likelihood = np.concatenate(list(_component_likelihoods(cases, point, population)))
    weight, before = population.weight, -np.inf
    for _ in range(_MOST_ROUNDS):
        joint = likelihood * weight
        total = joint.sum(axis=1, keepdims=True)
        after = float(np.average(np.log(total[:, 0]), weights=cases.count))
        if after - before < _TOLERANCE:
            break
        weight, before = np.average(joint / total, axis=0, weights=cases.count), after
    return Population(population.centre, population.width, weight)


def _component_likelihoods(cases: Cases, point: Point, population: Population) -> Iterator[FloatArray]:
    """Likelihood of each case under each component, up to a factor of its own: [cases of a slice, components]."""
    ability = point.grid.ability
    relative = np.exp(population.component_log_density(ability) - population.log_density(ability))
    for part in posteriors(cases, point):
        yield part.weight @ relative.T
