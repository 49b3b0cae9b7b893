"""``python -m easyhard.study.worker``: one of the processes that work on a study's cells, for ``processes.py``."""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

from easyhard.schema import InputError, Progress
from easyhard.study.cells import Cell
from easyhard.study.disk import DiskError
from easyhard.study.together import work_cells
from easyhard.study.work import Context

BETWEEN_TICKS = 0.2  # seconds; more often nobody looks at a progress bar


def main() -> None:
    """Work on the cells that arrive on standard input, each study's after its context.

    When that ends, end at once, whatever is going on.
    """
    source, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the messages
    arrived: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(source, arrived), daemon=True).start()
    context: Context | None = None
    while True:
        match arrived.get():
            case Context() as new:
                context = new
            case list() as cells:
                assert context is not None
                _work(replace(context, capture=True), cells, said)


def _listen(source: IO[bytes], arrived: queue.Queue[Any]) -> None:
    try:
        while True:
            arrived.put(pickle.load(source))
    except EOFError:
        os._exit(0)  # whoever would read the outcome is gone; an ordinary exit would first finish the cell
    except BaseException:  # nothing more can arrive, for which the main thread would wait for ever
        traceback.print_exc()
        os._exit(1)


def _work(context: Context, cells: list[Cell], said: IO[bytes]) -> None:
    @contextmanager
    def steps(name: str, together: int = 1) -> Iterator[Progress]:
        last = -BETWEEN_TICKS

        def tick(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= BETWEEN_TICKS:
                last = time.monotonic()
                _say(said, "tick", name, done, total)

        _say(said, "step", name, together)
        yield tick
        _say(said, "ended", name)

    try:
        for error in work_cells(context, cells, steps):
            _say(said, "outcome", error)
    except DiskError as error:
        _say(said, "disk", str(error))
    except InputError as error:
        _say(said, "refused", str(error))


def _say(said: IO[bytes], *message: Any) -> None:
    pickle.dump(message, said)
    said.flush()


if __name__ == "__main__":
    main()
