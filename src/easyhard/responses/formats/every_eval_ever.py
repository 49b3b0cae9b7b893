"""Instance-level results of Every Eval Ever, the common format that converters of several harnesses write.

A sample has a line for each metric of its evaluation, told apart by the id of the aggregate result.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.export_tree import ITEM_KEY
from easyhard.responses.formats.choices import right_answers
from easyhard.responses.formats.json_rows import first_line, json_rows
from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, chosen_metric, correct_of, refuse_graded
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
    evaluation_result_id: str | None = None
    error: Any = None
    metadata: Any = None


def matches(path: Path, head: bytes) -> bool:
    """Whether the first line names an evaluation, a model and a sample."""
    line = first_line(head)
    return line.startswith(b"{") and all(
        key in line for key in (b'"model_id"', b'"evaluation_name"', b'"sample_id"', b'"evaluation"')
    )


def read(path: Path, asked: Asked) -> FileRead:
    """One run for each model, evaluation and evaluation's id.

    A sample that comes again is another trial, unless its epoch says that it is not. A score must be 0 or 1 if no
    threshold is asked for, since converters call correct whatever is above 0; then ``is_correct`` counts.
    """
    found = FileRead(str(path), asked.strict)
    runs: dict[tuple[str, str, str], list[tuple[int, _Sample]]] = {}
    for number, row in json_rows(path, _Sample, found):
        runs.setdefault((row.model_id, _task(row), row.evaluation_id), []).append((number, row))
    for (model, task, evaluation), rows in runs.items():
        metric = _metric([row for _, row in rows], asked, task, found.file)
        counted = [(number, row) for number, row in rows if row.evaluation_result_id in (None, metric)]
        found.passed_over += len(rows) - len(counted)
        kept = [(row, code) for number, row in counted if (code := _code(row, number, asked, found)) is not None]
        if kept:
            found.runs.append(_run(model, task, evaluation, metric or "is_correct", found.file, kept))
    return found


def _task(row: _Sample) -> str:
    """The evaluation's name; a filter of lm-evaluation-harness that was made part of it is part of the metric."""
    name = _noted(row, "filter")
    return row.evaluation_name.removesuffix(f"/{name}") if name else row.evaluation_name


def _noted(row: _Sample, what: str) -> str:
    """A text that the sample's metadata hold; else ""."""
    value = row.metadata.get(what) if isinstance(row.metadata, dict) else None
    return value if isinstance(value, str) else ""


def _metric(rows: list[_Sample], asked: Asked, task: str, file: str) -> str | None:
    """Which result's samples count: ``metric`` or ``metric:filter`` as asked for; None if there are no results."""
    names = list(dict.fromkeys(row.evaluation_result_id for row in rows if row.evaluation_result_id))
    if not names:
        return None
    fit = [name for name in names if _fits(name, asked)]
    return fit[0] if len(fit) == 1 else chosen_metric(names, asked, task, file)


def _fits(name: str, asked: Asked) -> bool:
    first, *others = name.split(":")
    return (not asked.metric or asked.metric in (name, first)) and (not asked.filter or asked.filter in others)


def _code(row: _Sample, number: int, asked: Asked, found: FileRead) -> int | None:
    """What ``correct_of`` makes of the row; None, and noted, if it is no verdict."""
    if row.error:
        return MISSING
    verdict = row.evaluation
    try:
        code = correct_of(verdict.score, asked.threshold)
    except NotDichotomous as problem:
        refuse_graded(verdict.score, asked, found.file)
        found.broke(number, str(problem))
        return None
    return code if asked.threshold is not None or verdict.is_correct is None else int(verdict.is_correct)


def _run(model: str, task: str, evaluation: str, metric: str, file: str, rows: list[tuple[_Sample, int]]) -> Run:
    # A sample that was written here has its item's name, and perhaps no text.
    items = [_noted(row, ITEM_KEY) or _item(task, row.input) for row, _ in rows]
    seen: dict[str, int] = {}
    trial = []
    for (row, _), item in zip(rows, items, strict=True):
        epoch = _noted(row, "epoch")
        trial.append(int(epoch) - 1 if re.fullmatch(r"[1-9][0-9]{0,5}", epoch) else seen.get(item, 0))
        seen[item] = trial[-1] + 1
    correct: IntArray = np.array([code for _, code in rows], dtype=np.int8)
    started = evaluation.rsplit("/", 1)[-1]  # the time ends the id; it keeps two evaluations apart in any case
    return Run(model, task, started, file, metric, items, [str(row.sample_id) for row, _ in rows], trial, correct)


def _item(task: str, asked: _Input) -> str:
    references = [asked.reference] if isinstance(asked.reference, str) else asked.reference or []
    choices = asked.choices or []
    right = right_answers([_placed(one, choices) for one in references], choices)
    return asked_item(task, asked.raw, "\n".join(right), [one for one in choices if one not in right])


def _placed(reference: str, choices: list[str]) -> str:
    """A choice that is named by its place from 0, as lm-evaluation-harness does; else the reference itself."""
    is_place = re.fullmatch(r"[0-9]{1,3}", reference) and reference not in choices
    return choices[int(reference)] if is_place and int(reference) < len(choices) else reference
