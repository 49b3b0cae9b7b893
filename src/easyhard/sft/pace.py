"""Which examples each step learns from, and at which learning rate: the same in both engines."""

from __future__ import annotations

import math
from collections.abc import Iterator

from easyhard.chance import cell_rng
from easyhard.sft.config import TrainingConfig


def batches(n_items: int, config: TrainingConfig, seed: int) -> Iterator[list[int]]:
    """The examples of every step: one permutation an epoch, drawn by ``seed``, or as they stand; cut into batches."""
    rng = cell_rng(seed, "training-order")
    for _ in range(config.epochs):
        order = rng.permutation(n_items) if config.order == "shuffled" else range(n_items)
        for start in range(0, n_items, config.batch_size):
            yield [int(i) for i in order[start : start + config.batch_size]]


def rate_factor(step: int, total: int, config: TrainingConfig) -> float:
    """Factor of the learning rate at a step counted from 0, as transformers' schedules have it.

    A linear warm-up that starts at 0, so that the first step moves nothing, then a cosine or a line to 0 or
    a constant.
    """
    warmup = math.ceil(config.warmup_ratio * total)
    if step < warmup:
        return step / warmup
    done = (step - warmup) / max(1, total - warmup)
    return {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[config.schedule]
