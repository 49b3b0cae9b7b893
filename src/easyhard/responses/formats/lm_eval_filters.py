"""Which row of a sample log belongs to which filter, and to which run if there are several in one file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from easyhard.responses.formats.lm_eval_results import Origin

IntegerArray = npt.NDArray[np.int64]


@dataclass(slots=True)
class KeptRows:
    """What is kept of the rows, by column."""

    line: list[int] = field(default_factory=list)
    item: list[str] = field(default_factory=list)
    source_id: list[int | str | None] = field(default_factory=list)
    filter: list[str | None] = field(default_factory=list)
    score: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Filters:
    """Each row's filter, by place in ``names``, and which of the runs in the file it belongs to, from 0."""

    names: list[str]
    filter: IntegerArray
    run: IntegerArray


def filters_of(kept: KeptRows, origin: Origin, metric: str) -> Filters:
    """Filters by name, where rows have one, else by how many times a document came before.

    Up to version 0.4.6 a log has all documents for the first filter, then all for the second. Where there are
    results they say how many filters there are, and so what is a filter and what another run. Else answers
    that differ are taken for another filter's, which has no name but its number.
    """
    before = _times_before(kept)
    distinct = set(kept.filter)
    if distinct != {None}:
        names = sorted(name or "none" for name in distinct - ({None} if "none" in distinct else set()))
        place = {name: names.index(name or "none") for name in distinct}
        return Filters(names, np.array([place[name] for name in kept.filter]), before)
    times = int(before.max()) + 1
    names = origin.results.filters(origin.task, metric) if origin.results else []
    if not names or times % len(names):
        alike = times == 1 or _alike(kept)
        names = ["none"] if alike else [str(number + 1) for number in range(times)]
    return Filters(names, before % len(names), before // len(names))


def _times_before(kept: KeptRows) -> IntegerArray:
    """How many rows before each have the same filter and document."""
    times = np.zeros(len(kept.item), dtype=np.int64)
    if len(set(kept.source_id)) == len(kept.source_id):
        return times
    keys = list(zip(kept.filter, kept.source_id, kept.item, strict=True))
    if len(set(keys)) < len(keys):
        seen: Counter[tuple[str | None, int | str | None, str]] = Counter()
        for row, key in enumerate(keys):
            times[row] = seen[key]
            seen[key] += 1
    return times


def _alike(kept: KeptRows) -> bool:
    """Whether rows of one document all have the same score."""
    scores: dict[tuple[int | str | None, str], str] = {}
    rows = zip(kept.source_id, kept.item, kept.score, strict=True)
    return all(scores.setdefault((source, item), str(score)) == str(score) for source, item, score in rows)
