"""Cells on a Ray cluster: a worker keeps to a model, and a cell whose worker dies is done again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from easyhard.schema import EasyhardError, Progress, WorkError
from easyhard.study.apart import fetch_outcome, work_apart
from easyhard.study.cells import Cell
from easyhard.study.executor import Machines, Outcome, give_up
from easyhard.study.line import Job, Line
from easyhard.study.progress import StudyProgress
from easyhard.study.ray_map import RETRIES, import_ray
from easyhard.study.state import error_of, is_done, seconds_of, steps_of
from easyhard.study.store import Store
from easyhard.study.together import work_cells
from easyhard.study.work import Context

GIB = 2**30
NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}  # of what a worker is given, in a cluster's list
FEWEST_ASKED = 16  # workers for whom cells wait; a cluster that can start machines starts some


def run_on_ray(line: Line, progress: StudyProgress, machines: Machines) -> Iterator[Outcome]:
    """Work through ``line`` on a Ray cluster and give each outcome as it comes.

    It uses the cluster that this process is connected to, that ``RAY_ADDRESS`` names or that runs on this machine,
    or starts one here. Each worker is a Ray actor, which keeps its process and is given cells of one model as long as
    there are any, some at a time where their trainings can go side by side. Without ``machines.store`` the study's
    folder must be at the same place on every machine. What a worker or machine that dies was working on is done again
    elsewhere, up to 3 times; then each cell on its own. Raises InputError if Ray is not installed, DiskError as the
    cells do, and WorkError if what a machine wrote is not to be seen here.
    """
    ray = import_ray()
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    options = _options(machines, ray.cluster_resources())
    if not any(_fits(node["Resources"], options) for node in ray.nodes() if node["Alive"]):
        progress.note(f"No machine of the cluster has what a cell is to be given ({options}): waiting for one.")
    team = _Team(ray, line, machines, options)
    try:
        for jobs, reference in team.answers():
            errors = _errors(ray, reference, jobs, _store(jobs[0].context, machines))
            if errors is None:
                line.put_back(jobs)
                continue
            for job, error in zip(jobs, errors, strict=True):
                if error is None:
                    progress.finished(job.name, seconds_of(job.cell))
                yield Outcome(job.cell, error)
    finally:
        team.stop()


class _Team:
    """Workers of the cluster, those that are still to get a place among them."""

    def __init__(self, ray: Any, line: Line, machines: Machines, options: dict[str, Any]) -> None:
        self._ray, self._line, self._machines, self._options = ray, line, machines, options
        self._kind = ray.remote(max_restarts=-1, max_task_retries=RETRIES, **options)(_Worker)
        self._sent: dict[int, Any] = {}  # contexts, which are large, once each
        self._flying: dict[Any, tuple[Any, list[Job]]] = {}  # answers to come; without jobs, that one is ready

    def answers(self) -> Iterator[tuple[list[Job], Any]]:
        """Jobs that a worker was given at a time with the reference to its answer, until there are no more."""
        while True:
            self._hire()
            if not len(self._line):
                self._dismiss_unplaced()
            at_work = any(jobs for _, jobs in self._flying.values())
            if not self._flying or not (at_work or len(self._line)):
                return
            (ready, *_), _ = self._ray.wait(list(self._flying), num_returns=1)
            worker, jobs = self._flying.pop(ready)
            if jobs:
                yield jobs, ready
            if self._is_well(ready, jobs):
                self._give_next(worker)
            else:
                self._dismiss(worker)

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker, _ in list(self._flying.values()):
            self._ray.kill(worker)

    def _hire(self) -> None:
        """As many workers again as there is room for, and enough to ask for more machines; no more than cells."""
        room = 2 * self._places()
        waiting = sum(not jobs for _, jobs in self._flying.values())
        new = min(max(FEWEST_ASKED, room) - len(self._flying), len(self._line) - waiting)
        for _ in range(new):
            worker = self._kind.remote()
            self._flying[worker.ready.remote()] = worker, []

    def _dismiss_unplaced(self) -> None:
        """Nothing is left for those who have no place yet."""
        for answer, (worker, _) in [one for one in self._flying.items() if not one[1][1]]:
            del self._flying[answer]
            self._dismiss(worker)

    def _is_well(self, reference: Any, jobs: list[Job]) -> bool:
        """Whether a worker can be given more. Raises WorkError if it could not even start."""
        try:
            self._ray.get(reference)
        except _deaths(self._ray) as failure:
            if not jobs:
                raise WorkError(
                    f"a worker of the cluster could not start ({type(failure).__name__}: {str(failure).splitlines()[0]}"
                    "). Install easyhard in the same version on every machine of the cluster."
                ) from failure
            return False
        return True

    def _give_next(self, worker: Any) -> None:
        jobs = self._line.take(worker, self._places())
        if not jobs:
            self._dismiss(worker)
            return
        context = jobs[0].context
        if id(context) not in self._sent:
            self._sent[id(context)] = self._ray.put(replace(context, capture=True))
        sent, store = self._sent[id(context)], _store(context, self._machines)
        self._flying[worker.work.remote(sent, [job.cell for job in jobs], store)] = worker, jobs

    def _places(self) -> int:
        """How many workers the cluster has room for, at least one."""
        has = self._ray.cluster_resources()
        rooms = [has.get(NAMES[name], 0.0) // needed for name, needed in self._options.items() if needed]
        return max(1, int(min(rooms)))

    def _dismiss(self, worker: Any) -> None:
        self._line.dismiss(worker)
        self._ray.kill(worker)  # its place is another's


class _Worker:
    """A process on a machine of the cluster that works on some cells at a time."""

    def ready(self) -> None:
        """Answer, which is possible only once there is a place for it."""

    def work(self, context: Context, cells: list[Cell], store: Store | None) -> list[str | None]:
        """Work on cells of one model; why each failed, or None."""
        return list(work_cells(context, cells, _unseen)) if store is None else work_apart(context, cells, store)


@contextmanager
def _unseen(name: str, together: int = 1) -> Iterator[Progress]:
    yield lambda done, total: None


def _store(context: Context, machines: Machines) -> Store | None:
    return Store(machines.store, context.config.out) if machines.store else None


def _options(machines: Machines, resources: dict[str, float]) -> dict[str, Any]:
    gpus = machines.gpus if machines.gpus is not None else min(1.0, resources.get("GPU", 0.0))
    memory = {} if machines.memory is None else {"memory": int(machines.memory * GIB)}
    return {"num_cpus": machines.cpus, "num_gpus": gpus, **memory}


def _fits(machine: dict[str, float], options: dict[str, Any]) -> bool:
    return all(machine.get(NAMES[name], 0.0) >= needed for name, needed in options.items())


def _deaths(ray: Any) -> tuple[type[BaseException], ...]:
    """What Ray raises where a worker or its machine has died."""
    kinds = ray.exceptions
    return (kinds.RayActorError, kinds.WorkerCrashedError, kinds.OutOfMemoryError, kinds.NodeDiedError,
            kinds.ObjectLostError)  # fmt: skip


def _errors(ray: Any, reference: Any, jobs: Sequence[Job], store: Store | None) -> list[str | None] | None:
    """Why each job failed, or None; None for all where their worker died, and each is to be tried on its own."""
    try:
        errors: list[str | None] = ray.get(reference)
    except ray.exceptions.RayTaskError as failure:
        raise failure.cause if isinstance(failure.cause, EasyhardError) else failure from failure
    except _deaths(ray) as failure:
        return [_given_up(jobs[0].cell, type(failure).__name__, store)] if len(jobs) == 1 else None
    for job, error in zip(jobs, errors, strict=True):
        _see(job.cell, error, store)
    return errors


def _see(cell: Cell, error: str | None, store: Store | None) -> None:
    """Raise WorkError unless what another machine has made of a cell is to be seen here."""
    if store is not None:
        fetch_outcome(store, cell)
    if not is_done(cell) if error is None else error_of(cell) is None:
        place = store.url if store else cell.evaluate.folder.parent
        raise WorkError(
            f"{cell.name} was worked on by another machine, but {place} does not show it here. "
            "Put the study's output on a disk that all machines of the cluster share, or give --store s3://..."
        )


def _given_up(cell: Cell, kind: str, store: Store | None) -> str:
    if store is not None:
        fetch_outcome(store, cell)
    error = give_up(cell, f"the worker that worked on it died, and so did {RETRIES} others ({kind})")
    for step in steps_of(cell) if store else ():
        if store is not None and step.error:
            store.push(step)
    return error
