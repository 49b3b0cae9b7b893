"""Runs of HELM: ``per_instance_stats.json``, with what the files beside it say of the run and its instances.

Only the split ``test`` and unperturbed instances count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item, known_task
from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, chosen_metric, correct_of
from easyhard.schema import InputError

STATS = "per_instance_stats.json"
SPLIT = "test"
T = TypeVar("T")


class _Name(msgspec.Struct):
    name: str
    split: str = SPLIT


class _Stat(msgspec.Struct):
    name: _Name
    count: int = 0
    mean: float | None = None  # none where count is 0


class _Row(msgspec.Struct):
    instance_id: str
    stats: list[_Stat]
    train_trial_index: int = 0
    perturbation: Any = None


class _Text(msgspec.Struct):
    text: str = ""


class _Reference(msgspec.Struct):
    output: _Text
    tags: list[str] = []


class _Instance(msgspec.Struct):
    id: str
    input: _Text
    references: list[_Reference] = []
    perturbation: Any = None


class _Request(msgspec.Struct):
    instance: _Instance


class _State(msgspec.Struct):
    request_states: list[_Request] = []


class _Adapter(msgspec.Struct):
    model: str = ""
    model_deployment: str = ""


class _Spec(msgspec.Struct):
    name: str
    adapter_spec: _Adapter


def matches(path: Path, head: bytes) -> bool:
    """Whether the file holds HELM's numbers of each instance."""
    return path.name == STATS and head.lstrip().startswith(b"[")


def read(path: Path, asked: Asked) -> FileRead:
    """The run in the file's folder. Train trials are trials; a number that was not taken is missing."""
    found = FileRead(str(path), asked.strict)
    spec = _decoded(path.with_name("run_spec.json"), _Spec)
    task = spec.name.split(",model=")[0].removesuffix(",")
    scores = _scores(path, found)
    names = list(dict.fromkeys(name for values in scores.values() for name in values if _may_count(scores, name)))
    if scores:
        found.runs.append(_run(spec, task, scores, chosen_metric(names, asked, task, found.file), asked, found))
    return found


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:200]}. Give the run's whole folder.") from error


Scores = dict[tuple[str, int], dict[str, float | None]]


def _scores(path: Path, found: FileRead) -> Scores:
    """Numbers by name of each (instance, trial), which may be spread over several rows."""
    scores: Scores = {}
    for raw in _decoded(path, list[msgspec.Raw]):
        found.rows += 1
        try:
            row = msgspec.json.decode(raw, type=_Row)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            found.broke(found.rows, f"no numbers of an instance: {str(error)[:200]}")
            continue
        if row.perturbation is None:
            values = {stat.name.name: stat.mean for stat in row.stats if stat.name.split == SPLIT}
            if values:
                scores.setdefault((row.instance_id, row.train_trial_index), {}).update(values)
    return scores


def _may_count(scores: Scores, name: str) -> bool:
    """Whether all numbers of ``name`` are from 0 to 1, and it is no count or time."""
    seen = [value for values in scores.values() if (value := values.get(name)) is not None]
    return not name.startswith(("num_", "logprob", "inference_", "training_")) and all(0 <= one <= 1 for one in seen)


def _run(spec: _Spec, task: str, scores: Scores, metric: str, asked: Asked, found: FileRead) -> Run:
    respondent = asked.respondent or spec.adapter_spec.model or spec.adapter_spec.model_deployment
    if not respondent:
        raise InputError(f"{found.file} names no model. Say whose run it is: --respondent NAME.")
    try:
        correct = [correct_of(values.get(metric), asked.threshold) for values in scores.values()]
    except NotDichotomous as error:
        raise InputError(f"{found.file}, {metric}: {error}. Give a threshold or choose another metric.") from error
    instances = _instances(Path(found.file))
    names = {name: _item(task, name, instances.get(name)) for name, _ in scores}
    suite = Path(found.file).absolute().parent.parent.name  # runs have no date; a later suite has a larger number
    return Run(
        respondent, task, suite, found.file, metric, [names[name] for name, _ in scores],
        [name for name, _ in scores], [trial for _, trial in scores], np.array(correct, dtype=np.int8),
    )  # fmt: skip


def _instances(path: Path) -> dict[str, _Instance]:
    """Unperturbed instances by their ids, from the first of the two files that is there."""
    listed, state = path.with_name("instances.json"), path.with_name("scenario_state.json")
    if listed.is_file():
        all_of = _decoded(listed, list[_Instance])
    else:
        all_of = [one.instance for one in _decoded(state, _State).request_states] if state.is_file() else []
    return {one.id: one for one in all_of if one.perturbation is None}


def _item(task: str, name: str, instance: _Instance | None) -> str:
    """From the content; where no file has it, ``<task>/<id>``, which only runs of one scenario version share."""
    if instance is None:
        return f"{known_task(task).benchmark}/{name}"
    right = [one.output.text for one in instance.references if "correct" in one.tags]
    wrong = [one.output.text for one in instance.references if "correct" not in one.tags]
    return asked_item(task, instance.input.text, "\n".join(right), wrong)
