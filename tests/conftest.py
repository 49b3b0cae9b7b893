"""For all tests: one thread each where several processes run them, and no thread of a progress bar beside them.

Threads of several processes that share the cores wait for one another, and take many times as long. The monitor of
tqdm, which the harness and the trainers draw their bars with, walks over a set of bars that another thread may be
changing; the rare error in that thread would fail whatever test is running.
"""

from __future__ import annotations

import contextlib
import os

if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, "1")

with contextlib.suppress(ImportError):
    from tqdm import tqdm

    tqdm.monitor_interval = 0
