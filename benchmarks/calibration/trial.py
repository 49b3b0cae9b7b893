"""One fit of one peer to one case, in a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from catalogue import Peer
from environments import Unavailable, command_of
from measures import Unusable, recovery
from processes import Finished, last_words, run
from records import FAILED, FITTED, OVER_MEMORY, OVER_TIME, SKIPPED, Record
from simulated import Case, matrix_path, read_truth


@dataclass(frozen=True)
class Budget:
    """What one fit may take, start of the process and reading the data included."""

    seconds: float
    memory: float  # bytes


def fit_once(peer: Peer, case: Case, work: Path, budget: Budget, here: bool) -> Record:
    """Fit and compare with the truth. Whatever goes wrong becomes the record's status and its remarks."""
    refused = _refusal(peer, case)
    if refused is not None:
        return Record(peer.name, case.name, SKIPPED, remarks=(refused,))
    try:
        command = command_of(peer, work, here)
    except Unavailable as reason:
        return Record(peer.name, case.name, SKIPPED, remarks=(str(reason),))
    answer_path = work / "answers" / f"{case.name}.{peer.name}.json"
    log = work / "logs" / f"{case.name}.{peer.name}.txt"
    for path in (answer_path, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    answer_path.unlink(missing_ok=True)
    arguments = [str(matrix_path(work / "data", case)), case.model, str(answer_path), *peer.options]
    finished = run(command + arguments, log, budget.seconds, budget.memory)
    if not answer_path.exists():
        return _unanswered(peer, case, finished, log, budget)
    return _answered(peer, case, finished, log, answer_path, work, budget)


def _refusal(peer: Peer, case: Case) -> str | None:
    if case.model not in peer.models:
        return f"it has no {case.model} model"
    if peer.most_items is not None and case.items > peer.most_items:
        return f"not tried beyond {peer.most_items} items"
    return None


def _unanswered(peer: Peer, case: Case, finished: Finished, log: Path, budget: Budget) -> Record:
    if finished.stopped == "time":
        status, remark = OVER_TIME, f"ended after the budget of {budget.seconds:g} s"
    elif finished.stopped == "memory":
        status, remark = OVER_MEMORY, f"ended at {finished.peak_memory / 1e9:.1f} GB after {finished.seconds:.0f} s"
    else:
        status, remark = FAILED, f"exit code {finished.exit_code}: {last_words(log)}"
    return Record(peer.name, case.name, status, peak_memory=finished.peak_memory, remarks=(remark,))


def _answered(
    peer: Peer, case: Case, finished: Finished, log: Path, answer_path: Path, work: Path, budget: Budget
) -> Record:
    answer = json.loads(answer_path.read_text(encoding="utf-8"))
    remarks = list(answer["remarks"])
    if answer["errors_pending"]:
        ending = _unanswered(peer, case, finished, log, budget)
        remarks.append(f"no standard errors: {ending.remarks[0]}")
    common = {"version": answer["version"], "peak_memory": finished.peak_memory, "seconds": (answer["seconds"],)}
    try:
        found = recovery(answer, read_truth(work / "data", case), case.model)
    except Unusable as reason:
        return Record(peer.name, case.name, FAILED, remarks=(str(reason), *remarks), **common)
    if found.items_without_error:
        remarks.append(f"{found.items_without_error} items have no standard error and count as not covered")
    if found.items_reversed:
        remarks.append(f"{found.items_reversed} items came out reversed, with a discrimination of 0 or less")
    return Record(
        peer.name,
        case.name,
        FITTED,
        error_seconds=answer["error_seconds"],
        rmse=found.rmse,
        spearman=found.spearman,
        coverage=found.coverage,
        rmse_log_discrimination=found.rmse_log_discrimination,
        remarks=tuple(remarks),
        **common,
    )
