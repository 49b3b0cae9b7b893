"""From the runs that logs hold to one table of responses: which run counts, which answer, who is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from easyhard.responses.choice import Account, Answers, Codes, complete_enough, newest, whole_runs
from easyhard.responses.graded import draw
from easyhard.responses.log import Broken, Run, Trials
from easyhard.schema import MISSING, InputError, IntArray, Responses
from easyhard.wording import counted, shown


class Gathering:
    """Takes runs as they are read and keeps six to nine bytes an answer."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}
        self._runs: list[Answers] = []
        self._known: dict[int, Codes] = {}  # rows of items already seen, which many models share
        self._named: dict[tuple[str, str], int] = {}  # (task, the source's id) -> item
        self._edited: Counter[tuple[str, str]] = Counter()
        self._metrics: dict[str, set[str]] = {}
        self._drawn = 0

    def add(self, run: Run) -> None:
        """Take one run."""
        self._metrics.setdefault(run.task, set()).add(run.metric)
        correct, drawn = draw(run.respondent, run.item, run.trial, run.correct)
        self._drawn += drawn
        trial = np.asarray(run.trial, dtype=np.int32)
        self._runs.append(
            Answers(
                run.respondent, run.task, run.started, run.file, self._codes(run), trial, correct,
                run.shots, run.limited,
            )
        )  # fmt: skip

    def _codes(self, run: Run) -> Codes:
        key = hash((run.task, tuple(run.item), tuple(run.source_id)))
        codes = self._known.get(key)
        if codes is None:
            places = [self.items.setdefault(item, len(self.items)) for item in run.item]
            codes = self._known[key] = np.asarray(places, dtype=np.int32)
            self._note_edited(run, places)
        return codes

    def _note_edited(self, run: Run, places: Sequence[int]) -> None:
        for source, place in zip(run.source_id, places, strict=True):
            if self._named.setdefault((run.task, source), place) != place:
                self._edited[run.task, source] += 1

    def responses(self, trials: Trials, complete: float) -> tuple[Responses, Account]:
        """The table, and the account of what was chosen and left out. InputError if nothing is left."""
        self._runs.sort(key=lambda run: (run.respondent, run.task, run.started, run.file))  # whoever was read first
        account = Account(
            metrics=[f"{task}: {', '.join(sorted(names))}" for task, names in sorted(self._metrics.items())],
            edited_items=[f"{task} {source}" for task, source in sorted(self._edited)],
            drawn=self._drawn,
        )
        chosen = complete_enough(newest(whole_runs(self._runs), account), complete, account)
        if not chosen:
            raise InputError(
                f"no run of {counted(len(self._runs), 'run')} covers {complete:.0%} of its task's items. "
                "Ask for less with --coverage, or give the complete logs."
            )
        return self._dense(chosen, trials, account), account

    def _dense(self, runs: Sequence[Answers], trials: Trials, account: Account) -> Responses:
        respondents = sorted({run.respondent for run in runs})
        row_of = {name: row for row, name in enumerate(respondents)}
        names = list(self.items)
        correct = np.full((len(respondents), len(names)), MISSING, dtype=np.int8)
        for run in sorted(runs, key=lambda run: (run.started, run.task, run.file)):  # of two, the newer stays
            item, value = _one_answer_each(run, trials, account)
            row = correct[row_of[run.respondent]]
            again = (row[item] != MISSING) & (value != MISSING)
            account.duplicates += int(np.count_nonzero(again))
            seen = value != MISSING
            row[item[seen]] = value[seen]
        asked = (correct != MISSING).any(axis=0)
        answered = (correct != MISSING).any(axis=1)
        order = sorted(np.flatnonzero(asked), key=lambda place: names[place])
        kept = np.flatnonzero(answered)
        return Responses(
            np.ascontiguousarray(correct[np.ix_(kept, order)]),
            tuple(respondents[row] for row in kept),
            tuple(names[place] for place in order),
        )


def _one_answer_each(run: Answers, trials: Trials, account: Account) -> tuple[Codes, IntArray]:
    """Each item of ``run`` once, with what its trials make: see ``ingest``."""
    if len(run.item) == run.size:
        return run.item, run.correct
    order = np.lexsort((run.trial, run.item))
    item, trial, correct = run.item[order], run.trial[order], run.correct[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(item) != 0) | (np.diff(trial) != 0)])
    right, seen = _sums(correct == 1, starts), _sums(correct != MISSING, starts)
    account.duplicates += int((seen - 1).clip(min=0)[(right == 0) | (right == seen)].sum())
    clash = (right > 0) & (right < seen)
    account.conflicts += int(clash.sum())
    one = np.where(clash | (seen == 0), MISSING, (right == seen).astype(np.int8))
    item = item[starts]
    starts = np.flatnonzero(np.r_[True, np.diff(item) != 0])
    account.repeated += int(np.count_nonzero(np.diff(np.r_[starts, len(item)]) > 1))
    return item[starts], _verdict(one, starts, trials)


def _verdict(correct: npt.NDArray[np.int64], starts: npt.NDArray[np.intp], trials: Trials) -> IntArray:
    right, seen = _sums(correct == 1, starts), _sums(correct != MISSING, starts)
    if trials == "first":
        first = np.array([next((c for c in part if c != MISSING), MISSING) for part in np.split(correct, starts[1:])])
        return first.astype(np.int8)
    enough = 2 * right > seen if trials == "majority" else 2 * right >= seen
    return np.where(seen == 0, MISSING, enough).astype(np.int8)


def _sums(mask: npt.NDArray[np.bool_], starts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    return np.add.reduceat(mask.astype(np.int64), starts)


def refuse_no_runs(gathering: Gathering, files: Sequence[object], broken: Sequence[Broken]) -> None:
    """Raise InputError if no answer was found in ``files``; ``broken`` says why."""
    if not gathering.items:
        first = broken[0] if broken else None
        why = f"{first.file}:{first.line}: {first.finding}" if first else "their tasks have no rows"
        raise InputError(
            f"no response in {counted(len(files), 'file')} (first: {shown(str(files[0]))}): {why}. "
            "Mend what is broken, or name other files."
        )
