"""How each item's success changes with ability: likelihood of every slope, from flat and falling to steep.

The ability that a response is set against is the posterior mean from the respondent's other responses, so an
item does not testify for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from easyhard.irt.diagnostics.rest import RestBlock
from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray

_MOST_GROUPS = 200  # of respondents of nearly one ability; makes thousands of respondents cheap
_MOST_STEPS = 40


@dataclass(frozen=True, slots=True)
class AbilityGroups:
    """Respondents of like ability, each item by itself: [groups, items], ascending."""

    ability: FloatArray  # mean; 0 where nobody is
    n: FloatArray
    right: FloatArray
    expected: FloatArray  # right answers, as the model predicts them from the other responses


def ability_groups(block: RestBlock, model: ItemModel) -> AbilityGroups:
    """Groups of the respondents of ``block`` by what their other responses say of their ability."""
    ability = _rest_ability(block, model)
    posterior_mean = block.posterior.mean
    n_groups = min(_MOST_GROUPS, len(posterior_mean))
    edges = np.quantile(posterior_mean, np.arange(1, n_groups) / n_groups)
    place = np.searchsorted(edges, ability) * ability.shape[1] + np.arange(ability.shape[1])
    shape = (n_groups, ability.shape[1])

    def sums(values: FloatArray) -> FloatArray:
        weights = np.where(block.seen, values, 0.0).ravel()
        return np.bincount(place.ravel(), weights, shape[0] * shape[1]).reshape(shape).astype(float)

    n = sums(np.ones_like(ability))
    mean = sums(ability) / np.maximum(n, 1)
    return AbilityGroups(mean, n, sums(block.right.astype(float)), sums(block.predicted))


def log_likelihoods(groups: AbilityGroups, slopes: FloatArray) -> FloatArray:
    """Log-likelihood of each item under a logistic curve of each slope, its place fitted: [slopes, items]."""
    n, right = groups.n.sum(axis=0), groups.right.sum(axis=0)
    centre = (groups.n * groups.ability).sum(axis=0) / n
    place = logit(right / n)  # log-odds at the centre; exact for slope 0
    found = np.empty((len(slopes), len(n)))
    order = np.argsort(np.abs(slopes), kind="stable")
    starts = {True: place, False: place}  # the nearest slope of the same sign is the best start
    for at in order:
        slope = float(slopes[at])
        starts[slope > 0] = _fitted_place(groups, slope * (groups.ability - centre), starts[slope > 0])
        log_odds = starts[slope > 0] + slope * (groups.ability - centre)
        found[at] = (groups.right * log_odds - groups.n * np.logaddexp(0, log_odds)).sum(axis=0)
    return found


def _fitted_place(groups: AbilityGroups, offset: FloatArray, place: FloatArray) -> FloatArray:
    """The place at which as many answers are expected right as were: Newton's method, its steps bounded."""
    right = groups.right.sum(axis=0)
    for _ in range(_MOST_STEPS):
        p = expit(place + offset)
        gap = right - (groups.n * p).sum(axis=0)
        step = np.clip(gap / np.maximum((groups.n * p * (1 - p)).sum(axis=0), 1e-9), -1.5, 1.5)
        place = place + step
        if np.abs(step).max(initial=0) < 1e-5:
            break
    return place


def _rest_ability(block: RestBlock, model: ItemModel) -> FloatArray:
    """Posterior mean of ability from the other responses: [respondents, items].

    Given a correct response, the posterior without it is the posterior divided by the curve.
    """
    ability = block.posterior.ability[:, None]
    by_right, by_wrong = 1 / np.maximum(block.curve, 1e-22), 1 / np.maximum(1 - block.curve, 1e-22)
    if_right = block.mean(ability * by_right) / block.mean(by_right)
    if_wrong = block.mean(ability * by_wrong) / block.mean(by_wrong)
    return np.where(block.right, if_right, if_wrong)
