"""Fit simulated responses with easyhard and with every package that can be had here, and compare.

    python benchmarks/calibration/run.py --sizes 500x500,1000x1319 --models rasch,2pl --missing 0,0.1

Writes ``table.md`` and ``results.json`` into the work folder, and prints the table. What is measured, and how
each package is asked, stands in README.md beside this file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from catalogue import ALL, CHECKOUT, OURS, Peer, chosen
from processes import all_memory
from records import FITTED, OVER_MEMORY, OVER_TIME, Record, read_record, record_path, write_record
from simulated import Case, matrix_path
from table import floor_lines, table_of
from trial import Budget, fit_once

FOLDER = Path(__file__).resolve().parent
FAST_SECONDS = 5.0  # a package that takes less is fitted several times, in turn with ours


def main() -> int:
    """Run the benchmark; 1 if easyhard itself failed on a case."""
    options = _options()
    if options.cores is not None:
        _hold_to(options.cores)
    budget = Budget(options.budget, options.memory * 1e9)
    cases = [
        Case.parse(f"{size}-{model}-{missing}")
        for model, size, missing in itertools.product(options.models, options.sizes, options.missing)
    ]
    records: list[Record] = []
    for case in cases:
        _draw(case, options.work / "data")
        records += Session(case, options, budget, records).run()
        _write(options, records, {})
    complete = [case for case in cases if options.floor and not case.missing]
    floors = {case.size: _floor(case, options.work / "data") for case in complete}
    print(_write(options, records, floors), end="")
    return int(any(record.peer == OURS and record.status != FITTED for record in records))


class Session:
    """All peers on one case."""

    def __init__(self, case: Case, options: argparse.Namespace, budget: Budget, before: list[Record]) -> None:
        self.case, self.options, self.budget = case, options, budget
        self.before = before  # records of the cases already run

    def run(self) -> list[Record]:
        """Records of all peers, in their order; those kept from an earlier run stay as they are."""
        kept = {} if self.options.again else self._kept()
        pending = [peer for peer in self.options.peers if peer.name not in kept]
        if pending:
            kept |= self._fit([*self._ours(pending), *pending])
        return [kept[peer.name] for peer in self.options.peers]

    def _kept(self) -> dict[str, Record]:
        found = {peer.name: read_record(self._path(peer.name)) for peer in self.options.peers}
        return {name: record for name, record in found.items() if record is not None}

    def _ours(self, pending: list[Peer]) -> list[Peer]:
        """Ours again, if it is among the peers and not pending: others are compared with it in the same turn."""
        wanted = any(peer.name == OURS for peer in self.options.peers)
        return [peer for peer in self.options.peers if peer.name == OURS and wanted and peer not in pending]

    def _fit(self, peers: list[Peer]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for peer in peers:
            record = found[peer.name] = self._first(peer)
            if not self._is_fast(record):
                # Kept at once: what took long need not be run again if this run is ended.
                self._keep(record, found)
        fast = [peer for peer in peers if self._is_fast(found[peer.name])]
        for _ in range(self.options.rounds - 1 if fast else 0):
            for peer in fast:
                again = fit_once(peer, self.case, self.options.work, self.budget, self.options.here)
                found[peer.name] = found[peer.name].again(again)
            fast = [peer for peer in fast if found[peer.name].status == FITTED]
        return {name: self._keep(record, found) for name, record in found.items()}

    def _keep(self, record: Record, found: dict[str, Record]) -> Record:
        """Write the record, with the seconds of easyhard in the same run beside its own."""
        record = replace(record, ours=found[OURS].seconds if OURS in found else ())
        write_record(self._path(record.peer), record)
        return record

    def _first(self, peer: Peer) -> Record:
        print(f"{self.case.name}: {peer.name}", file=sys.stderr, flush=True)
        smaller = self._over_at_smaller(peer)
        if smaller is not None:
            remark = f"not run at {self.case.size}: over the budget at {Case.parse(smaller.case).size} already"
            return Record(peer.name, self.case.name, smaller.status, remarks=(remark,))
        return fit_once(peer, self.case, self.options.work, self.budget, self.options.here)

    def _over_at_smaller(self, peer: Peer) -> Record | None:
        """A record over the budget, of this peer and model, with no more data than this case has."""
        for record in self.before:
            past = Case.parse(record.case)
            if (
                record.peer == peer.name
                and record.status in (OVER_TIME, OVER_MEMORY)
                and past.model == self.case.model
                and past.missing == self.case.missing
                and past.respondents <= self.case.respondents
                and past.items <= self.case.items
            ):
                return record
        return None

    def _is_fast(self, record: Record) -> bool:
        return record.status == FITTED and record.median_seconds < FAST_SECONDS

    def _path(self, peer: str) -> Path:
        return record_path(self.options.work, peer, self.case)


def _draw(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not matrix_path(folder, case).exists():
        subprocess.run([sys.executable, str(FOLDER / "simulated.py"), str(folder), case.name], check=True)


def _floor(case: Case, folder: Path) -> dict[str, Any]:
    command = [sys.executable, str(FOLDER / "floor.py"), str(matrix_path(folder, case))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _write(options: argparse.Namespace, records: list[Record], floors: dict[str, Any]) -> str:
    """Write the table and the numbers; returns the table."""
    text = table_of(records, options.budget)
    if floors:
        text += "\n" + floor_lines(floors)
    (options.work / "table.md").write_text(text, encoding="utf-8")
    results = {
        "machine": _machine(),
        "budget_seconds": options.budget,
        "records": [{**asdict(record), "ratio": record.ratio} for record in records],
        "floor": floors,
    }
    (options.work / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return text


def _hold_to(cores: int) -> None:
    """Let this process, and so all that it starts, use so many cores."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("--cores needs Linux. Elsewhere set OMP_NUM_THREADS and its like before the command.")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def _cores_used() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _machine() -> dict[str, Any]:
    threads = {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cores_used": _cores_used(),
        "memory_bytes": all_memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": threads,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--sizes", default="500x500,1000x1319", type=_words, help="respondents x items, with commas between")
    add("--models", default="rasch,2pl", type=_words, help="rasch, 2pl or both")
    add("--missing", default="0,0.1", type=_words, help="shares of missing responses")
    add("--peers", default="all", type=chosen, help=f"all, or some of {', '.join(peer.name for peer in ALL)}")
    add("--budget", default=300, type=float, help="seconds that one fit may take (default 300)")
    add("--memory", default=0.75 * all_memory() / 1e9, type=float, help="GB one fit may hold (default 3/4 of all)")
    add("--cores", type=int, help="cores for every package (default all; Linux)")
    add("--rounds", default=5, type=int, help="fits of packages under 5 s, in turn with ours (default 5)")
    add("--work", default=CHECKOUT / ".benchmarks", type=Path, help="where everything is kept (default .benchmarks)")
    add("--again", action="store_true", help="run what has been run before as well")
    add("--here", action="store_true", help="use this Python for every peer, and make no environments")
    add("--floor", action="store_true", help="also time one pass over the data for the sums")
    return parser.parse_args()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
