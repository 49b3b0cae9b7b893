"""What a reader of result logs is asked, and what it gives back: the common form of all formats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from easyhard.benchmarks.known_tasks import known_task
from easyhard.responses.graded import code_of
from easyhard.schema import MISSING, InputError, IntArray
from easyhard.wording import did_you_mean, shown, shown_all

Trials = Literal["majority", "mean", "first"]
Threshold = float | Literal["graded"] | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user wants of logs that hold more than one number for a response.

    ``metric`` and ``filter`` (also: scorer) name the score that counts; None takes the benchmark's usual one,
    or the only one. A score of at least ``threshold`` is correct; without one, a score must be 0 or 1. With
    "graded" it may also lie between, and is the probability with which a response is drawn as correct (``graded``).
    ``respondent`` names the model for logs that do not know it. ``strict`` ends at the first broken line.
    """

    metric: str | None = None
    filter: str | None = None
    threshold: Threshold = None
    respondent: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One respondent's answers to one task in one go: one entry a row of the log, in its order.

    ``started`` is when the run began, as ISO 8601 with colons or another text in order of time; "" if unknown.
    ``trial`` counts repeated answers (repeats, epochs) to one item from 0. ``source_id`` is the log's own name
    of an item. ``correct`` is 1, 0, or MISSING where the sample failed; from 2 on, graded scores as
    ``graded.code_of`` makes them. ``shots`` is the number of examples in the prompt, None if unknown; ``limited``
    says that only a part of the task was asked for.
    """

    respondent: str
    task: str
    started: str
    file: str
    metric: str
    item: Sequence[str]
    source_id: Sequence[str]
    trial: Sequence[int]
    correct: IntArray
    shots: int | None = None
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A place in a file that could not be read. ``line`` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    finding: str


@dataclass(slots=True)
class FileRead:
    """What came out of one file. A reader fills it as it goes."""

    file: str
    strict: bool = False
    rows: int = 0
    passed_over: int = 0  # rows of a filter that does not count
    runs: list[Run] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def broke(self, line: int, finding: str) -> None:
        """Note a place that could not be read; with ``strict`` raise the InputError at once."""
        if self.strict:
            place = f"line {line} of {self.file}" if line else self.file
            raise InputError(f"{place}: {finding}. Mend it, or leave out --strict to read the rest.")
        self.broken.append(Broken(self.file, line, finding))


class ChoiceNeeded(InputError):
    """What only the user can settle, such as which of two metrics counts: no other log will do instead."""


class NotDichotomous(ValueError):
    """A score that is neither right nor wrong."""


RIGHT = {"1", "1.0", "true", "c"}  # c and i: Inspect's CORRECT and INCORRECT
WRONG = {"0", "0.0", "false", "i", "n"}


def correct_of(value: Any, threshold: Threshold = None) -> int:
    """1, 0 or MISSING of one score as a log writes it; of a graded one, if these are asked for, ``graded.code_of``.

    Accepts 1, 0, true, false, the same as text, Inspect's C and I, and a list of booleans, which must all be
    true. None, an empty text and NaN are MISSING. Raises NotDichotomous for a pair, a fraction without
    ``threshold``, and anything else.
    """
    if value is None or value == "" or value != value:  # the last: NaN
        return MISSING
    if isinstance(value, list):
        if value and all(isinstance(one, bool) for one in value):
            return int(all(value))
        raise NotDichotomous(f"{shown(value)} is a list, not one score")
    if isinstance(value, str):
        text = value.strip().lower()
        if text in RIGHT or text in WRONG:
            return int(text in RIGHT)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise NotDichotomous(f"{shown(value)} is no score") from None
    if threshold == "graded":
        if not 0 <= number <= 1:
            raise NotDichotomous(f"{shown(value)} is not from 0 to 1")
        return code_of(number)
    if threshold is not None:
        return int(number >= threshold)
    if number in (0.0, 1.0):
        return int(number)
    raise NotDichotomous(f"{shown(value)} is neither 0 nor 1, and no threshold was given")


def refuse_graded(value: Any, asked: Asked, path: Path | str) -> None:
    """Raise ChoiceNeeded if ``value`` is a number between or beyond right and wrong, and no threshold is asked for.

    To pass over such a row alone would keep the others of a graded item, and make it look harder or easier.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return
    if asked.threshold is None and number not in (0, 1) and not math.isnan(number):
        raise ChoiceNeeded(
            f"{path} holds graded responses, such as {shown(value)}. Say from where on one is correct, "
            "--threshold 0.5, or take it for the probability of a correct one, --graded."
        )


def codes_of(values: Sequence[Any], threshold: Threshold = None) -> IntArray:
    """``correct_of`` each of ``values``. Raises NotDichotomous as it does."""
    return np.fromiter((correct_of(value, threshold) for value in values), dtype=np.int8, count=len(values))


def chosen_metric(available: Sequence[str], asked: Asked, task: str, file: str) -> str:
    """Which of a log's ``available`` metrics counts: the one asked for, the benchmark's usual one, or the only one.

    Raises ChoiceNeeded that lists them where that leaves a choice, or where the one asked for is not there.
    """
    return _one_of(available, asked.metric or None, known_task(task).metric, "metric", task, file)


def chosen_filter(available: Sequence[str], asked: Asked, task: str, file: str) -> str:
    """Which of a log's ``available`` filters counts: the one asked for, "none", or the only one."""
    return _one_of(available, asked.filter or None, "none", "filter", task, file)


def _one_of(available: Sequence[str], asked: str | None, usual: str | None, what: str, task: str, file: str) -> str:
    if not available:
        raise ChoiceNeeded(f"{file} has no {what} for {shown(task)} that says what is correct. Give a log with scores.")
    if asked is not None:
        if asked in available:
            return asked
        hint = did_you_mean(asked, available)
        raise ChoiceNeeded(f"{file} has no {what} {shown(asked)} for {shown(task)}, but {shown_all(available)}.{hint}")
    if usual in available:
        return str(usual)
    if len(available) == 1:
        return available[0]
    raise ChoiceNeeded(
        f"{file} has {len(available)} {what}s for {shown(task)}: {shown_all(available)}. "
        f"Choose one: --{what} {available[0]}."
    )
