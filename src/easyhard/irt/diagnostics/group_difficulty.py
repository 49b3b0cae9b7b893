"""Difficulty of each item in each of two groups, the abilities being given by other items.

The rest likelihood of an item is that of the responses to it, each given the respondent's responses to the
anchor items other than this one: the curve, averaged over the ability posterior without it. Largest it is at the
item's difficulty for the others, its difficulty for the group and, under 2PL, its discrimination, which both share.
To the likelihood of each difficulty half its log-information is added after Firth (1993, Biometrika 80, 27-38):
this removes the bias of small samples, and keeps the estimate finite where all of a side, or none, got it right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from easyhard.irt.counts import Mask, Places
from easyhard.irt.diagnostics.group_abilities import GroupAbilities
from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray, IntArray

_ENTRIES = 1_000_000  # of one array of a block: 8 MB
_STEEPEST = 50.0  # log-odds beyond which a curve is 0 or 1 for all purposes
_SURE = 1e-12  # no prediction is surer
_TOLERANCE = 1e-6  # of a step in squared standard errors
_MOST_STEPS = 60
_LEAST_PRIOR_SD = 0.1  # of a discrimination that is about 0


@dataclass(frozen=True, slots=True)
class Coins:
    """Predictions of responses and their derivatives: [2, classes, items], of those right and of those wrong.

    The two differ, because of two respondents with equal totals the one who got this item right got fewer of the
    others right.
    """

    predicted: FloatArray
    slope: FloatArray  # by the log-odds of the item
    bend: FloatArray  # the same, second derivative
    tilt: FloatArray  # by discrimination; 0 under Rasch


@dataclass(frozen=True, slots=True)
class GroupParameters:
    """Parameters of some items: [items] each. Log-odds of a correct answer are ``easiness`` where the model's are 0."""

    easiness: tuple[FloatArray, FloatArray]  # for the others, for the group
    discrimination: FloatArray
    difference: FloatArray  # difficulty for the group less that for the others
    standard_error: FloatArray  # of the difference


@dataclass(frozen=True, slots=True)
class GroupItems:
    """Some items with all classes of respondents."""

    items: Places  # [items], their columns
    abilities: GroupAbilities
    shift: float  # of the group's difficulties against the model's, to start with
    two_parameter: bool  # whether discriminations are estimated
    discrimination: FloatArray  # [items], in the model
    difficulty: FloatArray  # [items], in the model
    count: FloatArray  # [2, classes, items], respondents right and wrong
    without: FloatArray  # [2, points, items], takes that response out of a posterior
    mass: FloatArray  # [2, classes, items], of the posterior without it

    def coins(self, easiness: FloatArray, discrimination: FloatArray, of_group: bool) -> Coins:
        """Coins of the classes of one side, for parameters [items]."""
        rows = self.abilities.in_group == of_group
        distance = self.abilities.ability[:, None] - self.difficulty - self.shift * of_group
        curve = 1 / (1 + np.exp(-np.clip(discrimination * distance + easiness, -_STEEPEST, _STEEPEST)))
        variance = curve * (1 - curve)
        predicted = np.clip(self._mean(curve, rows), _SURE, 1 - _SURE)
        slope, bend = self._mean(variance, rows), self._mean(variance * (1 - 2 * curve), rows)
        tilt = self._mean(distance * variance, rows) if self.two_parameter else np.zeros_like(slope)
        return Coins(predicted, slope, bend, tilt)

    def estimate(self) -> GroupParameters:
        """Parameters of every item, free in both groups."""
        return self._fit(np.eye(3), firth=True)

    def common(self) -> GroupParameters:
        """Parameters if no item differs, but for ``shift``."""
        return self._fit(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), firth=False)

    def _mean(self, curve: FloatArray, rows: Mask) -> FloatArray:
        """Mean of ``curve`` [points, items] over the posteriors without the response: [2, classes, items]."""
        return np.asarray(self.abilities.weight[rows] @ (curve * self.without) / self.mass[:, rows])

    def _fit(self, free: FloatArray, firth: bool) -> GroupParameters:
        """Fisher scoring from the model's parameters, along the columns of ``free`` [3, directions].

        The parameters are the easiness for the others and for the group, and the discrimination: the likelihood is
        close to concave in these.
        """
        at = np.stack([np.zeros(len(self.items)), np.zeros(len(self.items)), self.discrimination], axis=1)
        longest = np.stack([np.ones(len(at)), np.ones(len(at)), self._prior_sd / 2], axis=1)
        for _ in range(_MOST_STEPS):
            gradient, information = self._slopes(at, firth)
            step = np.linalg.solve(free.T @ information @ free, (gradient @ free)[:, :, None])[:, :, 0] @ free.T
            at = at + step * np.minimum(1, (longest / np.maximum(np.abs(step), 1e-9)).min(axis=1, keepdims=True))
            if (gradient * step).sum(axis=1).max() < _TOLERANCE:
                break
        slope = at[:, 2]
        difference = self.shift + (at[:, 0] - at[:, 1]) / slope
        by_slope = (self.shift - difference) / slope * self.two_parameter
        of_difference = np.stack([1 / slope, -1 / slope, by_slope], axis=1)
        covariance = np.linalg.inv(self._slopes(at, firth)[1])
        variance = np.einsum("ik,ikl,il->i", of_difference, covariance, of_difference)
        return GroupParameters((at[:, 0], at[:, 1]), slope, difference, np.sqrt(variance))

    @property
    def _prior_sd(self) -> FloatArray:
        """Of the discriminations about those of the model: [items].

        As good as no prior, unless all the able got an item right and all the rest wrong.
        """
        return np.maximum(np.abs(self.discrimination), _LEAST_PRIOR_SD)

    def _slopes(self, at: FloatArray, firth: bool) -> tuple[FloatArray, FloatArray]:
        """Gradient [items, 3] and information [items, 3, 3] of the log-likelihood at ``at`` [items, 3]."""
        gradient, information = np.zeros((len(at), 3)), np.zeros((len(at), 3, 3))
        gradient[:, 2] = (self.discrimination - at[:, 2]) / self._prior_sd**2
        information[:, 2, 2] = 1 / self._prior_sd**2
        for side in (0, 1):
            coins = self.coins(at[:, side], at[:, 2], side == 1)
            count = self.count[:, self.abilities.in_group == (side == 1)]
            per_variance = count / (coins.predicted * (1 - coins.predicted))
            residual = np.array([1.0, 0.0])[:, None, None] - coins.predicted
            slopes = np.stack([coins.slope, coins.tilt])[: 1 + self.two_parameter]
            place = np.array([side, 2])[: len(slopes)]
            gradient[:, place] += np.einsum("kxci,xci,xci->ik", slopes, per_variance, residual)
            block = np.einsum("kxci,lxci,xci->ikl", slopes, slopes, per_variance)
            information[:, place[:, None], place] += block
            if firth:
                gradient[:, side] += _firth(coins, per_variance) / np.maximum(block[:, 0, 0], 1e-9)
        return gradient, information


