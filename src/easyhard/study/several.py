"""Several benchmarks in one file: a study of each, with the same models, seeds and training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from easyhard.schema import InputError
from easyhard.study.config import dump_config, parse_config, read_raw
from easyhard.study.settings import StudyConfig
from easyhard.wording import did_you_mean

# What each benchmark may say for itself.
OWN = ("name", "benchmark", "responses", "items", "questions", "bins", "intended")
BENCHMARKS = "benchmarks"


@dataclass(frozen=True, slots=True)
class Studies:
    """What one file describes: a study, called ``""``, or one for each of its benchmarks, by their names."""

    name: str
    out: Path
    by_name: Mapping[str, StudyConfig]

    @property
    def are_several(self) -> bool:
        """Whether the file has a list of benchmarks, even if of one."""
        return "" not in self.by_name


def read_studies(path: str | Path, overrides: Sequence[str] = ()) -> Studies:
    """The study of a YAML file, or the studies of its ``benchmarks``, with ``key=value`` overrides for all.

    Raises InputError that lists every problem.
    """
    path = Path(path)
    raw = read_raw(path, overrides)
    if BENCHMARKS not in raw:
        return one_study(parse_config(raw, path.parent, str(path)))
    return _split(raw, path.parent, str(path))


def one_study(config: StudyConfig) -> Studies:
    """A single study, as the functions for several take it."""
    return Studies(config.name, config.out, {"": config})


def dump_studies(studies: Studies) -> str:
    """What was read as YAML, every default written out; it can be read again."""
    if not studies.are_several:
        return dump_config(studies.by_name[""])
    dumped = {name: config.model_dump(mode="json") for name, config in studies.by_name.items()}
    shared = {key: value for key, value in next(iter(dumped.values())).items() if key not in (*OWN, "out")}
    own = [
        {"name": name} | {key: one[key] for key in OWN if key != "name" and one[key] is not None}
        for name, one in dumped.items()
    ]
    whole = {"name": studies.name, **shared, BENCHMARKS: own, "out": str(studies.out)}
    return str(yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))


def study_folders(folder: Path) -> dict[str, Path]:
    """The folders of the studies in a run's folder by benchmark: itself, called ``""``, if there is one study."""
    try:
        raw = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        names = [str(one["name"]) for one in raw[BENCHMARKS]]
    except (OSError, ValueError, TypeError, LookupError, yaml.YAMLError):
        return {"": folder}  # whoever opens it says what is wrong, if anything
    return {name: folder / study_place(name) for name in names}


def study_place(name: str) -> Path:
    """Where the study of a benchmark stands, below the folder of all."""
    return Path(BENCHMARKS, re.sub(r"[^\w.-]+", "__", name).lstrip(".") or "benchmark")


def _split(raw: dict[str, Any], base: Path, source: str) -> Studies:
    entries = _named_entries(raw[BENCHMARKS], source)
    if "benchmark" in raw:
        raise InputError(f"{source} has both benchmark and benchmarks. Leave one of them out.")
    shared = {key: value for key, value in raw.items() if key != BENCHMARKS}
    found, problems = dict[str, StudyConfig](), list[str]()
    for name, entry in entries.items():
        whole = {**shared, **{key: _joined(shared.get(key), value) for key, value in entry.items()}}
        whole |= {"name": f"{raw.get('name')}: {name}"} if raw.get("name") else {"name": raw.get("name")}
        if isinstance(raw.get("out"), str):
            whole["out"] = str(Path(raw["out"]) / study_place(name))
        try:
            found[name] = parse_config(whole, base, f"{source}, benchmark {name!r},")
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    outs = [config.out for config in found.values()]
    if len(set(outs)) < len(outs):
        raise InputError(f"{source}: two benchmarks would write to {max(outs, key=outs.count)}. Name them otherwise.")
    return Studies(str(raw["name"]), outs[0].parents[1], found)


def _named_entries(given: Any, source: str) -> dict[str, dict[str, Any]]:
    """The entries of ``benchmarks`` by their names. Raises InputError for what is none."""
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise InputError(
            f"{source}: benchmarks is to be a list such as [{{benchmark: gsm8k, responses: {{path: gsm8k.parquet}}}}]. "
            "See docs/study.md."
        )
    found: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(given):
        if unknown := [key for key in entry if key not in OWN]:
            raise InputError(
                f"{source}: benchmarks.{number}.{unknown[0]}: no such key.{did_you_mean(str(unknown[0]), OWN)} A "
                f"benchmark has {', '.join(OWN)} of its own; everything else is the same for all."
            )
        name = str(entry.get("name") or Path(str(entry.get("benchmark") or "")).stem)
        if not name:
            raise InputError(f"{source}: benchmarks.{number} has neither a name nor a benchmark. Give it a name.")
        if name in found:
            raise InputError(f"{source}: two benchmarks are called {name!r}. Give each a name of its own.")
        found[name] = {key: value for key, value in entry.items() if key != "name"}
    return found


def _joined(shared: Any, own: Any) -> Any:
    """A benchmark's own settings over those of all; a group of settings is joined key by key."""
    return {**shared, **own} if isinstance(shared, dict) and isinstance(own, dict) else own
