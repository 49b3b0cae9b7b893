"""From files and folders of result logs, of any format and by many models, to one audited table of responses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from easyhard.responses.audit import Audit, audit_responses
from easyhard.responses.choice import COMPLETE
from easyhard.responses.gather import Gathering, refuse_no_runs
from easyhard.responses.listing import LogFile, listed
from easyhard.responses.log import Asked, Broken, FileRead, Trials
from easyhard.responses.reading import read_all
from easyhard.responses.table import PathLike
from easyhard.schema import Progress, Responses


def ingest(
    path: PathLike | Sequence[PathLike],
    asked: Asked | None = None,
    *,
    format: str | None = None,
    trials: Trials = "majority",
    coverage: float | None = None,
    leave: PathLike | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[Responses, Audit]:
    """Responses from result logs of any known format, and an account of all that was read and left out.

    ``path`` is a file, a folder (walked; files of no known format in it, and ``leave``, are passed over) or several.
    The format is told from the content, unless named. ``asked`` says which metric and filter count.

    Of several runs of one model on one task the newest counts that has at least 90% of the items of its largest.
    A model with less than ``coverage`` of the items that half of the task's runs have is left out of that task
    (default 0.9 for logs; 0 for tables, whose holes may be meant). ``trials`` makes one response of repeats and
    epochs: ``majority`` (right more often than not), ``mean`` (right at least half the time) or ``first``.
    A broken line is counted and listed, the rest is read; so is a file in a folder of which nothing can be read.
    ``asked.strict`` raises InputError at the first.

    Many files can be read by several ``processes``; a script that asks for more than one needs its
    ``if __name__ == "__main__"``, since each of them imports it. Raises InputError where a log leaves a
    choice of metric or filter, or where nothing is left.
    """
    asked = asked or Asked()
    files = listed([path] if isinstance(path, str | os.PathLike) else path, format, leave)
    gathered = Gathered()
    for file, read in read_all(files, asked, processes, progress):
        gathered.add(file, read)
    return gathered.responses(trials, coverage)


@dataclass(slots=True)
class Gathered:
    """What was read so far."""

    files: list[LogFile] = field(default_factory=list)
    gathering: Gathering = field(default_factory=Gathering)
    rows: int = 0
    passed_over: int = 0
    broken: list[Broken] = field(default_factory=list)

    def add(self, file: LogFile, read: FileRead) -> None:
        """Take what is in one file."""
        self.files.append(file)
        self.rows += read.rows
        self.passed_over += read.passed_over
        self.broken += read.broken
        for run in read.runs:
            self.gathering.add(run)

    def responses(self, trials: Trials = "majority", coverage: float | None = None) -> tuple[Responses, Audit]:
        """The table, and its audit. See ``ingest``."""
        files = sorted(self.files, key=lambda file: file.path)
        broken = sorted(self.broken, key=lambda one: (one.file, one.line))
        refuse_no_runs(self.gathering, [file.path for file in files], broken)
        least = coverage if coverage is not None else COMPLETE if any(file.format.whole for file in files) else 0.0
        responses, account = self.gathering.responses(trials, least)
        return responses, audit_responses(
            responses,
            files=tuple(str(file.path) for file in files),
            formats=tuple(sorted({file.format.name for file in files})),
            rows=self.rows,
            metrics=tuple(account.metrics),
            unreadable=tuple(f"{one.file}:{one.line}: {one.finding}" for one in broken),
            dropped_runs=tuple(account.dropped_runs),
            limited_runs=tuple(account.limited_runs),
            other_shots=tuple(account.other_shots),
            left_out=tuple(account.left_out),
            edited_items=tuple(account.edited_items),
            duplicates=account.duplicates,
            conflicts=account.conflicts,
            repeated=account.repeated,
            other_filters=self.passed_over,
            drawn=account.drawn,
        )
