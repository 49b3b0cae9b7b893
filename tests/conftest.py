"""For all tests: no thread of a progress bar beside them.

The monitor of tqdm, which the harness and the trainers draw their bars with, walks over a set of bars that another
thread may be changing; the rare error in that thread would fail whatever test is running.
"""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):
    from tqdm import tqdm

    tqdm.monitor_interval = 0