def group_items(
    correct: IntArray, model: ItemModel, abilities: GroupAbilities, anchor: Mask, items: Places, shift: float = 0.0
) -> Iterator[GroupItems]:
    """Blocks of ``items``, as many as fit in memory; ``anchor`` [items] says which gave the abilities."""
    width = max(1, _ENTRIES // max(2 * abilities.weight.shape[0], len(correct), len(abilities.ability)))
    for at in range(0, len(items), width):
        yield _block(correct, model, abilities, anchor, items[at : at + width], shift)


def _block(
    correct: IntArray, model: ItemModel, abilities: GroupAbilities, anchor: Mask, items: Places, shift: float
) -> GroupItems:
    discrimination, difficulty = model.discrimination[items], model.difficulty[items]
    log_odds = np.clip(discrimination * (abilities.ability[:, None] - difficulty), -_STEEPEST, _STEEPEST)
    # The posterior without a response is the posterior divided by the probability of that response.
    without = np.where(anchor[items], 1 + np.exp(np.stack([-log_odds, log_odds])), 1.0)
    return GroupItems(
        items=items,
        abilities=abilities,
        shift=shift,
        two_parameter=model.name == "2pl",
        discrimination=discrimination,
        difficulty=difficulty,
        count=np.stack([_by_class(correct[:, items] == response, abilities) for response in (1, 0)]),
        without=without,
        mass=abilities.weight @ without,
    )


def _by_class(chosen: Mask, abilities: GroupAbilities) -> FloatArray:
    """How many of each class are ``chosen`` [respondents, items]: [classes, items]."""
    order = np.argsort(abilities.class_of, kind="stable")
    starts = np.searchsorted(abilities.class_of[order], np.arange(len(abilities.weight)))
    return np.asarray(np.add.reduceat(chosen[order].astype(float), starts, axis=0))


def _firth(coins: Coins, per_variance: FloatArray) -> FloatArray:
    """Slope of half the information of the easiness: [items]."""
    p = coins.predicted
    change = coins.slope * coins.bend - coins.slope * coins.slope**2 * (1 - 2 * p) / (p * (1 - p)) / 2
    return np.asarray((per_variance * change).sum(axis=(0, 1)))
