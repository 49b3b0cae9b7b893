"""What a study will do, before it does it: cells, sizes, time, and the smallest gain it can see."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from easyhard.benchmarks import BenchmarkSpec, candidates, completions, prompts
from easyhard.bins import held_out_size
from easyhard.generalization import smallest_detectable_gain
from easyhard.irt.checks import check_fittable
from easyhard.schema import InputError, Items, Responses
from easyhard.sft import n_steps
from easyhard.study.cells import benchmark
from easyhard.study.model_files import stored_shapes
from easyhard.study.settings import StudyConfig
from easyhard.study.tables import read_intended
from easyhard.wording import did_you_mean

CHARACTERS_PER_TOKEN = 3.5  # of English and numbers with common tokenizers; only for the estimate of time
SHARE_OF_PEAK = 0.35  # of the measured matrix-multiply rate that small models reach; measured on two CPU cores


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of a study. Token and operation counts are estimates, the other counts are exact."""

    n_respondents: int
    n_items: int  # with both responses and text
    n_without_text: int  # calibrated, but in no bin
    n_without_responses: int  # left out
    train_pool: int  # smallest train split of a bin
    train_size: int  # items each training sees, the same in every bin
    evaluation_size: int  # items of the smallest bin's evaluation split
    n_trainings: int
    n_evaluations: int
    steps_per_training: int
    training_tokens: float  # of one training
    evaluation_tokens: float  # of one evaluation of all bins
    detectable_gain: float  # of one cell, in proportion correct

    def operations(self, parameters: float) -> tuple[float, float]:
        """Floating-point operations of one training and of one evaluation of a model of that size."""
        forward = 2 * parameters
        return 2 * forward * self.training_tokens, forward * self.evaluation_tokens


def make_plan(config: StudyConfig, responses: Responses, items: Items) -> Plan:
    """The plan of a study.

    Raises InputError for what would stop it later: a model or a bank that is not there, responses that cannot be
    calibrated, too few items with both responses and text, or items that lack what the settings need.
    """
    _refuse_absent_models(config)
    read_intended(config)
    check_fittable(responses.correct)
    shared = set(responses.items) & set(items.table["item"])
    _refuse_too_few(shared, config, responses, items)
    _refuse_no_choices(shared, config, items)
    both = items.select(sorted(shared))
    spec = benchmark(config, both)  # refuses a scoring that the answers do not fit
    per_bin = len(shared) // config.bins.count
    held_out = held_out_size(per_bin, config.bins.held_out)
    train_pool = per_bin - held_out
    train_size = min(train_pool, config.training.max_items or train_pool)
    evaluation_size = held_out or per_bin
    rows = len(config.models) * len(config.seeds) * (config.bins.count + len(config.mixtures))
    n_trainings = 0 if config.in_context else rows
    prompt, completion, choices = _mean_tokens(both, spec)
    before = min(config.in_context.examples, train_pool) * (prompt + completion) if config.in_context else 0.0
    return Plan(
        n_respondents=len(responses.respondents),
        n_items=len(shared),
        n_without_text=len(responses.items) - len(shared),
        n_without_responses=items.table.height - len(shared),
        train_pool=train_pool,
        train_size=train_size,
        evaluation_size=evaluation_size,
        n_trainings=n_trainings,
        n_evaluations=rows + len(config.models),
        steps_per_training=n_steps(train_size, config.training),
        training_tokens=config.training.epochs * train_size * (prompt + completion),
        evaluation_tokens=config.bins.count * evaluation_size * (before + prompt + choices),
        detectable_gain=smallest_detectable_gain(evaluation_size, n_seeds=len(config.seeds)),
    )


def time_estimate(plan: Plan, config: StudyConfig) -> float | None:
    """Seconds the whole study takes on this machine's CPU, within a factor of two or so.

    From the operations it needs and the rate at which this machine multiplies matrices. None if a model's
    size cannot be seen without fetching it.
    """
    sizes = [parameter_count(model.path) for model in config.models]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    total = sum(
        plan.n_trainings * plan.operations(size)[0] + plan.n_evaluations * plan.operations(size)[1] for size in known
    ) / len(known)
    return total / (SHARE_OF_PEAK * multiply_rate())


