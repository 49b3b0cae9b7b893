"""A benchmark of the user's own, written down in YAML: no code, and none is ever run."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from easyhard.benchmarks.benchmark import Benchmark, Fields, Order, Source, Take, Text
from easyhard.benchmarks.catalogue import BENCHMARKS
from easyhard.benchmarks.known_tasks import AnswerForm
from easyhard.benchmarks.problems import problems
from easyhard.benchmarks.spec import BenchmarkSpec, Scoring
from easyhard.schema import InputError
from easyhard.wording import did_you_mean, shown, shown_all

NEXT_STEP = "Mend these and try again; docs/benchmarks.md explains every key."


def read_benchmark(name_or_path: str | os.PathLike[str]) -> Benchmark:
    """The benchmark of that name, or the one that a YAML file describes.

    Whatever ends in ``.yaml`` or ``.yml`` is a file, and so is what holds a slash. Raises InputError for an unknown
    name, and for a file with all of its problems at once.
    """
    name = os.fspath(name_or_path)
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    if "/" not in name and not name.casefold().endswith((".yaml", ".yml")):
        raise InputError(
            f"there is no benchmark {shown(name)}.{did_you_mean(name, BENCHMARKS)} Known by name are "
            f"{shown_all(list(BENCHMARKS))}; a benchmark of your own is a YAML file, see docs/benchmarks.md."
        )
    return _described(Path(name))


def _described(path: Path) -> Benchmark:
    raw = _yaml(path)
    try:
        settings = BenchmarkSettings.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems(error, BenchmarkSettings, str(path), NEXT_STEP)) from error
    return settings.benchmark(path.parent)


def _yaml(path: Path) -> dict[Any, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")])
        raise InputError(f"{path} does not exist.{near} Name the YAML file of a benchmark.") from error
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be read as YAML: {shown(reason, 200)}. Mend it and try again.") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path} describes no benchmark. Start from the example in docs/benchmarks.md.")
    return raw


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, and 1 is no text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_expression(pattern: str) -> str:
    """Refuse what is no regular expression of Rust's kind."""
    try:
        pl.Series(["x"]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        why = next((line for line in lines if line.startswith("error: ")), "error: not understood")
        raise ValueError(
            f"{shown(pattern)} is no regular expression read here ({why.removeprefix('error: ')})"
        ) from error
    return pattern


def _with_group(pattern: str) -> str:
    if pattern and not pl.Series(["x"]).str.extract_groups(pattern).struct.fields:
        raise ValueError(f"{shown(pattern)} has no group: put what is wanted in brackets")
    return pattern


Expression = Annotated[str, AfterValidator(_as_expression)]


class TextSettings(Settings):
    """See ``Text``."""

    columns: list[str] = Field(min_length=1)
    join: str = "\n\n"
    take: Take = "text"
    find: Annotated[Expression, AfterValidator(_with_group)] = ""
    remove: list[Expression] = []

    @model_validator(mode="after")
    def _two_for_instructions(self) -> TextSettings:
        if self.take == "instructions" and len(self.columns) != 2:
            raise ValueError("take: instructions needs two columns, the instructions' names and their arguments")
        return self

    def text(self) -> Text:
        """As loading needs it."""
        return Text(tuple(self.columns), self.join, self.take, self.find, tuple(self.remove))


def _long_form(given: Any) -> Any:
    """A column's name, or a list of such, is short for ``{columns: [...]}``."""
    if isinstance(given, str):
        return {"columns": [given]}
    return {"columns": given} if isinstance(given, list) else given


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


AText = Annotated[TextSettings, BeforeValidator(_long_form)]
Names = Annotated[list[str], BeforeValidator(_as_list)]


class FieldsSettings(Settings):
    """See ``Fields``."""

    question: AText = TextSettings(columns=["question"])
    answer: AText = TextSettings(columns=["answer"])
    answer_is: AnswerForm = "text"
    choices: Names = []
    no_choice: Names = []
    order: Order = "given"
    solution: AText | None = None
    covariates: dict[str, AText] = {}
    only: dict[str, str] = {}

    @model_validator(mode="after")
    def _choices_to_name(self) -> FieldsSettings:
        if self.answer_is != "text" and not self.choices:
            raise ValueError(f"answer_is: {self.answer_is} needs choices, the column or columns that hold them")
        taken = [name for name in self.covariates if name in ("item", "question", "answer", "choices", "solution")]
        if taken:
            raise ValueError(f"covariates has {shown(taken[0])}, which is a column of every item: name it otherwise")
        return self

    def fields(self) -> Fields:
        """As loading needs them."""
        covariates = {name: text.text() for name, text in self.covariates.items()}
        solution = self.solution.text() if self.solution else None
        return Fields(
            self.question.text(), self.answer.text(), self.answer_is, tuple(self.choices), tuple(self.no_choice),
            self.order, solution, covariates, self.only,
        )  # fmt: skip


def _by_subset(given: Any) -> Any:
    """One pattern is short for that of the only subset."""
    return {"": given} if isinstance(given, str) else given


class SourceSettings(Settings):
    """See ``Source``. ``path`` counts from the YAML file's folder."""

    path: str | None = Field(None, min_length=1)
    dataset: str = Field("", pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = Field("main", pattern=r"^[\w./-]+$")
    split: str = "test"
    files: Annotated[dict[str, str], BeforeValidator(_by_subset), Field(min_length=1)] = {"": "*"}

    @model_validator(mode="after")
    def _one_place(self) -> SourceSettings:
        if (self.path is None) == (not self.dataset):
            raise ValueError("name either path, your own file or folder, or dataset, one of the hub's")
        return self

    def source(self, base: Path) -> Source:
        """As loading needs it."""
        path = None if self.path is None else base / Path(self.path).expanduser()
        return Source(self.dataset, self.revision, self.split, self.files, path=path)


class BenchmarkSettings(Settings):
    """A whole file. ``like`` names a known benchmark whose every other setting stays."""

    like: str | None = None
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9_.-]{1,80}$")
    prompt: str | None = None
    choice: str | None = None
    completion: str | None = None
    scoring: Scoring | None = None
    system: str | None = None
    chat: bool | None = None
    max_new_tokens: int | None = Field(None, ge=1)
    source: SourceSettings | None = None
    fields: FieldsSettings | None = None
    task: str | None = None
    metric: str | None = None
    licence: str | None = None
    republish: bool | None = None
    homepage: str | None = None
    citation: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> BenchmarkSettings:
        if self.like is not None and self.like not in BENCHMARKS:
            raise ValueError(f"like: there is no benchmark {shown(self.like)}.{did_you_mean(self.like, BENCHMARKS)}")
        lacking = [name for name in ("name", "scoring") if getattr(self, name) is None and self.like is None]
        if lacking:
            raise ValueError(f"{' and '.join(lacking)} must be given, or like, a known benchmark to start from")
        if self.republish and self.like and not BENCHMARKS[self.like].republish:
            raise ValueError(f"republish: the item text of {self.like} may not be republished")
        try:
            self.benchmark(Path())
        except InputError as error:  # a template that cannot be
            raise ValueError(str(error)) from error
        return self

    def benchmark(self, base: Path) -> Benchmark:
        """The benchmark; relative paths count from ``base``."""
        given = self.model_dump(exclude_none=True, exclude={"like", "source", "fields"})
        of_spec = {key.name for key in dataclasses.fields(BenchmarkSpec)}
        asked = {key: value for key, value in given.items() if key in of_spec}
        rest: dict[str, Any] = {key: value for key, value in given.items() if key not in of_spec}
        if self.source:
            rest["source"] = self.source.source(base)
        if self.fields:
            rest["fields"] = self.fields.fields()
        if self.like is None:
            start = Benchmark(BenchmarkSpec(**asked), Source(), FieldsSettings().fields())
        else:
            known = BENCHMARKS[self.like]
            start = dataclasses.replace(known, spec=dataclasses.replace(known.spec, **asked))
        return dataclasses.replace(start, **rest)
