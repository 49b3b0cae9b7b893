"""Who works on what next: the cells of one base model stay with those who have it loaded, and train side by side."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from easyhard.study.cells import Cell
from easyhard.study.state import needs_training
from easyhard.study.work import Context

Base = tuple[str, str | None]  # what is loaded: a model's path and revision


@dataclass(frozen=True, slots=True)
class Job:
    """A cell to work on, with what it shares with the other cells of its study.

    ``study`` is the name of its benchmark among several of one study; empty where there is one.
    """

    context: Context
    cell: Cell
    study: str = ""

    @property
    def name(self) -> str:
        """What tables and the terminal call it."""
        return named(self.study, self.cell.name)

    @property
    def base(self) -> Base:
        """The model that is loaded for it."""
        return self.cell.model.path, self.cell.model.revision


def named(study: str, name: str) -> str:
    """A name of something in one of several benchmarks."""
    return f"{study}: {name}" if study else name


class Line:
    """Jobs that wait, and who has which model loaded.

    A worker is given the next job of the model that it had last, and those after it that can be trained beside it. When
    that model has none left, it is given some of the model that fewest others have, and among these of the one with
    most left. The jobs of a model keep their order. ``waits`` is asked of each job when its turn comes; one that waits
    is left out. Several threads may take at a time.
    """

    def __init__(self, jobs: Sequence[Job], waits: Callable[[Job], bool] = lambda _: False, together: int = 1) -> None:
        self._left: dict[Base, deque[Job]] = {}
        for job in jobs:
            self._left.setdefault(job.base, deque()).append(job)
        self._waits, self._together = waits, together
        self._alone: set[int] = set()  # jobs that are not to be trained beside others
        self._has: dict[Hashable, Base] = {}
        self._changing = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def __iter__(self) -> Iterator[list[Job]]:
        """What is left, for one worker alone: model after model."""
        while jobs := self.take(None):
            yield jobs

    def waiting(self) -> list[Job]:
        """What is left, as it stands."""
        return [job for jobs in self._left.values() for job in jobs]

    def take(self, worker: Hashable, workers: int = 1) -> list[Job]:
        """The next job for ``worker``, or some to be trained side by side; none if none is left.

        No more than its share of all that is left, as one of ``workers``, so that none of them is without.
        """
        with self._changing:
            most = min(self._together, math.ceil(len(self) / workers))
            taken: list[Job] = []
            while (base := self._next_base(worker)) is not None and len(taken) < most:
                job = self._left[base][0]
                if taken and (self._kind(job) is None or self._kind(job) != self._kind(taken[0])):
                    break
                self._left[base].popleft()
                if not self._waits(job):
                    self._has[worker] = base
                    taken.append(job)
            return taken

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Let ``jobs``, all of one model, be next of that model, each on its own."""
        with self._changing:
            self._left[jobs[0].base].extendleft(reversed(jobs))
            self._alone.update(map(id, jobs))

    def dismiss(self, worker: Hashable) -> None:
        """Forget a worker who takes no more."""
        with self._changing:
            self._has.pop(worker, None)

    def _kind(self, job: Job) -> object:
        """What jobs have alike that can be trained side by side; None for one that cannot."""
        cell = job.cell
        if id(job) in self._alone or not (cell.training and cell.items and needs_training(cell)):
            return None
        if cell.training.chosen_engine != "easyhard" or cell.training.dropout:
            return None
        return job.study, cell.model, cell.training, cell.items.table.height

    def _next_base(self, worker: Hashable) -> Base | None:
        open_ = [base for base, jobs in self._left.items() if jobs]
        own = self._has.get(worker)
        if own in open_:
            return own
        others = Counter(base for one, base in self._has.items() if one != worker)
        return min(open_, key=lambda base: (others[base], -len(self._left[base])), default=None)
