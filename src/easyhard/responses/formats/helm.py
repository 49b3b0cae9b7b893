"""Runs of HELM: ``per_instance_stats.json``, with what the files beside it say of the run and its instances.

Only unperturbed instances of one split count: ``test``, or the split that is asked for as a filter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.log import (
    Asked,
    ChoiceNeeded,
    FileRead,
    NotDichotomous,
    Run,
    chosen_filter,
    chosen_metric,
    correct_of,
)
from easyhard.schema import InputError

STATS = "per_instance_stats.json"
SPLIT = "test"
MODEL = re.compile(r"(?<=[:,])model(_deployment)?=[^,]*(,|$)")  # in a run's name: the only part that is no task
ARGUMENT = re.compile(r"(?<=[:,])(\w+)=([^,]*)")
NO_SCORE = (
    "num_", "logprob", "inference_", "training_", "batch_size", "finish_reason", "prompt_truncated", "max_prob"
)  # fmt: skip
SAME = {  # what lm-evaluation-harness calls the same tasks
    "mmlu": "mmlu_{subject}",
    "gpqa": "{subset}",
    "gsm": "gsm8k",
    "math": "hendrycks_math_{subject}",
}
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
    max_train_instances: int | None = None


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
    task = MODEL.sub("", spec.name).rstrip(":,")
    splits = _numbers(path, found)
    if splits:
        split = SPLIT if SPLIT in splits and not asked.filter else chosen_filter(list(splits), asked, task, found.file)
        numbers = splits[split]
        names = [name for name, rows in numbers.items() if _may_count(name, rows)]
        metric = chosen_metric(names, asked, task, found.file)
        found.passed_over = max(found.rows - len(found.broken) - len(numbers[metric]), 0)
        found.runs.append(_run(spec, task, metric, numbers[metric], asked, found))
    elif not found.broken:
        found.broke(0, "it holds no number of an unperturbed instance")
    return found


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {str(error)[:200]}. Give the run's whole folder.") from error


Rows = list[tuple[str, int, float | None]]  # instance, trial, value
Numbers = dict[str, Rows]  # by metric


def _numbers(path: Path, found: FileRead) -> dict[str, Numbers]:
    """By split: all numbers that were taken of its instances, whose metrics may be spread over several rows."""
    splits: dict[str, Numbers] = {}
    for raw in _decoded(path, list[msgspec.Raw]):
        found.rows += 1
        try:
            row = msgspec.json.decode(raw, type=_Row)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            found.broke(found.rows, f"no numbers of an instance: {str(error)[:200]}")
            continue
        for stat in row.stats if row.perturbation is None else ():
            rows = splits.setdefault(stat.name.split, {}).setdefault(stat.name.name, [])
            rows.append((row.instance_id, row.train_trial_index, stat.mean))
    return splits


def _may_count(name: str, rows: Rows) -> bool:
    """Whether all numbers of ``name`` are from 0 to 1, and it is no count or time."""
    return not name.startswith(NO_SCORE) and all(0 <= value <= 1 for _, _, value in rows if value is not None)


def _run(spec: _Spec, task: str, metric: str, rows: Rows, asked: Asked, found: FileRead) -> Run:
    respondent = asked.respondent or spec.adapter_spec.model or spec.adapter_spec.model_deployment
    if not respondent:
        raise ChoiceNeeded(f"{found.file} names no model. Say whose run it is: --respondent NAME.")
    try:
        correct = [correct_of(value, asked.threshold) for _, _, value in rows]
    except NotDichotomous as error:
        raise ChoiceNeeded(f"{found.file}, {metric}: {error}. Give a threshold or choose another metric.") from error
    instances = _instances(Path(found.file))
    names = {name: _item(spec.name, task, name, instances.get(name)) for name, _, _ in rows}
    suite = Path(found.file).absolute().parent.parent.name  # runs have no date; a later suite has a larger number
    return Run(
        respondent, task, suite, found.file, metric, [names[name] for name, _, _ in rows],
        [name for name, _, _ in rows], [trial for _, trial, _ in rows], np.array(correct, dtype=np.int8),
        spec.adapter_spec.max_train_instances,
    )  # fmt: skip


def _instances(path: Path) -> dict[str, _Instance]:
    """Unperturbed instances by their ids, from the first of the two files that is there."""
    listed, state = path.with_name("instances.json"), path.with_name("scenario_state.json")
    if listed.is_file():
        all_of = _decoded(listed, list[_Instance])
    else:
        all_of = [one.instance for one in _decoded(state, _State).request_states] if state.is_file() else []
    return {one.id: one for one in all_of if one.perturbation is None}


def _item(run: str, task: str, name: str, instance: _Instance | None) -> str:
    """From the content; where no file has it, ``<task>/<id>``, which only runs of one scenario version share."""
    if instance is None:
        return f"{task}/{name}"
    right = sorted(one.output.text for one in instance.references if "correct" in one.tags)
    wrong = [one.output.text for one in instance.references if "correct" not in one.tags]
    return asked_item(_known_as(run), instance.input.text, "\n".join(right), wrong)


def _known_as(run: str) -> str:
    """The scenario alone, under the name that its benchmark has elsewhere: its content tells an item from others."""
    scenario, arguments = run.split(":", 1)[0], dict(ARGUMENT.findall(run))
    try:
        return SAME[scenario].format_map(arguments)
    except KeyError:  # no scenario of those, or none of the arguments that it should have
        return scenario
