"""study.yaml: what a study needs to be told, checked as a whole, with every problem named at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.schema import InputError
from easyhard.study.settings import QuestionConfig, StudyConfig
from easyhard.wording import did_you_mean

# What the YAML parser raises: ValueError for bytes that are no UTF-8 and for a 32nd of May, the last for [[[[...
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """The study of a YAML file, with ``key=value`` overrides such as ``bins.count=5``.

    Raises InputError that lists every problem, with the nearest known key for a misspelt one.
    """
    path = Path(path)
    raw = read_raw(path, overrides)
    if "benchmarks" in raw:
        raise InputError(
            f"{path} is a study of several benchmarks, and one is needed here. Give the study.yaml of one of them, "
            "which a run writes below benchmarks."
        )
    return parse_config(raw, base=path.parent, source=str(path))


def read_raw(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a study's file says, with ``key=value`` overrides, unchecked. Raises InputError if it cannot be read."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")])
        raise InputError(f"{path} does not exist.{near} Name the YAML file of a study.") from error
    except (OSError, *NOT_YAML) as error:
        raise InputError(
            f"{path} cannot be read as YAML: {error}. Mend it, or compare it with docs/study.md."
        ) from error
    if not isinstance(raw, dict):
        raise InputError(f"{path} holds no settings. Start from the example in docs/study.md.")
    for override in overrides:
        _override(raw, override)
    return raw


def parse_config(raw: dict[str, Any], base: Path, source: str) -> StudyConfig:
    """Settings already read; relative paths count from ``base``, ``source`` is named in errors."""
    try:
        config = StudyConfig.model_validate(_with_benchmark(raw, base))
    except ValidationError as error:
        raise InputError(_problems(error, source)) from error
    try:
        return _with_absolute_paths(config, base)
    except (OSError, ValueError) as error:  # longer than a path may be, not to be seen, or with a NUL character
        raise InputError(f"{source} has a path that cannot be used: {error}. Mend it and try again.") from error


def dump_config(config: StudyConfig) -> str:
    """The study as YAML, every default written out."""
    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _with_benchmark(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    """What the benchmark says of its questions, where the study says nothing else; its file by an absolute path."""
    name, asked = raw.get("benchmark"), raw.get("questions") or {}
    if not isinstance(name, str) or not isinstance(asked, dict):
        return raw
    if set(QuestionConfig.model_fields) <= set(asked):
        return raw  # a study's own record, which holds even if the benchmark's file has gone
    file = _absolute(Path(name), base)
    place = str(file) if file.is_file() else name
    spec = asdict(read_benchmark(place).spec)
    known = {key: value for key, value in spec.items() if key in QuestionConfig.model_fields}
    return {**raw, "benchmark": place, "questions": {**known, **asked}}


def _with_absolute_paths(config: StudyConfig, base: Path) -> StudyConfig:
    return config.model_copy(
        update={
            "responses": config.responses.model_copy(update={"path": _absolute(config.responses.path, base)}),
            "items": config.items.model_copy(update={"path": config.items.path and _absolute(config.items.path, base)}),
            "models": tuple(m.model_copy(update={"path": _model_path(m.path, base)}) for m in config.models),
            "intended": config.intended and _absolute(config.intended, base),
            "out": _absolute(config.out, base),
        }
    )


def _absolute(path: Path, base: Path) -> Path:
    return (base / path.expanduser()).resolve()


def _model_path(path: str, base: Path) -> str:
    """Absolute, unless it can only be a name on the hub: ``org/model``."""
    local = _absolute(Path(path), base)
    on_disk = local.exists() or path.startswith((".", "/", "~")) or path.endswith(".gguf") or path.count("/") > 1
    return str(local) if on_disk else path


def _override(raw: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator:
        raise InputError(f"--set {override!r} has no '='. Write --set key=value, e.g. --set bins.count=5.")
    *parents, last = key.strip().split(".")
    place = raw
    for name in parents:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise InputError(f"--set {override!r}: {name!r} is not a group of settings. See docs/study.md.")
    try:
        place[last] = yaml.safe_load(value)
    except NOT_YAML as error:
        raise InputError(
            f"--set {override!r} has a value that cannot be read as YAML. Put it in quotes: --set '{key}=\"...\"'."
        ) from error


def _problems(error: ValidationError, source: str) -> str:
    places = [problem["loc"] for problem in error.errors()]
    # pydantic also counts a list of which every entry is wrong as empty: what lies deeper says it all.
    deepest = [p for p in error.errors() if not any(p["loc"] == other[: len(p["loc"])] != other for other in places)]
    lines = [f"{source} has {len(deepest)} problem(s):"]
    for problem in deepest:
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"  {place}: no such key.{did_you_mean(str(problem['loc'][-1]), _known(problem['loc'][:-1]))}")
        elif problem["type"] == "missing":
            lines.append(f"  {place}: is needed, but not there.")
        else:
            lines.append(f"  {place or 'study'}: {problem['msg']}.")
    return "\n".join([*lines, "Mend these and try again; docs/study.md explains every key."])


def _known(place: tuple[int | str, ...]) -> list[str]:
    """Keys that the group at ``place`` knows."""
    group: Any = StudyConfig
    for part in place:
        if isinstance(part, str):
            # One group may stand in a list of such groups, or be left out.
            found = group.model_fields[part].annotation
            group = next((kind for kind in get_args(found) if hasattr(kind, "model_fields")), found)
    return list(group.model_fields)
