"""Differential item functioning (DIF): items harder for one group of respondents than their ability says.

Groups may differ in ability (impact) without an item being unfair to either. What is tested is whether an item
has, among the items, another place for the group than for the others: because it leaked into the training data of
models after some date, because a family of models stumbles over its wording, and so on.

Sources: Holland & Wainer (1993), Differential Item Functioning; Zieky (1993), in the same, 337-347, for the
classes; Lord (1980), Applications of Item Response Theory, ch. 14, for comparing difficulties of two groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from easyhard.irt.counts import Mask, Places, count_responses
from easyhard.irt.diagnostics.false_discovery import LEVEL, benjamini_hochberg, two_sided
from easyhard.irt.diagnostics.group_abilities import GroupAbilities, group_abilities
from easyhard.irt.diagnostics.group_difficulty import GroupItems, group_items
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.robust_centre import robust_centre
from easyhard.irt.diagnostics.saddlepoint import sum_z
from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray, InputError, IntArray
from easyhard.wording import counted, shown

DELTA = 2.35  # points of the ETS delta scale a logit; its sign is turned round: below 0 is harder for the group
_NEGLIGIBLE, _LARGE = 1.0, 1.5  # points of delta (Zieky 1993)
_LEVEL = 0.05  # of the classes' significance tests (Zieky 1993)
_MOST_ROUNDS = 20  # of choosing anchors; 2 to 4 are usual
_FREE_ROUNDS = 4  # after which no item becomes an anchor again: choices could go to and fro
_FEWEST_RESPONDENTS = 2  # of either side
_FEWEST_ITEMS = 3


@dataclass(frozen=True, slots=True)
class DifferentialFunctioning:
    """How much harder each item is for a group than for the others, of equal ability. All arrays are [items].

    Items that were not compared have NaN and class "": those that all or none got right, and those that one
    side never saw.
    """

    items: tuple[str, ...]
    difference: FloatArray  # logits at discrimination 1: difficulty for the group less that for the others
    standard_error: FloatArray  # of the difference
    z: FloatArray  # score test of no difference, as a standard normal deviate; positive is harder for the group
    delta: FloatArray  # ETS delta scale: -2.35 ln(odds ratio); negative is harder for the group
    ets_class: npt.NDArray[np.str_]  # "A" negligible, "B" moderate, "C" large
    anchor: Mask  # whether the item was used to equate ability
    n_group: Places  # respondents of the group who saw the item
    n_others: Places
    impact: float  # mean ability of the group less that of the others, in the unit of the model
    rounds: int
    settled: bool  # whether the choice of anchors came to rest

    @property
    def p(self) -> FloatArray:
        """Two-sided p-values of ``z``."""
        return two_sided(self.z)

    @property
    def p_bh(self) -> FloatArray:
        """The same, adjusted for the false-discovery rate over items."""
        return benjamini_hochberg(self.p)

    @property
    def flagged(self) -> Mask:
        """Items that differ between the groups, at a false-discovery rate of 5%."""
        return np.asarray(self.p_bh < LEVEL)

    def frame(self) -> pl.DataFrame:
        """One row per item."""
        return pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "difference": self.difference,
                "standard_error": self.standard_error,
                "z": self.z,
                "p": self.p,
                "p_bh": self.p_bh,
                "delta": self.delta,
                "ets_class": pl.Series([str(one) or None for one in self.ets_class], dtype=pl.String),
                "flagged": self.flagged,
                "anchor": self.anchor,
                "n_group": self.n_group,
                "n_others": self.n_others,
            },
            nan_to_null=True,
        )

    def reading(self) -> str:
        """What was found, in plain sentences."""
        compared = np.isfinite(self.difference)
        harder = int((self.flagged & (self.difference > 0)).sum())
        moderate, large = (int((self.ets_class == one).sum()) for one in "BC")
        at = int(np.nanargmax(np.abs(self.z)))
        text = (
            f"At equal ability {harder:,} of {counted(int(compared.sum()), 'item')} are harder for the group than for "
            f"the others and {int(self.flagged.sum()) - harder:,} easier (false-discovery rate {LEVEL:.0%}). "
            f"{large:,} differ by much (ETS class C) and {moderate:,} moderately (B), which matters whatever the "
            f"number of respondents. The surest is {shown(self.items[at])}: {abs(self.difference[at]):.2f} logits "
            f"{'harder' if self.difference[at] > 0 else 'easier'} for the group (z {self.z[at]:+.1f}). The group's "
            f"mean ability is {abs(self.impact):.2f} {'below' if self.impact < 0 else 'above'} the others'."
        )
        n_anchors = int(self.anchor.sum())
        if n_anchors < compared.sum() / 2:
            text += (
                f" Only {counted(n_anchors, 'item')} serve to equate ability: where most items differ, which of them "
                "are the standard is a matter of definition."
            )
        return text if self.settled else text + f" The choice of anchors did not come to rest in {self.rounds} rounds."


def differential_functioning(
    correct: IntArray, model: ItemModel, group: npt.NDArray[np.bool_], items: Sequence[str] | None = None
) -> DifferentialFunctioning:
    """Compare the items of ``model`` between the respondents of ``group`` and the others.

    ``correct`` is int8 [respondents, items], 1 correct, 0 wrong, -1 missing, the responses to which ``model`` was
    fitted; ``group`` [respondents] is True for the members of one group, False for the others. ``items`` are names.

    Abilities come from the anchor items and, for each side, from a normal population of its own. Difference and
    standard error come from the likelihood of the responses to an item given each respondent's other responses
    (see ``group_difficulty``), z from its score test, by a saddlepoint approximation. Under 2PL the discrimination
    of an item, common to both sides, is estimated along with them.

    Anchors are chosen by purification (Lord 1980; Candell & Drasgow 1988, Applied Psychological Measurement 12,
    253-260): the items in class A, in rounds until they no longer change. Differences are counted from where most
    items lie (see ``robust_centre``), so that many items biased to one side do not push the others to the opposite
    one.

    Respondents are taken as independent given ability. Raises InputError for a group, or others, of fewer than 2
    respondents, if ``group`` is not boolean, or if no item was seen by both sides and varies.
    """
    in_group = _checked_group(correct, group)
    n_group, n_others = ((correct[rows] >= 0).sum(axis=0) for rows in (in_group, ~in_group))
    compared = _checked_items(count_responses(correct).varies & (n_group > 0) & (n_others > 0))
    found, rounds, settled = _purified(correct, model, in_group, compared)
    z = _deviates(correct, model, found, compared)
    delta = -DELTA * model.discrimination * found.difference
    populations = found.abilities.populations
    return DifferentialFunctioning(
        items=names_of("item", items, correct.shape[1]),
        difference=found.difference,
        standard_error=found.standard_error,
        z=z,
        delta=delta,
        ets_class=ets_class(delta, DELTA * model.discrimination * found.standard_error, two_sided(z)),
        anchor=found.anchor,
        n_group=n_group,
        n_others=n_others,
        impact=populations[1].mean - populations[0].mean - found.shift,
        rounds=rounds,
        settled=settled,
    )


def ets_class(delta: FloatArray, standard_error: FloatArray, p: FloatArray) -> npt.NDArray[np.str_]:
    """Class of each item by ``delta`` on the ETS scale, its standard error and its p-value: [items]; "" if NaN.

    A, negligible: not significant at 5%, or below 1 point. C, large: at least 1.5 points, and significantly above
    1 (one-sided, 5%). B, moderate: the rest. Source: Zieky (1993), in Holland & Wainer, 337-347.
    """
    size = np.abs(delta)
    negligible = (p > _LEVEL) | (size < _NEGLIGIBLE)
    surely = size - stats.norm.ppf(1 - _LEVEL) * standard_error > _NEGLIGIBLE
    classes = np.where(negligible, "A", np.where((size >= _LARGE) & surely, "C", "B"))
    return np.where(np.isfinite(delta), classes, "")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What one choice of anchors gives. Arrays are [items]; NaN where not compared."""

    abilities: GroupAbilities
    anchor: Mask
    shift: float  # where most items lie
    difference: FloatArray  # from there
    standard_error: FloatArray


