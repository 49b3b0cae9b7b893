"""What a sample log of lm-evaluation-harness does not hold itself: the task, the time, the model, the filters' names.

They come from the log's name, from its folder's, and from the file of results that the same run wrote beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from easyhard.benchmarks.known_tasks import known_task
from easyhard.responses.formats.details import model_name
from easyhard.responses.log import Asked, ChoiceNeeded

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT\d\d[-:_]\d\d[-:_]\d\d(?:\.\d+)?)\.jsonl?", re.DOTALL)
MODEL = ("peft", "delta", "pretrained", "model", "path", "engine")  # arguments that name it, in the harness' order
COMMIT = re.compile(r"[0-9a-f]{40}")


class _Config(msgspec.Struct):
    model: str | None = None
    model_args: str | dict[str, Any] | None = None
    limit: Any = None


class _Samples(msgspec.Struct):
    original: int
    effective: int


class Results(msgspec.Struct, rename={"n_shot": "n-shot", "n_samples": "n-samples"}):
    """A file of results, as far as it is used. ``n_samples`` since version 0.4.3."""

    results: dict[str, dict[str, Any]]
    n_shot: dict[str, Any] = {}
    n_samples: dict[str, Any] = {}
    config: _Config = msgspec.field(default_factory=_Config)
    model_name: str | None = None

    def filters(self, task: str, metric: str) -> list[str]:
        """The filters of ``task`` that have ``metric``, in the order they were applied."""
        pairs = (key.split(",", 1) for key in self.results.get(task, {}))
        return [pair[1] for pair in pairs if pair[0] == metric and len(pair) == 2]

    def shots(self, task: str) -> int | None:
        """Examples in the prompt of ``task``, None if it does not say."""
        number = self.n_shot.get(task)
        return number if isinstance(number, int) and not isinstance(number, bool) else None

    def limited(self, task: str, size: int) -> bool:
        """Whether a part of ``task`` was asked for; ``size`` is how many items the log has.

        A limit may also be larger than the task. Where nothing says how large that is, as many items as the limit
        are a part.
        """
        try:
            samples = msgspec.convert(self.n_samples.get(task), _Samples)
        except msgspec.ValidationError:
            limit = self.config.limit
            return isinstance(limit, int | float) and (0 < limit < 1 or size == int(limit) > 0)
        return samples.effective < samples.original

    def respondent(self) -> str | None:
        """The model's name, and its revision where that is one of several checkpoints; None if it has no name.

        Where the arguments name no model, ``model_name`` is one that the harness made up at random.
        """
        given, kind = _arguments(self.config.model_args), self.config.model or ""
        named = next((given[key] for key in MODEL if given.get(key)), None)
        name = model_name(named or (kind if "/" in kind else None if kind else self.model_name) or "")
        revision = given.get("revision", "main")
        is_checkpoint = revision not in ("", "main", "None") and not COMMIT.fullmatch(revision)
        return f"{name}@{revision}" if name and is_checkpoint else name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a log is from. ``started`` with colons; "" if unknown."""

    task: str
    started: str
    results: Results | None

    def asked_for(self, size: int) -> tuple[int | None, bool]:
        """Shots, and whether only a part of the task was asked for, of a log with so many items."""
        if self.results is None:
            return None, False
        return self.results.shots(self.task), self.results.limited(self.task, size)


def origin_of(path: Path) -> Origin:
    """Task and time from the log's name, and the results of the same run, where they are there."""
    named = NAME.fullmatch(path.name)
    if named is None:
        results = _results(path.parent / "results.json")  # before there were dates in names
        return Origin(_task_at_the_end(path.stem, results), "", results)
    day, clock = named["date"].split("T")
    same_run = sorted(path.parent.glob(f"*_{named['date']}.json"))
    results = next((found for file in same_run if (found := _results(file))), None)
    return Origin(named["task"], f"{day}T{re.sub('[-_]', ':', clock)}", results)


def respondent_of(path: Path, origin: Origin, asked: Asked) -> str:
    """The model, from the results, the folder ``org__model``, ``asked``, or the folder; else InputError.

    A folder is trusted least, for it may be any, and the harness gives a model without a name one at random.
    """
    known = origin.results.respondent() if origin.results else None
    folder = _in_place(path, origin)
    found = known or ("__" in folder and folder_model(folder)) or asked.respondent
    if not found and origin.results is None:
        found = folder_model(folder)
    if found:
        return found
    raise ChoiceNeeded(f"{path} does not say which model it is of. Name the model: --respondent ORG/MODEL.")


def folder_model(folder: str) -> str | None:
    """``org/model`` of ``org__model``; of what was a path its last part."""
    return model_name(folder.replace("__", "/").strip("/") if folder.count("__") == 1 else folder.replace("__", "/"))


def _in_place(path: Path, origin: Origin) -> str:
    """The part of the path that names the model: its folder, or in the first versions the file's own beginning."""
    if origin.started:
        return path.absolute().parent.name
    arguments = path.stem.removesuffix(origin.task).rstrip("_").split(",")
    named = next((one for key in MODEL for one in arguments if one.startswith(f"{key}__")), None)
    return named.split("__", 1)[1] if named else path.absolute().parent.name


def _task_at_the_end(stem: str, results: Results | None) -> str:
    """The task of ``<arguments of the model>_<task>``: one of the results', a known one, or after the last ``__``."""
    tasks = results.results if results else {}
    ends = [stem, *(stem[place + 1 :] for place, sign in enumerate(stem) if sign == "_")]
    for is_task in (tasks.__contains__, _is_known):
        found = next((end for end in ends if is_task(end)), None)
        if found:
            return found
    stem = stem.removeprefix("samples_")
    last = stem.rsplit("__", 1)
    return (last[1].partition("_")[2] or last[1]) if len(last) == 2 else stem


def _is_known(task: str) -> bool:
    return known_task(task).pattern != task or known_task(task).metric is not None


def _arguments(given: str | Mapping[str, Any] | None) -> dict[str, str]:
    if isinstance(given, str):
        pairs = (part.split("=", 1) for part in given.split(","))
        return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
    return {key: str(value) for key, value in (given or {}).items() if value is not None}


def _results(path: Path) -> Results | None:
    try:
        return _decoded(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=8)  # one file of results has dozens of logs beside it
def _decoded(path: Path, changed: int) -> Results | None:
    data = path.read_bytes()
    try:
        try:
            return msgspec.json.decode(data, type=Results)
        except msgspec.DecodeError:
            return msgspec.convert(json.loads(data), Results)  # takes NaN, which the harness writes too
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
