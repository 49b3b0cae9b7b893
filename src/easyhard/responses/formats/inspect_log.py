"""Logs of Inspect: ``.json`` and ``.eval``. A scorer is a metric, ``scorer/key`` where it gives several values.

Scores and the content of an item both come from the samples themselves, for the summaries beside them cut long text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.formats.inspect_zip import BadMember, Members
from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, chosen_metric, correct_of
from easyhard.schema import MISSING, InputError

SAMPLE = re.compile(r"samples/.+_epoch_\d+(\.json|/sample\.json)", re.DOTALL)


class _Spec(msgspec.Struct):
    task: str
    model: str = ""
    created: str = ""


class _Header(msgspec.Struct):
    eval: _Spec


class _Log(_Header):
    samples: list[msgspec.Raw] | None = None


class _Part(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    content: str | list[_Part] = ""


class _Score(msgspec.Struct):
    value: Any = None


class _Sample(msgspec.Struct):
    id: int | str
    input: str | list[_Message]
    target: str | list[str] = ""
    epoch: int = 1
    choices: list[str] | None = None
    scores: dict[str, _Score] | None = None
    score: _Score | None = None  # before scorers had names
    error: Any = None


def matches(path: Path, head: bytes) -> bool:
    """Whether the file is a log of Inspect: a zip with its members, or JSON that begins as one."""
    if head.startswith(b"PK"):
        return path.suffix == ".eval" or b"_journal/start.json" in head
    return head.lstrip().startswith(b"{") and all(key in head for key in (b'"eval"', b'"status"', b'"task"'))


def read(path: Path, asked: Asked) -> FileRead:
    """The log's one run. Epochs are trials; a sample that failed, or has no score, is missing."""
    found = FileRead(str(path), asked.strict)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        spec, raw = _zipped(path, found) if zipped else _plain(path)
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError(f"{path} is no whole log of Inspect: {str(error)[:200]}. Give a complete log.") from error
    samples = list(_decoded(raw, found))
    if samples:
        found.runs.append(_run(spec, samples, asked, found))
    return found


def _plain(path: Path) -> tuple[_Spec, Iterable[bytes | msgspec.Raw]]:
    log = msgspec.json.decode(path.read_bytes(), type=_Log)
    return log.eval, log.samples or []


def _zipped(path: Path, found: FileRead) -> tuple[_Spec, Iterable[bytes]]:
    members = Members(path)
    name = next((name for name in ("header.json", "_journal/start.json") if name in members.names), None)
    if name is None:  # a run that crashed has only the second
        raise ValueError("it has no header")
    return msgspec.json.decode(members.read(name), type=_Header).eval, _members(members, found)


def _members(members: Members, found: FileRead) -> Iterator[bytes]:
    for name in members.names:
        if SAMPLE.fullmatch(name):
            try:
                yield members.read(name)
            except BadMember as error:
                found.rows += 1
                found.broke(found.rows, str(error))


def _decoded(raw: Iterable[bytes | msgspec.Raw], found: FileRead) -> Iterator[_Sample]:
    decoder = msgspec.json.Decoder(_Sample)
    for one in raw:
        found.rows += 1
        try:
            yield decoder.decode(one)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            found.broke(found.rows, f"no sample: {str(error)[:200]}")


def _run(spec: _Spec, samples: list[_Sample], asked: Asked, found: FileRead) -> Run:
    task = spec.task.rsplit("/", 1)[-1]  # "inspect_evals/gsm8k": the package that brings a task is not the task
    values = [_values(sample) for sample in samples]
    names = list(dict.fromkeys(name for one in values for name in one))
    metric = chosen_metric(names, replace(asked, metric=asked.metric or asked.filter), task, found.file)
    try:
        correct = [_correct(one.get(metric), sample, asked) for one, sample in zip(values, samples, strict=True)]
    except NotDichotomous as error:
        raise InputError(f"{found.file}, {metric}: {error}. Give a threshold or choose another metric.") from error
    respondent = asked.respondent or spec.model
    if not respondent:
        raise InputError(f"{found.file} names no model. Say whose log it is: --respondent NAME.")
    return Run(
        respondent, task, spec.created, found.file, metric, [_item(task, sample) for sample in samples],
        [str(sample.id) for sample in samples], [max(sample.epoch - 1, 0) for sample in samples],
        np.array(correct, dtype=np.int8),
    )  # fmt: skip


def _values(sample: _Sample) -> dict[str, Any]:
    """Score by scorer, and by ``scorer/key`` where a scorer gives a mapping."""
    scores = sample.scores or ({"score": sample.score} if sample.score else {})
    values: dict[str, Any] = {}
    for name, score in scores.items():
        parts = score.value if isinstance(score.value, dict) else None
        values |= {name: score.value} if parts is None else {f"{name}/{key}": part for key, part in parts.items()}
    return values


def _correct(value: Any, sample: _Sample, asked: Asked) -> int:
    if sample.error is not None:
        return MISSING
    return correct_of(0.5 if value == "P" else value, asked.threshold)  # P: partly correct


def _item(task: str, sample: _Sample) -> str:
    question = sample.input if isinstance(sample.input, str) else "\n".join(map(_text, sample.input))
    targets = [sample.target] if isinstance(sample.target, str) else sample.target
    choices = sample.choices or []
    labels = {chr(ord("A") + place): choice for place, choice in enumerate(choices[:26])}
    return asked_item(task, question, "\n".join(labels.get(one, one) for one in targets), choices)


def _text(message: _Message) -> str:
    content = message.content
    return content if isinstance(content, str) else "\n".join(part.text for part in content)