def _purified(correct: IntArray, model: ItemModel, in_group: Mask, compared: Mask) -> tuple[_Comparison, int, bool]:
    """Comparison whose anchors are all in class A, the rounds this took, and whether it came to rest."""
    anchor = compared
    for rounds in range(1, _MOST_ROUNDS + 1):
        found = _compare(correct, model, in_group, compared, anchor)
        chosen = _in_class_a(found, model)
        if rounds > _FREE_ROUNDS:
            chosen &= anchor
        if (chosen == anchor).all():
            return found, rounds, True
        if chosen.sum() < _FEWEST_ITEMS:
            break
        anchor = chosen
    return found, rounds, False


def _in_class_a(found: _Comparison, model: ItemModel) -> Mask:
    """Whether each item is in class A by its difference and standard error: [items]."""
    scale = DELTA * model.discrimination
    p = two_sided(found.difference / found.standard_error)
    return np.asarray(ets_class(scale * found.difference, scale * found.standard_error, p) == "A")


def _compare(correct: IntArray, model: ItemModel, in_group: Mask, compared: Mask, anchor: Mask) -> _Comparison:
    abilities = group_abilities(correct, model, in_group, anchor)
    difference, standard_error = np.full((2, len(compared)), np.nan)
    for block in group_items(correct, model, abilities, anchor, np.flatnonzero(compared)):
        parameters = block.estimate()
        difference[block.items] = parameters.difference
        standard_error[block.items] = parameters.standard_error
    shift = robust_centre(difference[compared], standard_error[compared])
    return _Comparison(abilities, anchor, shift, difference - shift, standard_error)


