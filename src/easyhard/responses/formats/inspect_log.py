"""Logs of Inspect: ``.json`` and ``.eval``. A scorer is a metric, ``scorer/key`` where it gives several values.

Scores and the content of an item both come from the samples themselves, one at a time: the summaries beside them cut
long text and leave out pictures; older ones leave out choices too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.formats.choices import right_answers
from easyhard.responses.formats.inspect_zip import BadMember, Members
from easyhard.responses.log import Asked, ChoiceNeeded, FileRead, NotDichotomous, Run, chosen_metric, correct_of
from easyhard.schema import InputError
from easyhard.wording import shown

SAMPLE = re.compile(r"samples/.+_epoch_\d+(\.json|/sample\.json)", re.DOTALL)
ATTACHED = "attachment://"  # a picture, or long text, that the sample keeps apart
REMOVED = "<base64-data-removed>"  # a picture that the log was told to leave out
WORDS = {"p": 0.5, "yes": 1, "no": 0}  # what Inspect counts for these values: partly correct is a half
T = TypeVar("T")


class _Config(msgspec.Struct):
    limit: Any = None
    sample_id: Any = None


class _Spec(msgspec.Struct):
    task: str
    config: _Config = msgspec.field(default_factory=_Config)
    model: str = ""
    created: str = ""
    eval_id: str = ""
    task_id: str = ""


class _Header(msgspec.Struct):
    eval: _Spec
    status: str = "started"


class _Log(_Header):
    samples: list[Any] | None = None


class _RawLog(_Log):
    samples: list[msgspec.Raw] | None = None


class _Part(msgspec.Struct):
    text: str = ""
    image: str = ""
    audio: str = ""
    video: str = ""
    document: str = ""


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
    invalidation: Any = None
    attachments: dict[str, str] = {}


class _Answer(NamedTuple):
    """What is kept of a sample; ``values`` is None where it failed, or was declared invalid later."""

    id: str
    trial: int
    item: str
    values: dict[str, Any] | None


def matches(path: Path, head: bytes) -> bool:
    """Whether the file is a log of Inspect: a zip with its members, or JSON that begins as one."""
    if head.startswith(b"PK"):
        return path.suffix == ".eval" or b"_journal/start.json" in head
    return head.lstrip().startswith(b"{") and all(key in head for key in (b'"eval"', b'"status"', b'"task"'))


def read(path: Path, asked: Asked) -> FileRead:
    """The log's one run. Epochs are trials; a sample that failed, or has no score, is missing.

    A log without any score, as of a run that ended at once, has no run, which is noted.
    """
    found = FileRead(str(path), asked.strict)
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        header, answers = (_zipped if zipped else _plain)(path, found)
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError(f"{path} is no whole log of Inspect: {str(error)[:200]}. Give a complete log.") from error
    if any(answer.values for answer in answers):
        found.runs.append(_run(header, answers, asked, found))
    else:
        found.broke(0, f"no sample in it has a score; its status is {shown(header.status)}")
    return found


def _plain(path: Path, found: FileRead) -> tuple[_Header, list[_Answer]]:
    data = path.read_bytes()
    log = _decoded(data, _RawLog, _Log)
    return log, _answers(log.eval, log.samples or [], found)


def _zipped(path: Path, found: FileRead) -> tuple[_Header, list[_Answer]]:
    with Members(path) as members:
        name = next((name for name in ("header.json", "_journal/start.json") if name in members.names), None)
        if name is None:  # a run that crashed has only the second
            raise ValueError("it has no header")
        header = _decoded(members.read(name), _Header)
        return header, _answers(header.eval, _members(members, found), found)


def _members(members: Members, found: FileRead) -> Iterator[bytes]:
    for name in members.names:
        if SAMPLE.fullmatch(name):
            try:
                yield members.read(name)
            except BadMember as error:
                found.rows += 1
                found.broke(found.rows, str(error))


def _decoded(data: Any, kind: type[T], lenient: type[T] | None = None) -> T:
    """``data``, bytes or what they hold, as ``kind``; as ``lenient`` if they hold NaN, which is no JSON."""
    if not isinstance(data, bytes | msgspec.Raw):
        return msgspec.convert(data, kind)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:  # Inspect writes NaN for an unscored sample, and for the mean of none
        return msgspec.convert(json.loads(bytes(data)), lenient or kind)


def _answers(spec: _Spec, raw: Iterable[Any], found: FileRead) -> list[_Answer]:
    answers = []
    for one in raw:
        found.rows += 1
        try:
            answers.append(_answer(_task(spec), _decoded(one, _Sample)))
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            found.broke(found.rows, f"no sample: {str(error)[:200]}")
    return answers


def _answer(task: str, sample: _Sample) -> _Answer:
    failed = sample.error is not None or sample.invalidation is not None
    return _Answer(str(sample.id), max(sample.epoch - 1, 0), _item(task, sample), None if failed else _values(sample))


def _task(spec: _Spec) -> str:
    return spec.task.rsplit("/", 1)[-1]  # "inspect_evals/gsm8k": the package that brings a task is not the task


def _run(header: _Header, answers: list[_Answer], asked: Asked, found: FileRead) -> Run:
    spec = header.eval
    names = list(dict.fromkeys(name for answer in answers for name in answer.values or ()))
    asked_for = replace(asked, metric=asked.metric or asked.filter)
    metric = chosen_metric(names, asked_for, _task(spec), found.file)
    try:
        correct = [_correct((answer.values or {}).get(metric), asked) for answer in answers]
    except NotDichotomous as error:
        raise ChoiceNeeded(f"{found.file}, {metric}: {error}. Give a threshold or choose another metric.") from error
    respondent = asked.respondent or spec.model
    if not respondent:
        raise ChoiceNeeded(f"{found.file} names no model. Say whose log it is: --respondent NAME.")
    # What was killed, stopped or limited has a part of its samples, and does not replace a whole run.
    limited = header.status != "success" or (spec.config.limit, spec.config.sample_id) != (None, None)
    started = f"{spec.created} {spec.eval_id or spec.task_id}".strip()  # two can begin within one second
    return Run(
        respondent, _task(spec), started, found.file, metric, [answer.item for answer in answers],
        [answer.id for answer in answers], [answer.trial for answer in answers], np.array(correct, dtype=np.int8),
        limited=limited,
    )  # fmt: skip


def _values(sample: _Sample) -> dict[str, Any]:
    """Score by scorer, and by ``scorer/key`` where a scorer gives a mapping."""
    scores = sample.scores or ({"score": sample.score} if sample.score else {})
    values: dict[str, Any] = {}
    for name, score in scores.items():
        parts = score.value if isinstance(score.value, dict) else None
        values |= {name: score.value} if parts is None else {f"{name}/{key}": part for key, part in parts.items()}
    return values


def _correct(value: Any, asked: Asked) -> int:
    return correct_of(WORDS.get(value.casefold(), value) if isinstance(value, str) else value, asked.threshold)


def _item(task: str, sample: _Sample) -> str:
    question = sample.input if isinstance(sample.input, str) else _text(sample.input, sample)
    choices = sample.choices or []
    right = right_answers([sample.target] if isinstance(sample.target, str) else sample.target, choices)
    return asked_item(task, question, "\n".join(right), [one for one in choices if one not in right])


def _text(messages: list[_Message], sample: _Sample) -> str:
    """All that was asked, pictures too; a picture that the log has not is told from others by the sample's id."""
    parts = [one for message in messages for one in _parts(message.content)]
    whole = [sample.attachments.get(one.removeprefix(ATTACHED), one) for one in parts]
    return "\n".join(f"{one} {sample.id}" if one == REMOVED else one for one in whole)


def _parts(content: str | list[_Part]) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part.text or part.image or part.audio or part.video or part.document for part in content]
