"""What a table of responses holds, and what in it deserves a look before calibrating."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from easyhard.schema import MISSING, IntArray, Responses
from easyhard.wording import shown_all


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of what was read, and the names that stand out.

    ``missing_share`` is the share of (respondent, item) cells without a response. An item that everybody or
    nobody solves has no finite difficulty; a respondent with all or none right has no finite ability. Names
    that occur in the file but have no response at all (every cell empty) are left out of the responses.
    """

    files: tuple[str, ...]
    rows: int
    respondents: int
    items: int
    missing_share: float
    all_correct_items: tuple[str, ...]
    none_correct_items: tuple[str, ...]
    all_correct_respondents: tuple[str, ...]
    none_correct_respondents: tuple[str, ...]
    empty_rows: int = 0  # rows whose ``correct`` is empty
    items_without_response: tuple[str, ...] = ()
    respondents_without_response: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()  # for each task, what was counted as correct
    unreadable: tuple[str, ...] = ()  # file:line: why; line 0 is the file as a whole
    dropped_runs: tuple[str, ...] = ()  # of models with a newer, or more complete, run of the task
    limited_runs: tuple[str, ...] = ()  # of a part of the task, which count for want of a whole one
    other_shots: tuple[str, ...] = ()  # runs with another number of shots than most of their task
    left_out: tuple[str, ...] = ()  # models with too few of a task's items
    edited_items: tuple[str, ...] = ()  # one source id, more than one content: each is an item of its own
    duplicates: int = 0  # responses given again, alike
    conflicts: int = 0  # responses given again, otherwise: missing
    other_filters: int = 0  # rows of answer filters that do not count
    drawn: int = 0  # responses drawn from a graded score, whose probability of being correct it was
    repeated: int = 0  # (respondent, item) pairs whose several trials were made one response

    def frame(self) -> pl.DataFrame:
        """One row per finding, columns ``finding, value, names``: a number as text, and the first names."""
        rows = [
            (
                name.replace("_", " "),
                _number(value),
                shown_all(value, limit=3) if isinstance(value, tuple) else "",
            )
            for name, value in self.as_dict().items()
        ]
        return pl.DataFrame(rows, schema=["finding", "value", "names"], orient="row")

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON, with all names."""
        return asdict(self)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{len(value) if isinstance(value, tuple) else value:,}"


def audit_responses(responses: Responses, files: tuple[str, ...] = (), rows: int = 0, **known: Any) -> Audit:
    """Audit of ``responses``; ``known`` are the fields that only the reader of the files knows."""
    correct = responses.correct
    easy_items, hard_items = _unanimous(correct, responses.items, axis=0)
    able, unable = _unanimous(correct, responses.respondents, axis=1)
    return Audit(
        files=files,
        rows=rows,
        respondents=len(responses.respondents),
        items=len(responses.items),
        missing_share=float(np.count_nonzero(correct == MISSING) / max(correct.size, 1)),
        all_correct_items=easy_items,
        none_correct_items=hard_items,
        all_correct_respondents=able,
        none_correct_respondents=unable,
        **known,
    )


def _unanimous(correct: IntArray, names: tuple[str, ...], axis: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names all of whose observed responses along ``axis`` are right, and those with all of them wrong."""
    right = np.count_nonzero(correct == 1, axis=axis)
    wrong = np.count_nonzero(correct == 0, axis=axis)
    all_right = np.flatnonzero((right > 0) & (wrong == 0))
    all_wrong = np.flatnonzero((wrong > 0) & (right == 0))
    return tuple(names[place] for place in all_right), tuple(names[place] for place in all_wrong)
