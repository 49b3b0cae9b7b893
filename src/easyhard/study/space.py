"""How much room a study takes on disk, before it does."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from easyhard.study.model_files import stored_shapes
from easyhard.study.plan import Plan
from easyhard.study.settings import StudyConfig

BYTES = 4  # of a number of what was trained, in float32
PER_RESPONSE = 100  # bytes of responses and answers an item, by the example study; generated text comes on top
NOT_ADAPTED = ("embed", "lm_head", "wte", "wpe")  # tables of tokens, which adapters on all linear layers leave out


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that a study keeps, at most holds while cells are at work, and finds free. None: cannot be said here."""

    kept: int | None
    at_work: int | None  # besides what is kept: weights that are dropped once they are evaluated
    free: int


def space_needed(plan: Plan, config: StudyConfig, workers: int = 1) -> Space:
    """The room for the weights and responses of a study; not what transformers' logs or lm-eval's samples take."""
    free = shutil.disk_usage(next(one for one in (config.out, *config.out.parents) if one.is_dir())).free
    sizes = [weight_bytes(model.path, config) for model in config.models]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) and plan.n_trainings:
        return Space(None, None, free)
    responses = plan.n_evaluations * config.bins.count * plan.evaluation_size * PER_RESPONSE
    weights = sum(known) * plan.n_trainings // len(config.models) if plan.n_trainings else 0
    whole = config.training.method == "full"
    keeps = config.keep == "all" or (config.keep == "adapter" and not whole)
    if keeps:
        return Space(responses + weights, 0, free)
    return Space(responses, max(known, default=0) * workers, free)


def weight_bytes(path: str, config: StudyConfig) -> int | None:
    """Bytes of one training of the model: a whole checkpoint or an adapter; None if the model is not local."""
    shapes = stored_shapes(Path(path))
    if not shapes:
        return None
    if config.training.method == "full":
        return BYTES * sum(math.prod(shape) for shape in shapes.values())
    adapted = [
        shape for name, shape in shapes.items() if len(shape) == 2 and not any(part in name for part in NOT_ADAPTED)
    ]
    return BYTES * config.training.rank * sum(sum(shape) for shape in adapted)


def size_words(size: float) -> str:
    """``820 kB``, ``3.1 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
