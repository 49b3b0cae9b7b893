"""For all tests: one thread each where several processes run them, and no thread of a progress bar beside them.

Threads of several processes that share the cores wait for one another, and take many times as long. The monitor of
tqdm, which the harness and the trainers draw their bars with, walks over a set of bars that another thread may be
changing; the rare error in that thread would fail whatever test is running. The files that take longest come first, so
that no process is left alone with one at the end.
"""

from __future__ import annotations

import contextlib
import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")

with contextlib.suppress(ImportError):
    from tqdm import tqdm

    tqdm.monitor_interval = 0

LONGEST = ("test_ray_store.py", "test_several.py")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # else those with most tests would come first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)
