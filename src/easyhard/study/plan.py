"""What a study will do, before it does it: cells, sizes, time, and the smallest gain it can see."""

from __future__ import annotations

import json
import math
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from easyhard.benchmarks import completions
from easyhard.generalization import smallest_detectable_gain
from easyhard.schema import InputError, Items, Responses
from easyhard.sft import n_steps
from easyhard.study.config import StudyConfig

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
    """The plan of a study. Raises InputError if responses and items share too few items."""
    shared = set(responses.items) & set(items.table["item"])
    if len(shared) < 2 * config.bins.count:
        raise InputError(
            f"{len(shared)} of {len(responses.items)} items with responses have text in {config.items.path} "
            f"(first item there: {items.table['item'][0]!r}; with responses: {responses.items[0]!r}). "
            "Use the same item names in both tables."
        )
    per_bin = len(shared) // config.bins.count
    held_out = round(config.bins.held_out * per_bin) if config.bins.held_out else 0
    train_pool = per_bin - held_out
    train_size = min(train_pool, config.training.max_items or train_pool)
    evaluation_size = held_out or per_bin
    n_trainings = len(config.models) * config.bins.count * len(config.seeds)
    prompt, completion, choices = _mean_tokens(items, config)
    return Plan(
        n_respondents=len(responses.respondents),
        n_items=len(shared),
        n_without_text=len(responses.items) - len(shared),
        n_without_responses=items.table.height - len(shared),
        train_pool=train_pool,
        train_size=train_size,
        evaluation_size=evaluation_size,
        n_trainings=n_trainings,
        n_evaluations=n_trainings + len(config.models),
        steps_per_training=n_steps(train_size, config.training),
        training_tokens=config.training.epochs * train_size * (prompt + completion),
        evaluation_tokens=config.bins.count * evaluation_size * (prompt + choices),
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
        config.bins.count * len(config.seeds) * sum(plan.operations(size)) + plan.operations(size)[1] for size in known
    )
    return total / (SHARE_OF_PEAK * multiply_rate())


def parameter_count(path: str) -> int | None:
    """Parameters of a local model, from its safetensors headers or its GGUF size; None if it is not local."""
    local = Path(path)
    if local.suffix == ".gguf" and local.is_file():
        return round(local.stat().st_size * 8 / 5.85)  # Q4_1 with some wider layers; only for the estimate
    counts = [_stored_numbers(file) for file in local.glob("*.safetensors")] if local.is_dir() else []
    return sum(counts) or None


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


def _mean_tokens(items: Items, config: StudyConfig) -> tuple[float, float, float]:
    """Mean tokens of a prompt, of a completion, and of what scoring reads or writes after the prompt."""
    spec = config.questions.spec(config.name, "choices")
    template = len(spec.text("")) + len(spec.system)
    prompt = template + float(items.table["question"].str.len_chars().to_numpy().mean())
    answers = [len(text) for text in completions(items, spec)]
    if items.table["choices"].null_count():
        scored = config.questions.max_new_tokens * CHARACTERS_PER_TOKEN
    else:
        scored = float(np.mean([sum(map(len, row)) for row in items.table["choices"].to_list()]))
    return prompt / CHARACTERS_PER_TOKEN, float(np.mean(answers)) / CHARACTERS_PER_TOKEN, scored / CHARACTERS_PER_TOKEN


def _stored_numbers(file: Path) -> int:
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(min(length, 100_000_000)))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
