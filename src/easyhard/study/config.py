"""study.yaml: what a study needs to be told, checked as a whole, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from easyhard.benchmarks import BenchmarkSpec, Scoring
from easyhard.benchmarks.item_table import AnswerIs
from easyhard.schema import InputError
from easyhard.sft.config import TrainingConfig
from easyhard.wording import did_you_mean

Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what both numpy and torch take


class Config(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableConfig(Config):
    """A table on disk: CSV, Parquet or JSON lines. ``columns`` says what it calls our columns."""

    path: Path
    columns: dict[str, str] = {}


class ItemsConfig(TableConfig):
    """The item table: ``item, question, answer`` and what else there is."""

    answer_is: AnswerIs = "text"


class ModelConfig(Config):
    """A model to fine-tune: a local folder, a .gguf file, or a hub name."""

    path: str
    name: str = ""  # what tables and folders call it; the last part of the path if empty
    revision: str | None = None

    @property
    def label(self) -> str:
        """Name in tables."""
        return self.name or re.sub(r"\.gguf$", "", self.path.rstrip("/").split("/")[-1])

    @property
    def folder(self) -> str:
        """Name that is safe as a folder."""
        return re.sub(r"[^\w.-]+", "__", self.label).lstrip(".") or "model"


class QuestionConfig(Config):
    """How items are asked and scored; see BenchmarkSpec."""

    prompt: str = "Question: {question}\nAnswer:"
    system: str | None = None
    choice: str = "{letter}) {answer}"  # one line of {choices}, as in arXiv:2511.21692
    chat: bool = True
    scoring: Scoring | None = None  # by choices where every item has them, else by number or text
    completion: str = "{answer}"
    max_new_tokens: int = Field(256, ge=1)

    def spec(self, name: str, scoring: Scoring) -> BenchmarkSpec:
        """The benchmark spec of these settings."""
        return BenchmarkSpec(
            name=name,
            scoring=scoring,
            prompt=self.prompt,
            system=self.system,
            chat=self.chat,
            choice=self.choice,
            completion=self.completion,
            max_new_tokens=self.max_new_tokens,
        )


class BinsConfig(Config):
    """How the items are cut by difficulty."""

    count: int = Field(10, ge=2)  # deciles, as in arXiv:2511.21692
    held_out: float = Field(0.3, ge=0, lt=1)  # ours: share of every bin that is never trained on
    seed: Seed = 0  # of the held-out draw


class StudyConfig(Config):
    """A whole study. Relative paths count from the folder of the file."""

    name: str = Field(min_length=1)
    responses: TableConfig
    items: ItemsConfig
    models: tuple[ModelConfig, ...] = Field(min_length=1)
    questions: QuestionConfig = QuestionConfig()
    bins: BinsConfig = BinsConfig()
    training: TrainingConfig = TrainingConfig()
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)  # of trainings; three or more show their scatter
    out: Path

    @model_validator(mode="after")
    def _distinct(self) -> StudyConfig:
        folders = [model.folder for model in self.models]
        if len(set(folders)) < len(folders):
            raise ValueError(f"two models are called {max(folders, key=folders.count)!r}; give each a name of its own")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed occurs twice; each seed is one repeat")
        return self


# What the YAML parser raises: ValueError for bytes that are no UTF-8 and for a 32nd of May, the last for [[[[...
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """The study of a YAML file, with ``key=value`` overrides such as ``bins.count=5``.

    Raises InputError that lists every problem, with the nearest known key for a misspelt one.
    """
    path = Path(path)
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
    return parse_config(raw, base=path.parent, source=str(path))


def parse_config(raw: dict[str, Any], base: Path, source: str) -> StudyConfig:
    """Settings already read; relative paths count from ``base``, ``source`` is named in errors."""
    try:
        config = StudyConfig.model_validate(raw)
    except ValidationError as error:
        raise InputError(_problems(error, source)) from error
    try:
        return _with_absolute_paths(config, base)
    except (OSError, ValueError) as error:  # longer than a path may be, not to be seen, or with a NUL character
        raise InputError(f"{source} has a path that cannot be used: {error}. Mend it and try again.") from error


def dump_config(config: StudyConfig) -> str:
    """The study as YAML, every default written out."""
    return str(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _with_absolute_paths(config: StudyConfig, base: Path) -> StudyConfig:
    return config.model_copy(
        update={
            "responses": config.responses.model_copy(update={"path": _absolute(config.responses.path, base)}),
            "items": config.items.model_copy(update={"path": _absolute(config.items.path, base)}),
            "models": tuple(m.model_copy(update={"path": _model_path(m.path, base)}) for m in config.models),
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
            group = group.model_fields[part].annotation
            group = ModelConfig if part == "models" else group
    return list(group.model_fields)
