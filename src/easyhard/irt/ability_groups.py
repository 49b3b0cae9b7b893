"""Respondents in groups of like ability, and how often each group got an item right: curves as they were observed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from easyhard.irt.ability import estimate_ability
from easyhard.irt.bank_model import bank_model
from easyhard.schema import MISSING, FloatArray, ItemBank, Responses

Counts = npt.NDArray[np.int64]
_SMALLEST = 3  # respondents of a group, where there are enough for two


@dataclass(frozen=True, slots=True)
class AbilityGroups:
    """Groups of respondents, least able first, and their responses to each item.

    ``ability`` is the mean of each group, in the unit of the bank; ``seen`` counts responses, ``correct`` right ones.
    """

    items: tuple[str, ...]
    ability: FloatArray  # [groups]
    size: Counts  # [groups], respondents
    seen: Counts  # [items, groups]
    correct: Counts  # [items, groups]

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.size)

    def merged(self) -> AbilityGroups:
        """Half as many groups: each joined with its neighbour, the last left alone if their number is odd."""
        starts = np.arange(0, self.count, 2)
        size = np.add.reduceat(self.size, starts)
        seen, correct = (np.add.reduceat(counts, starts, axis=1) for counts in (self.seen, self.correct))
        return AbilityGroups(self.items, np.add.reduceat(self.ability * self.size, starts) / size, size, seen, correct)

    def select(self, items: tuple[str, ...]) -> AbilityGroups:
        """The same groups on ``items``, in that order; an item that nobody answered here has no responses."""
        place = {name: row for row, name in enumerate(self.items)}
        rows = np.array([place.get(name, len(place)) for name in items], dtype=np.intp)
        seen, correct = (
            np.vstack([counts, np.zeros((1, self.count), dtype=np.int64)])[rows] for counts in (self.seen, self.correct)
        )
        return AbilityGroups(items, self.ability, self.size, seen, correct)


def ability_groups(responses: Responses, bank: ItemBank, count: int = 8) -> AbilityGroups:
    """Cut the respondents into ``count`` groups of nearly equal size by their ability, and count by item.

    Abilities are posterior means given all responses to the items of ``bank``, the item at hand among them: with few
    items that draws the observed curve a little towards the model's. Fewer groups where there would be under 3
    respondents in one. Respondents without a response are left out. Raises InputError for items of the bank without
    responses.
    """
    known = responses.select(bank.table["item"].to_list())
    answered = (known.correct != MISSING).any(axis=1)
    correct = known.correct[answered]
    ability = estimate_ability(correct, bank_model(bank), "eap").estimate
    groups = max(1, min(count, len(ability) // _SMALLEST))
    order = np.argsort(ability, kind="stable")  # ties stay in the order of the respondents
    members = np.array_split(order, groups)
    return AbilityGroups(
        items=known.items,
        ability=np.array([ability[one].mean() if len(one) else np.nan for one in members]),
        size=np.array([len(one) for one in members], dtype=np.int64),
        seen=np.stack(list(_counts(correct != MISSING, members)), axis=1),
        correct=np.stack(list(_counts(correct == 1, members)), axis=1),
    )


def _counts(which: npt.NDArray[np.bool_], members: list[npt.NDArray[np.intp]]) -> Iterator[Counts]:
    for one in members:
        yield which[one].sum(axis=0, dtype=np.int64)
