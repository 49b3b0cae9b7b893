"""How far a study is and how long it will still take: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from easyhard.schema import Progress as Tick


class StudyProgress:
    """Progress over named steps whose expected cost is known up to a factor; several may go on at the same time.

    The time left is what is left of the cost, at the pace of this process so far: steps done in an earlier
    run count neither as work nor as pace.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._costs: dict[str, float] = {}
        self._done = 0.0
        self._within: dict[str, float] = {}  # cost done, of the steps that go on
        self._finished = 0
        self._changing = threading.Lock()
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)

    @contextmanager
    def over(self, costs: Mapping[str, float]) -> Iterator[None]:
        """Follow the steps named in ``costs`` until the block ends."""
        self._costs = dict(costs)
        self._start = time.monotonic()
        if not self._console.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}", markup=False),  # a model may be called anything
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as self._bar:
            self._task = self._bar.add_task("starting", total=sum(self._costs.values()), left="")
            yield
        self._bar = None

    def note(self, text: str) -> None:
        """Say something that is no step."""
        self._console.print(text, highlight=False, markup=False)

    @contextmanager
    def step(self, name: str, together: int = 1) -> Iterator[Tick]:
        """One step; call the yielded function with (units done, units in all) as it goes.

        Of several that go side by side, ``together``, each is said to have taken its share of the time.
        """
        start = time.monotonic()
        cost = self._costs.get(name, 0.0)

        def tick(done: int, total: int) -> None:
            self._show(name, cost * done / total)

        self._show(name, 0.0)
        try:
            yield tick
        finally:
            with self._changing:
                self._within.pop(name, None)
        self.finished(name, (time.monotonic() - start) / together)

    def finished(self, name: str, seconds: float) -> None:
        """Count a step as done that took so long, and say so."""
        with self._changing:
            self._done += self._costs.get(name, 0.0)
            self._finished += 1
        line = f"[{self._finished}/{len(self._costs)}] {name}: {duration(seconds)}"
        left = self.time_left()
        self._console.print(line + (f"; about {duration(left)} left" if left else ""), highlight=False, markup=False)

    def given_up(self, name: str) -> None:
        """Expect nothing more of the steps called ``name`` or ``name: ...``, which failed or wait."""
        with self._changing:
            self._costs = {one: cost for one, cost in self._costs.items() if not f"{one}: ".startswith(f"{name}: ")}
            total = sum(self._costs.values())
        if self._bar is not None:
            self._bar.update(self._task, total=total)

    def time_left(self) -> float | None:
        """Seconds left at the pace so far; None before there is a pace, or when nothing is left."""
        done, total = self._done_so_far(), sum(self._costs.values())
        if done <= 0 or done >= total:
            return None
        return (time.monotonic() - self._start) * (total - done) / done

    def _done_so_far(self) -> float:
        with self._changing:
            return self._done + sum(self._within.values())

    def _show(self, name: str, within: float) -> None:
        with self._changing:
            self._within[name] = within
        if self._bar is None:
            return
        left = self.time_left()
        text = f"about {duration(left)} left" if left else ""
        self._bar.update(self._task, description=name, completed=self._done_so_far(), left=text)


def duration(seconds: float) -> str:
    """A span of time in words: ``8 s``, ``3 min``, ``1 h 20 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
