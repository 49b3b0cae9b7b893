"""A function on many shards through Ray: the only place that imports it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any

from easyhard.schema import EasyhardError, InputError, WorkError

RETRIES = 3  # Ray's own default: a task whose worker died is given to another this often


def ray_map(
    function: Callable[[Any], Any],
    shards: Iterable[Any],
    most_in_flight: int | None = None,
    retries: int = RETRIES,
) -> Generator[Any, None, None]:
    """``function`` of each of ``shards``, in their order, one Ray task a shard; to be given as ``map_shards``.

    It uses the Ray cluster this process is connected to, or starts one on this machine as ``ray.init()`` does.
    The function is sent to every machine once. At most ``most_in_flight`` shards, by default two for each CPU
    of the cluster, are waiting, at work or answered and not yet taken, so memory is bounded by them. A shard
    whose worker dies is done again, up to ``retries`` times; what the function raises is not tried again. Files
    that shards name must be there on every machine.

    Raises InputError if Ray is not installed, WorkError if workers kept dying, and what the function raises.
    """
    ray = import_ray()
    if not ray.is_initialized():
        ray.init()
    most = most_in_flight or max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
    task, sent = ray.remote(max_retries=retries)(_call), ray.put(function)
    left, flying = iter(shards), deque[Any]()
    try:
        while True:
            for shard in left:
                flying.append(task.remote(sent, shard))
                if len(flying) >= most:
                    break
            if not flying:
                return
            yield _answer(ray, flying.popleft())
    finally:
        for one in flying:  # whoever asked has stopped, or a shard failed
            ray.cancel(one)


def import_ray() -> Any:
    """Ray. Raises InputError if it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise InputError("Ray is not installed. Install it with: pip install 'easyhard[ray]'") from error
    return ray


def _call(function: Callable[[Any], Any], shard: Any) -> Any:
    return function(shard)


def _answer(ray: Any, reference: Any) -> Any:
    """What a task gave, or the error it met as it was raised there."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, EasyhardError):  # its sentence alone, without the worker's traceback
            raise error.cause from error
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise WorkError(
            f"a shard's worker died again and again: {str(error).rstrip('. ')}. "
            "Give each worker more memory, make the shards smaller, or run fewer tasks on a machine."
        ) from error
