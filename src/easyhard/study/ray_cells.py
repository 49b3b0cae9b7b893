"""Cells as tasks of a Ray cluster: each with what it needs, done again where a machine dies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from easyhard.schema import EasyhardError, Progress, WorkError
from easyhard.study.cells import Cell
from easyhard.study.executor import Machines, Outcome, give_up
from easyhard.study.progress import StudyProgress
from easyhard.study.ray_map import RETRIES, import_ray
from easyhard.study.state import error_of, is_done, seconds_of
from easyhard.study.work import Context, work_cell

GIB = 2**30
FEWEST_GIVEN = 16  # of cells that wait, a cluster that can start machines starts some


def run_on_ray(
    context: Context, cells: Iterable[Cell], progress: StudyProgress, machines: Machines
) -> Iterator[Outcome]:
    """Work on ``cells`` as Ray tasks and give each outcome as it comes.

    It uses the cluster that this process is connected to, that ``RAY_ADDRESS`` names or that runs on this machine,
    or starts one here. The study's folder and its models must be at the same place on every machine. A task whose
    worker or machine dies is given to another, up to 3 times. Raises InputError if Ray is not installed, DiskError
    as the cells do, and WorkError if what a machine wrote is not to be seen here.
    """
    ray = import_ray()
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    resources = ray.cluster_resources()
    options = _options(machines, resources)
    task = ray.remote(max_retries=RETRIES, **options)(_task)
    shared = ray.put(replace(context, capture=True))
    if not any(_fits(node["Resources"], options) for node in ray.nodes() if node["Alive"]):
        progress.note(f"No machine of the cluster has what a cell is to be given ({options}): waiting for one.")
    left, flying = iter(cells), dict[Any, Cell]()
    try:
        while True:
            for cell in islice(left, max(0, _room(ray.cluster_resources(), machines) - len(flying))):
                flying[task.remote(shared, cell)] = cell
            if not flying:
                return
            (ready, *_), _ = ray.wait(list(flying), num_returns=1)
            cell = flying.pop(ready)
            outcome = _outcome(ray, ready, cell)
            if outcome.error is None:
                progress.finished(cell.name, seconds_of(cell))
            yield outcome
    finally:
        for one in flying:
            ray.cancel(one, force=True)


def _options(machines: Machines, resources: dict[str, float]) -> dict[str, Any]:
    gpus = machines.gpus if machines.gpus is not None else min(1.0, resources.get("GPU", 0.0))
    memory = {} if machines.memory is None else {"memory": int(machines.memory * GIB)}
    return {"num_cpus": machines.cpus, "num_gpus": gpus, **memory}


def _fits(machine: dict[str, float], options: dict[str, Any]) -> bool:
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    return all(machine.get(names[name], 0.0) >= needed for name, needed in options.items())


def _room(resources: dict[str, float], machines: Machines) -> int:
    """Cells that Ray is given at a time: as many again as it has room for, and enough to ask for more machines."""
    return max(FEWEST_GIVEN, 2 * int(resources.get("CPU", 0.0) // machines.cpus))


def _task(context: Context, cell: Cell) -> str | None:
    return work_cell(context, cell, _unseen)


@contextmanager
def _unseen(name: str) -> Iterator[Progress]:
    yield lambda done, total: None


def _outcome(ray: Any, reference: Any, cell: Cell) -> Outcome:
    try:
        error = ray.get(reference)
    except ray.exceptions.RayTaskError as failure:
        raise failure.cause if isinstance(failure.cause, EasyhardError) else failure from failure
    except (
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.OutOfMemoryError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.ObjectLostError,
    ) as failure:
        death = f"the worker that worked on it died, and so did {RETRIES} others ({type(failure).__name__})"
        return Outcome(cell, give_up(cell, death))
    if not is_done(cell) if error is None else error_of(cell) is None:
        raise WorkError(
            f"{cell.name} was worked on by another machine, but {cell.evaluate.folder.parent} does not show it here. "
            "Put the study's output on a disk that all machines of the cluster share."
        )
    return Outcome(cell, error)