def parameter_count(path: str) -> int | None:
    """Parameters of a local model, from its safetensors headers or its GGUF size; None if it is not local."""
    local = Path(path)
    if local.suffix == ".gguf" and local.is_file():
        return round(local.stat().st_size * 8 / 5.85)  # Q4_1 with some wider layers; only for the estimate
    return sum(math.prod(shape) for shape in stored_shapes(local).values()) or None


def multiply_rate() -> float:
    """Floating-point operations a second of a float32 matrix product here; takes about a tenth of a second."""
    left = np.ones((512, 576), dtype=np.float32)
    right = np.ones((576, 1536), dtype=np.float32)
    left @ right
    start, repeats = time.perf_counter(), 0
    while time.perf_counter() - start < 0.1:
        left @ right
        repeats += 1
    return repeats * 2 * left.shape[0] * left.shape[1] * right.shape[1] / (time.perf_counter() - start)


def _refuse_absent_models(config: StudyConfig) -> None:
    """Raise InputError for a model that should be on this disk, and is not. A hub name is left to the hub."""
    for path in (Path(model.path) for model in config.models):
        saved = path if path.suffix == ".gguf" else path / "config.json"
        if not path.is_absolute() or saved.is_file():
            continue
        near = did_you_mean(path.name, (entry.name for entry in path.parent.glob("*")))
        finding = "has no config.json, so it is not a saved model." if path.exists() else f"does not exist.{near}"
        raise InputError(
            f"model path {str(path)!r} {finding} "
            "Give a folder made by save_pretrained, a .gguf file, or a hub name such as org/model."
        )


def _refuse_too_few(shared: set[str], config: StudyConfig, responses: Responses, items: Items) -> None:
    """Raise InputError unless every bin gets an item to train on and one to evaluate on."""
    count = config.bins.count
    if len(shared) >= 2 * count:
        return
    largest = len(shared) // 2
    fewer = f"set bins.count to {largest} or fewer" if largest >= 2 else "add items"
    if len(shared) == min(len(responses.items), items.table.height):
        raise InputError(
            f"{count} bins need 2 items each, {2 * count} in all, but {len(shared)} items have both responses in "
            f"{config.responses.path} and text in {config.items_from}. {fewer[0].upper()}{fewer[1:]}."
        )
    raise InputError(
        f"{len(shared)} of {len(responses.items)} items with responses have text in {config.items_from} "
        f"(first item there: {items.table['item'][0]!r}; with responses: {responses.items[0]!r}), but {count} bins "
        f"need {2 * count}. Use the same item names in both tables, or {fewer}."
    )


def _refuse_no_choices(shared: set[str], config: StudyConfig, items: Items) -> None:
    without = items.table.filter(pl.col("item").is_in(list(shared)) & pl.col("choices").is_null())["item"]
    if config.questions.scoring == "choices" and len(without):
        raise InputError(
            f"{len(without)} of {len(shared)} items have no choices in {config.items_from} (first: {without[0]!r}), "
            "but questions.scoring is choices. Add choices, or set questions.scoring to last_number or exact."
        )


def _mean_tokens(items: Items, spec: BenchmarkSpec) -> tuple[float, float, float]:
    """Mean tokens of a prompt, of a completion, and of what scoring reads or writes after the prompt."""
    prompt = len(spec.system or "") + _mean_length(prompts(items, spec))
    completion = _mean_length(completions(items, spec))
    if spec.scoring == "choices":
        scored = _mean_length(["".join(row) for row in candidates(items, spec)])
    else:
        scored = spec.max_new_tokens * CHARACTERS_PER_TOKEN
    return prompt / CHARACTERS_PER_TOKEN, completion / CHARACTERS_PER_TOKEN, scored / CHARACTERS_PER_TOKEN


def _mean_length(texts: Sequence[str]) -> float:
    return float(np.mean([len(text) for text in texts]))
