"""The rows of one or more tables as one array; of a respondent and an item there may be one response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from easyhard.responses.columns import Codes
from easyhard.schema import MISSING, InputError, IntArray, Responses
from easyhard.wording import counted, shown


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one file. ``respondent`` and ``item`` hold, for every row, a place in the names of that axis."""

    path: Path
    before: int  # rows of the file that come before
    respondents: list[str]
    items: list[str]
    respondent: Codes
    item: Codes
    correct: IntArray  # [rows]: 1, 0 or MISSING
    ignored: tuple[str, ...]


def dense(parts: Sequence[Part]) -> Responses:
    """All rows as one array with sorted names. InputError if a pair has two responses, or none has one."""
    respondents = sorted({name for part in parts for name in part.respondents})
    items = sorted({name for part in parts for name in part.items})
    correct: IntArray = np.full((len(respondents), len(items)), MISSING, dtype=np.int8)
    n_observed = 0
    for part in parts:
        seen = _observed(part, respondents, items)
        correct[seen.respondent, seen.item] = seen.correct
        n_observed += len(seen.correct)
    if not n_observed:
        n_rows = sum(len(part.correct) for part in parts)
        raise InputError(
            f"no response in {counted(n_rows, 'row')} of {', '.join(str(part.path) for part in parts)}: "
            "every cell of 'correct' is empty. Write 1 for correct and 0 for wrong."
        )
    if np.count_nonzero(correct != MISSING) < n_observed:
        _refuse_repeats(parts, respondents, items)
    return Responses(correct, tuple(respondents), tuple(items))


def _places(names: Sequence[str], among: Sequence[str]) -> npt.NDArray[np.intp]:
    """Index of each of ``names`` in ``among``."""
    place = {name: index for index, name in enumerate(among)}
    return np.array([place[name] for name in names], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class _Observed:
    """The rows of a part that have a response; ``number`` is the row's in the file, from 1."""

    respondent: npt.NDArray[np.intp]
    item: npt.NDArray[np.intp]
    correct: IntArray
    number: npt.NDArray[np.intp]


def _observed(part: Part, respondents: Sequence[str], items: Sequence[str]) -> _Observed:
    answered = np.flatnonzero(part.correct != MISSING)
    return _Observed(
        _places(part.respondents, respondents)[part.respondent[answered]],
        _places(part.items, items)[part.item[answered]],
        part.correct[answered],
        part.before + answered + 1,
    )


def _refuse_repeats(parts: Sequence[Part], respondents: Sequence[str], items: Sequence[str]) -> None:
    """Raise the InputError for (respondent, item) pairs that have more than one response."""
    count, right = (np.zeros((len(respondents), len(items)), dtype=np.uint32) for _ in range(2))
    for part in parts:
        seen = _observed(part, respondents, items)
        np.add.at(count, (seen.respondent, seen.item), 1)
        np.add.at(right, (seen.respondent, seen.item), seen.correct.astype(np.uint32))
    row, column = _first_of(count > 1, parts, respondents, items)
    places = [
        f"row {number} of {part.path}"
        for part in parts
        for seen in [_observed(part, respondents, items)]
        for number in seen.number[(seen.respondent == row) & (seen.item == column)][:2]
    ]
    raise InputError(
        f"{counted(int(np.count_nonzero(count > 1)), 'pair')} of respondent and item with more than one response, "
        f"{np.count_nonzero((right > 0) & (right < count))} of them contradictory (first: {shown(respondents[row])} on "
        f"{shown(items[column])}, {places[0]} and {places[1]}). "
        "Keep one row for each pair, or give every run a name of its own, such as 'model/run-2'."
    )


def _first_of(
    chosen: npt.NDArray[np.bool_], parts: Sequence[Part], respondents: Sequence[str], items: Sequence[str]
) -> tuple[int, int]:
    """Respondent and item of the first row whose pair is ``chosen``: one is."""
    for part in parts:
        seen = _observed(part, respondents, items)
        found = np.flatnonzero(chosen[seen.respondent, seen.item])
        if len(found):
            break
    return int(seen.respondent[found[0]]), int(seen.item[found[0]])