def _deviates(correct: IntArray, model: ItemModel, found: _Comparison, compared: Mask) -> FloatArray:
    """Score test of no difference, as standard normal deviates: [items]."""
    z = np.full(len(compared), np.nan)
    for block in group_items(correct, model, found.abilities, found.anchor, np.flatnonzero(compared), found.shift):
        z[block.items] = _block_deviates(correct[:, block.items], block, found)
    return z


def _block_deviates(responses: IntArray, block: GroupItems, found: _Comparison) -> FloatArray:
    """Deviates of the items of ``block``, whose ``responses`` are [respondents, items].

    The gains are those of the score of a difference, without the part along the scores of what is common to both
    groups, which has been fitted (Neyman 1959, in Grenander, Probability and Statistics, 213-234).
    """
    in_group, class_of = found.abilities.in_group, found.abilities.class_of
    common = block.common()
    predicted, slope, tilt = np.empty((3, *responses.shape))
    for of_group in (False, True):
        rows = in_group == of_group
        chosen = rows[class_of]
        coins = block.coins(common.easiness[0], common.discrimination, of_group)
        which = np.where(responses[chosen] == 1, 0, 1)
        place = (which, (np.cumsum(rows) - 1)[class_of[chosen]][:, None], np.arange(len(block.items)))
        predicted[chosen], slope[chosen], tilt[chosen] = coins.predicted[place], coins.slope[place], coins.tilt[place]
    per_variance = (responses >= 0) / (predicted * (1 - predicted))
    harder = -slope * in_group[class_of][:, None]
    own = np.stack([slope, tilt])[: 1 + block.two_parameter]
    cross = np.einsum("kri,ri,ri->ik", own, harder, per_variance)
    information = np.einsum("kri,lri,ri->ikl", own, own, per_variance)
    share = np.linalg.solve(information, cross[:, :, None])[:, :, 0]
    return sum_z((harder - np.einsum("ik,kri->ri", share, own)) * per_variance, responses == 1, predicted)


def _checked_group(correct: IntArray, group: npt.NDArray[np.bool_]) -> Mask:
    """``group`` as an array; raises InputError unless it divides the respondents in two."""
    in_group = np.asarray(group)
    if in_group.dtype != np.bool_ or in_group.shape != correct.shape[:1]:
        raise InputError(
            f"group is {in_group.dtype} of shape {in_group.shape} for {len(correct)} respondents. "
            "Give each respondent True if it belongs to the group, else False; compare several groups one by one."
        )
    n_group = int(in_group.sum())
    if min(n_group, len(in_group) - n_group) < _FEWEST_RESPONDENTS:
        raise InputError(
            f"The group has {n_group} of {len(in_group)} respondents, but both sides need at least "
            f"{_FEWEST_RESPONDENTS}. Choose another group, or add respondents."
        )
    return in_group


def _checked_items(compared: Mask) -> Mask:
    """``compared`` [items] itself; raises InputError if too few are left."""
    if compared.sum() < _FEWEST_ITEMS:
        raise InputError(
            f"{int(compared.sum())} of {len(compared)} items vary and were seen by both sides, but an item differs "
            f"only beside others: at least {_FEWEST_ITEMS} are needed. Add items, or respondents who saw the same ones."
        )
    return compared
