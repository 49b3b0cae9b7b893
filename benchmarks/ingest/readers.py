"""The ways of reading that are compared. Each is run alone, on one core, in a process of its own.

Run as ``python readers.py READER FOLDER``: prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path


def easyhard(logs: Sequence[Path]) -> float:
    """Our ingest: which item each row is by its content, one run a model, the audit."""
    from easyhard.responses.ingest import ingest

    responses, _ = ingest(logs, processes=1)
    return float((responses.correct == 1).mean())


def json_loads(logs: Sequence[Path]) -> float:
    """The score of each line, by Python's own parser; no identity and no audit."""
    return _mean(json.loads(line)["acc"] for log in logs for line in log.open("rb"))


def orjson_loads(logs: Sequence[Path]) -> float:
    """The same by orjson."""
    import orjson

    return _mean(orjson.loads(line)["acc"] for log in logs for line in log.open("rb"))


def polars_scan(logs: Sequence[Path]) -> float:
    """The same columns by Polars, lazily, one file after another."""
    import polars as pl

    tables = (pl.scan_ndjson(log).select("doc_id", "acc").collect() for log in logs)
    return _mean(value for table in tables for value in table["acc"].to_list())


MODULES = {"easyhard": "easyhard.responses.ingest", "orjson.loads": "orjson", "polars": "polars"}
READERS = {"easyhard": easyhard, "json.loads": json_loads, "orjson.loads": orjson_loads, "polars": polars_scan}


def _mean(values: Iterable[float]) -> float:
    total, count = 0.0, 0
    for value in values:
        total, count = total + value, count + 1
    return total / count


def main(reader: str, folder: Path) -> None:
    """Read all logs in ``folder``; print the seconds on the processor and the peak of memory."""
    logs = sorted(folder.rglob("samples_*.jsonl"))
    import_module(MODULES.get(reader, "json"))  # before the time is taken
    began, wall = time.process_time(), time.perf_counter()
    accuracy = READERS[reader](logs)
    seconds = time.process_time() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    found = {"seconds": seconds, "wall": time.perf_counter() - wall, "peak": peak, "accuracy": accuracy}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
