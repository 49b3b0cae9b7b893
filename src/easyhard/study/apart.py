"""Cells on a machine that does not see the study's folder: in a folder of its own, and through a store."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from easyhard.llm import model_fingerprint
from easyhard.schema import Progress, WorkError
from easyhard.study.cells import Cell
from easyhard.study.record import Step
from easyhard.study.state import steps_of
from easyhard.study.store import Store
from easyhard.study.together import work_cells
from easyhard.study.work import Context, Steps

AT_A_TIME = 16  # steps asked for; each costs a store's answer or two, and little else
PREFIX = "easyhard"


def work_apart(context: Context, cells: Sequence[Cell], store: Store) -> list[str | None]:
    """Work on cells of one model in a temporary folder, and put each of their steps into ``store`` as soon as it ends.

    What the store has of them already is fetched first, so that a machine goes on where another died. Returns why each
    failed, or None. Raises WorkError where this machine has another model, or what the store has does not match.
    """
    errors: list[str | None] = [None] * len(cells)
    open_ = [k for k, cell in enumerate(cells) if not all(store.holds(step) for step in steps_of(cell))]
    if not open_:
        return errors
    _refuse_another_model(cells[open_[0]])
    with _scratch() as home:
        here, at_home = [moved(cells[k], store.home, home) for k in open_], replace(store, home=home)
        for cell in here:
            for step in steps_of(cell):
                at_home.fetch(step, also_failed=False)
        apart = replace(context, config=context.config.model_copy(update={"out": home}))
        for k, cell, error in zip(open_, here, work_cells(apart, here, _sending(at_home, here)), strict=True):
            errors[k] = error
            if cell.train is not None and cell.train.has_dropped:
                at_home.drop(cell.train)
    return errors


def moved(cell: Cell, old: Path, new: Path) -> Cell:
    """The same cell with its steps below ``new``; where a step stands is no part of its fingerprint."""

    def there(step: Step) -> Step:
        return replace(step, folder=new / step.folder.relative_to(old))

    return replace(cell, train=cell.train and there(cell.train), evaluate=there(cell.evaluate))


def fetch_absent(store: Store, cells: Iterable[Cell]) -> int:
    """Put what the store has of ``cells``, and the study's folder has not, in its place; how many steps that were."""
    absent = [step for cell in cells for step in steps_of(cell) if step.record is None]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return sum(pool.map(store.fetch, absent))


def push_trainings(store: Store, cells: Iterable[Cell]) -> None:
    """Put trainings that are done here, and still to be evaluated, where other machines find them."""
    for cell in cells:
        if cell.train and cell.train.is_done and not cell.train.has_dropped and not store.holds(cell.train):
            store.push(cell.train)


def fetch_outcome(store: Store, cell: Cell) -> None:
    """Put what another machine has made of a cell in its place here."""
    for step in steps_of(cell):
        if not step.is_done or step.has_dropped:
            store.fetch(step)


def _sending(store: Store, cells: Sequence[Cell]) -> Steps:
    sent: set[str] = set()

    @contextmanager
    def steps(name: str, together: int = 1) -> Iterator[Progress]:
        try:
            yield lambda done, total: None
        finally:  # also what failed: its log is all that will be seen of it
            for step in (step for cell in cells for step in steps_of(cell)):
                record = step.record
                if record is not None and (seal := str(record.get("digest"))) not in sent:
                    sent.add(seal)
                    store.push(step)

    return steps


@lru_cache(maxsize=64)
def _fingerprint(path: str, revision: str | None) -> str:
    return model_fingerprint(path, revision)


def _refuse_another_model(cell: Cell) -> None:
    """Raise WorkError unless the cell's model is the same here as where the study was started."""
    wanted = (cell.train or cell.evaluate).inputs["model"]
    if _fingerprint(cell.model.path, cell.model.revision) != wanted:
        there = "holds other weights than" if Path(cell.model.path).exists() else "is not there, as it is"
        raise WorkError(
            f"on {socket.gethostname()}, {cell.model.path} {there} where the study was started. Put the same model "
            "there on every machine of the cluster, or give its name on the hub."
        )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of this process below the machine's folder for temporary files, without those that dead ones left."""
    mine = f"{PREFIX}-{socket.gethostname()}-{os.getpid()}-"
    _sweep(Path(tempfile.gettempdir()), f"{PREFIX}-{socket.gethostname()}-")
    with tempfile.TemporaryDirectory(prefix=mine, ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def _sweep(place: Path, prefix: str) -> None:
    for folder in place.glob(f"{prefix}*-*"):
        number = folder.name.removeprefix(prefix).partition("-")[0]
        if number.isdigit() and not _lives(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True
