"""Which of a model's runs of a task counts, which models have enough of its items, and how unlike the runs are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from easyhard.schema import IntArray
from easyhard.wording import counted

COMPLETE = 0.9  # share of a task's items; metabench drops models below it too

Codes = npt.NDArray[np.int32]


@dataclass(slots=True)
class Account:
    """What became of the runs, as sentences or names, for the audit."""

    metrics: list[str] = field(default_factory=list)  # "task: metric"
    dropped_runs: list[str] = field(default_factory=list)
    limited_runs: list[str] = field(default_factory=list)  # that count, for want of a run of all items
    other_shots: list[str] = field(default_factory=list)  # runs with another number of shots than most
    left_out: list[str] = field(default_factory=list)  # respondents without enough of a task's items
    edited_items: list[str] = field(default_factory=list)  # source ids under which more than one item goes
    duplicates: int = 0  # answers given again, alike
    conflicts: int = 0  # answers given again, otherwise; all of them are missing
    repeated: int = 0  # (respondent, item) pairs with several trials, made one
    drawn: int = 0  # responses drawn from a graded score


@dataclass(frozen=True, slots=True)
class Answers:
    """One run, its items as places in ``Gathering.items``."""

    respondent: str
    task: str
    started: str
    file: str
    item: Codes
    trial: Codes
    correct: IntArray
    shots: int | None
    limited: bool

    @property
    def size(self) -> int:
        """How many different items it has."""
        return len(np.unique(self.item))

    @property
    def label(self) -> str:
        """Which run it is, for the audit."""
        return f"{self.respondent}, {self.task}, {self.started or 'no date'}"


def whole_runs(runs: Iterable[Answers]) -> list[Answers]:
    """Runs whose parts came in several files put together: same respondent, task and start."""
    parts: dict[tuple[str, str, str], list[Answers]] = {}
    for run in runs:
        parts.setdefault((run.respondent, run.task, run.started), []).append(run)
    return [_together(same) for same in parts.values()]


def _together(parts: Sequence[Answers]) -> Answers:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Answers(
        first.respondent, first.task, first.started, first.file,
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.trial for part in parts]),
        np.concatenate([part.correct for part in parts]),
        first.shots, any(part.limited for part in parts),
    )  # fmt: skip


def newest(runs: Sequence[Answers], account: Account) -> list[Answers]:
    """Of each respondent's runs of a task the newest complete one: with ``COMPLETE`` of its largest run's items.

    A run that was asked for a part of the task only is not complete, however large.
    """
    _note_shots(runs, account)
    groups: dict[tuple[str, str], list[Answers]] = {}
    for run in runs:
        groups.setdefault((run.respondent, run.task), []).append(run)
    chosen = []
    for same in groups.values():
        largest = max(run.size for run in same)
        large = [run for run in same if run.size >= COMPLETE * largest]
        counts = max([run for run in large if not run.limited] or large, key=lambda run: run.started)
        chosen.append(counts)
        account.limited_runs += [_described(counts)] if counts.limited else []
        account.dropped_runs += [_described(run) for run in same if run is not counts]
    return chosen


def _described(run: Answers) -> str:
    limit = ", a part of the task by --limit" if run.limited else ""
    return f"{run.label}: {counted(run.size, 'item')}{limit} ({run.file})"


def _note_shots(runs: Iterable[Answers], account: Account) -> None:
    """Name the runs that have another number of shots than most of their task, as far as logs say how many."""
    tasks: dict[str, list[Answers]] = {}
    for run in runs:
        if run.shots is not None:
            tasks.setdefault(run.task, []).append(run)
    for same in tasks.values():
        shots = Counter(run.shots for run in same)
        usual = max(shots, key=lambda number: (shots[number], number))
        account.other_shots += [
            f"{run.label}: {run.shots}-shot, not {usual}-shot ({run.file})" for run in same if run.shots != usual
        ]


def complete_enough(runs: Sequence[Answers], complete: float, account: Account) -> list[Answers]:
    """The runs with at least ``complete`` of the items that half of the task's runs have."""
    tasks: dict[str, list[Answers]] = {}
    for run in runs:
        tasks.setdefault(run.task, []).append(run)
    kept = []
    for task, same in tasks.items():
        usual = _usual_items(same)
        for run in same:
            share = len(np.intersect1d(run.item, usual)) / len(usual)
            if share >= complete:
                kept.append(run)
            else:
                account.left_out.append(f"{run.respondent}, {task}: {share:.0%} of {counted(len(usual), 'item')}")
    return kept


def _usual_items(runs: Sequence[Answers]) -> Codes:
    """Items that at least half of ``runs`` have; all of them, where there are none such."""
    counts = np.bincount(np.concatenate([np.unique(run.item) for run in runs]))
    usual = np.flatnonzero(2 * counts >= len(runs))
    return (usual if len(usual) else np.flatnonzero(counts)).astype(np.int32)
