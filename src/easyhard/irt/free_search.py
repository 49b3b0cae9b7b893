"""From the maximum under a normal population to that under one of any shape, by turns.

Given the shape the items are fitted by Newton's method, given the items the shape is a concave problem. What a turn
moves tells how far the next should go, as in ``search``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from easyhard.irt.free_ability import even, flat_population, likeliest_weights
from easyhard.irt.point import Parameters, Point, make_point
from easyhard.irt.population import Population
from easyhard.irt.search import Maximum, Path, Search, moved
from easyhard.schema import FloatArray, InputError

_TOLERANCE = 1e-5  # logits, and of the logarithm of a slope
_MOST_TURNS = 60  # ordinary data take 3 to 6
_REACH = 7.0  # widths of a component to either side


def maximise_free(search: Search, normal: Maximum) -> Maximum:
    """The maximum under a population of any shape; under 2PL its mean stays 0 and its standard deviation 1.

    Raises InputError for several populations, and for anchors.
    """
    if len(search.design.populations) > 1 or np.isfinite(search.items.anchor).any():
        raise InputError(
            "ability='free' is for one population and no anchors. Leave out population and anchor, or keep 'normal'."
        )
    only = replace(search, design=replace(search.design, populations=((),)))
    parameters, (low, high) = normal.at.point.parameters, np.array([-1, 1]) * normal.at.sums.support
    n_respondents = search.shards[0].count.sum()
    shape = flat_population(parameters, search.items.asked * search.items.size / n_respondents)
    weight = np.repeat(np.sqrt(search.items.asked * search.items.size), 1 + search.design.slopes)
    iterations, path = normal.iterations, Path([], [])
    for _ in range(_MOST_TURNS):
        shape = likeliest_weights(search.shards[0], _even_point(parameters, shape, only), shape)
        begin = replace(parameters, populations=(shape,))
        maximum = only.maximise(_standardised(begin) if search.design.slopes else begin, (low, high))
        step = _step(parameters, maximum.at.point.parameters, search)
        furthest = float(np.abs(step).max())
        iterations += maximum.iterations
        if furthest < _TOLERANCE:
            break
        further = path.accelerated(step, weight)
        path = path.extended(further, step)
        parameters = moved(replace(parameters, populations=(shape,)), further, only.design)
    return replace(maximum, iterations=iterations, moved=furthest, converged=furthest < _TOLERANCE)


def _even_point(parameters: Parameters, shape: Population, search: Search) -> Point:
    """Point at which no component of ``shape`` has so little weight that its likelihood drowns beside the others'."""
    low, high = (shape.centre - _REACH * shape.width).min(), (shape.centre + _REACH * shape.width).max()
    return make_point(replace(parameters, populations=(even(shape),)), search.items, (low, high), search.design)


def _standardised(parameters: Parameters) -> Parameters:
    """The same model on the scale on which abilities have mean 0 and standard deviation 1."""
    shape = parameters.populations[0]
    mean, sd = shape.mean, shape.sd
    intercept = parameters.intercept + parameters.slope * mean
    standard = Population((shape.centre - mean) / sd, shape.width / sd, shape.weight)
    return Parameters(parameters.slope * sd, intercept, (standard,))


def _step(old: Parameters, new: Parameters, search: Search) -> FloatArray:
    """What brings the items from ``old`` to ``new``, in the order of ``Derivatives``: [item parameters]."""
    change = new.intercept - old.intercept
    if not search.design.slopes:  # the level of all items is not theirs alone, but the population's too
        return np.asarray(change - np.average(change, weights=search.items.size))
    steeper = new.slope - old.slope if search.design.log_slope_sd is None else np.log(new.slope / old.slope)
    return np.stack([change, steeper], axis=1).ravel()
