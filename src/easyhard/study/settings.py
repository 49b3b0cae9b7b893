"""What a study can be told: one class per group of settings of study.yaml, with the reason for each default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from easyhard.benchmarks import BenchmarkSpec, Scoring
from easyhard.benchmarks.item_table import AnswerIs
from easyhard.evaluation.config import EvaluationConfig
from easyhard.sft.config import TrainingConfig

Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what both numpy and torch take


class Config(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableConfig(Config):
    """A table on disk: CSV, Parquet or JSON lines. ``columns`` says what it calls our columns."""

    path: Path
    columns: dict[str, str] = {}


class ItemsConfig(Config):
    """The item table: ``item, question, answer`` and what else there is; or a benchmark's rows as its source has them.

    Without a ``path`` the benchmark's own source is fetched.
    """

    path: Path | None = None
    columns: dict[str, str] = {}
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


Recipe = Literal["uniform", "easy_to_hard", "hard_to_easy", "proportional", "around"]


class MixtureConfig(Config):
    """A training on items of several bins, as many as a training on one. May be written as its recipe alone.

    - ``uniform``: equally many of every bin, in random order.
    - ``easy_to_hard``, ``hard_to_easy``: the very items of ``uniform``, in order of difficulty in every epoch.
    - ``proportional``: drawn from all training items alike, so that bins take part by their size.
    - ``around``: equally many of the ``width`` bins nearest to bin ``target``, in random order.
    """

    recipe: Recipe
    target: int | None = Field(None, ge=0)
    width: int = Field(3, ge=2)  # ours: a bin and its neighbours

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"recipe": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _around_something(self) -> MixtureConfig:
        if (self.recipe == "around") != (self.target is not None):
            raise ValueError("'around' needs a target, the bin in its middle, and no other recipe has one")
        return self

    @property
    def label(self) -> str:
        """Name in tables."""
        return f"{self.width} bins around {self.target}" if self.recipe == "around" else self.recipe.replace("_", " ")

    @property
    def in_order(self) -> bool:
        """Whether the order of the items is the point, so that training must not shuffle them."""
        return self.recipe in ("easy_to_hard", "hard_to_easy")


class InContextConfig(Config):
    """Examples of a bin shown in the prompt, instead of training on them."""

    examples: int = Field(20, ge=1)  # at most so many, as in arXiv:2511.21692


Keep = Literal["adapter", "none", "all"]  # adapter: adapters stay, whole checkpoints go


class StudyConfig(Config):
    """A whole study. Relative paths count from the folder of the file."""

    name: str = Field(min_length=1)
    benchmark: str | None = None  # a known one, or the YAML file of one's own; without it ``questions`` says all
    responses: TableConfig
    items: ItemsConfig = ItemsConfig()
    models: tuple[ModelConfig, ...] = Field(min_length=1)
    questions: QuestionConfig = QuestionConfig()
    protocol: Literal["held_out", "paper"] = "held_out"
    bins: BinsConfig = BinsConfig()
    training: TrainingConfig = TrainingConfig()
    in_context: InContextConfig | None = None  # instead of training
    mixtures: tuple[MixtureConfig, ...] = ()  # rows besides the single bins
    evaluation: EvaluationConfig = EvaluationConfig()
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)  # of trainings; three or more show their scatter
    intended: Path | None = None  # an item bank whose difficulties the report holds these against
    keep: Keep = "all"  # of the weights of finished cells; nothing is lost that was not asked for
    out: Path

    @model_validator(mode="before")
    @classmethod
    def _papers_protocol(cls, given: Any) -> Any:
        """``protocol: paper`` trains and tests on the same items: nothing of a bin is held out."""
        if not isinstance(given, dict) or given.get("protocol") != "paper":
            return given
        bins = given.get("bins") or {}
        if isinstance(bins, dict) and bins.get("held_out"):
            raise ValueError("protocol: paper holds nothing out; leave bins.held_out out, or the protocol")
        return {**given, "bins": {**bins, "held_out": 0}} if isinstance(bins, dict) else given

    @property
    def items_from(self) -> str:
        """Where item text comes from, in words."""
        return str(self.items.path) if self.items.path else f"the benchmark {self.benchmark}"

    @model_validator(mode="after")
    def _distinct(self) -> StudyConfig:
        folders = [model.folder for model in self.models]
        if len(set(folders)) < len(folders):
            raise ValueError(f"two models are called {max(folders, key=folders.count)!r}; give each a name of its own")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed occurs twice; each seed is one repeat")
        if self.benchmark is None and self.items.path is None:
            raise ValueError("items.path is needed where no benchmark is named; give either")
        if self.evaluation.backend == "openai" and self.in_context is None:
            raise ValueError(
                "a server of backend openai has none of the models that are trained here; study it with in_context"
            )
        if self.in_context and self.mixtures:
            raise ValueError("mixtures are trained on, but with in_context nothing is; leave one of them out")
        labels = [mixture.label for mixture in self.mixtures]
        if len(set(labels)) < len(labels):
            raise ValueError(f"the mixture {max(labels, key=labels.count)!r} occurs twice; keep one of them")
        return self
