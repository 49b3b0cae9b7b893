"""Instance-level results of Every Eval Ever, the common format that converters of several harnesses write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.export_tree import ITEM_KEY
from easyhard.responses.formats.json_rows import first_line, json_rows
from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, correct_of, refuse_graded
from easyhard.schema import MISSING, IntArray


class _Input(msgspec.Struct):
    raw: str
    reference: list[str] | str | None = None
    choices: list[str] | None = None


class _Verdict(msgspec.Struct):
    is_correct: bool | None = None
    score: Any = None


class _Sample(msgspec.Struct):
    model_id: str
    evaluation_name: str
    sample_id: str | int
    input: _Input
    evaluation: _Verdict
    evaluation_id: str = ""
    error: Any = None
    metadata: Any = None


def matches(path: Path, head: bytes) -> bool:
    """Whether the first line names an evaluation, a model and a sample."""
    line = first_line(head)
    return line.startswith(b"{") and all(
        key in line for key in (b'"model_id"', b'"evaluation_name"', b'"sample_id"', b'"evaluation"')
    )


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each model, evaluation and evaluation's id. A sample that comes again is another trial.

    ``is_correct`` counts, unless a threshold is asked for; then the score does.
    """
    found = FileRead(str(path), asked.strict)
    runs: dict[tuple[str, str, str], list[tuple[_Sample, int]]] = {}
    for number, row in json_rows(path, _Sample, found):
        try:
            correct = _correct(row, asked)
        except NotDichotomous as problem:
            refuse_graded(row.evaluation.score, asked, path)
            found.broke(number, str(problem))
            continue
        runs.setdefault((row.model_id, row.evaluation_name, row.evaluation_id), []).append((row, correct))
    for (model, task, evaluation), rows in runs.items():
        found.runs.append(_run(model, task, evaluation, found.file, rows))
    return found


def _correct(row: _Sample, asked: Asked) -> int:
    if row.error:
        return MISSING
    if asked.threshold is None and row.evaluation.is_correct is not None:
        return int(row.evaluation.is_correct)
    return correct_of(row.evaluation.score, asked.threshold)


def _run(model: str, task: str, evaluation: str, file: str, rows: list[tuple[_Sample, int]]) -> Run:
    items = [_named(row) or _item(task, row.input) for row, _ in rows]
    seen: dict[str, int] = {}
    trial = []
    for item in items:
        trial.append(seen.get(item, 0))
        seen[item] = trial[-1] + 1
    correct: IntArray = np.array([code for _, code in rows], dtype=np.int8)
    started = evaluation.rsplit("/", 1)[-1]  # the time ends the id; it keeps two evaluations apart in any case
    return Run(model, task, started, file, "is_correct", items, [str(row.sample_id) for row, _ in rows], trial, correct)


def _named(row: _Sample) -> str:
    """The item's name if the sample was written here, which may be without its text; else ""."""
    name = row.metadata.get(ITEM_KEY) if isinstance(row.metadata, dict) else None
    return name if isinstance(name, str) else ""


def _item(task: str, asked: _Input) -> str:
    answers = [asked.reference] if isinstance(asked.reference, str) else asked.reference or []
    return asked_item(task, asked.raw, answers[0] if answers else "", asked.choices)
