"""Ability posteriors of two groups of respondents, each from a population of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from easyhard.irt.counts import Mask, Places
from easyhard.irt.item_model import ItemModel
from easyhard.irt.population import Population, normal_population
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import MISSING, FloatArray, IntArray

_TOLERANCE = 1e-5  # logits, of a population's mean
_MOST_ITERATIONS = 500
_LOWEST_SD = 0.5  # of a population, in spacings of the grid, which could not resolve a narrower one


@dataclass(frozen=True, slots=True)
class GroupAbilities:
    """Abilities by the anchor items, for classes of respondents of one group who answered those alike."""

    ability: FloatArray  # [points]
    weight: FloatArray  # [classes, points], posterior; rows sum to 1
    in_group: Mask  # [classes]
    class_of: Places  # [respondents]
    populations: tuple[Population, Population]  # of the others, of the group


def group_abilities(correct: IntArray, model: ItemModel, in_group: Mask, anchor: Mask) -> GroupAbilities:
    """Abilities of respondents by their responses to the ``anchor`` items [items] of ``model`` alone.

    ``correct`` is [respondents, items], ``in_group`` [respondents]. The items are as in ``model``; each group has a
    normal ability distribution, of maximum likelihood given these items.
    """
    answered = correct[:, anchor]
    items = _only(model, anchor)
    first, class_of = _classes(answered, items.discrimination, in_group)
    posterior = posterior_of(answered[first], items)
    members = np.bincount(class_of).astype(float)
    number = in_group[first].astype(np.intp)
    own = [_population(posterior, members, number == side, items.populations[0]) for side in (0, 1)]
    model_of_both = replace(items, populations=(own[0], own[1]))
    posterior = posterior_of(answered[first], model_of_both, number)  # on a grid as fine as these need
    return GroupAbilities(posterior.ability, posterior.weight, in_group[first], class_of, (own[0], own[1]))


def _only(model: ItemModel, kept: Mask) -> ItemModel:
    """``model`` of the ``kept`` items [items], with its first population for everybody."""
    return replace(model.select(kept), populations=model.populations[:1])


def _classes(answered: IntArray, discrimination: FloatArray, in_group: Mask) -> tuple[Places, Places]:
    """First respondent of each class with equal posteriors, and the class of each respondent."""
    total = np.round(np.maximum(answered, 0) @ discrimination, 9)
    seen = np.packbits(answered != MISSING, axis=1)
    key = np.hstack([in_group[:, None].astype(np.uint8), total[:, None].view(np.uint8), seen])
    _, first, class_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return first, class_of.reshape(-1)


def _population(posterior: Posterior, members: FloatArray, chosen: Mask, before: Population) -> Population:
    """Normal population of the ``chosen`` classes, of ``members`` [classes] respondents, by maximum likelihood.

    ``posterior`` is under the population ``before``. EM algorithm (Dempster, Laird & Rubin 1977, JRSS B 39, 1-38).
    """
    ability, weight, count = posterior.ability, posterior.weight[chosen], members[chosen]
    lowest_sd = _LOWEST_SD * float(ability[1] - ability[0])
    log_before = before.log_density(ability)
    own, found = before, weight
    for _ in range(_MOST_ITERATIONS):
        share = count @ found / count.sum()
        mean = float(share @ ability)
        sd = max(float(np.sqrt(share @ (ability - mean) ** 2)), lowest_sd)
        moved = max(abs(mean - own.mean), abs(sd - own.sd))
        own = normal_population(mean, sd)
        if moved < _TOLERANCE:
            break
        log_ratio = own.log_density(ability) - log_before
        found = weight * np.exp(log_ratio - log_ratio.max())
        found /= found.sum(axis=1, keepdims=True)
    return own
