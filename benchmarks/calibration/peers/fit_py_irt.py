"""Adapter for py-irt: the 1pl and 2pl models by variational inference, hierarchical priors, 2,000 epochs.

Under 2PL with its initializer "difficulty_sign", made against solutions whose signs are mixed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyro
import torch
from adapter import Estimate, main
from ordered_set import OrderedSet
from py_irt.config import IrtConfig
from py_irt.dataset import Dataset
from py_irt.training import IrtModelTrainer

SEED = 42  # what its own command for training and evaluating sets by default


def prepare(correct: Any, model: str) -> Callable[[], Estimate]:
    """One entry for each response seen, as ``Dataset.from_jsonlines`` would build it."""
    dataset = _dataset(correct)
    name, initializers = {"rasch": ("1pl", None), "2pl": ("2pl", ["difficulty_sign"])}[model]
    config = IrtConfig(model_type=name, priors="hierarchical", epochs=2000, initializers=initializers)
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - py-irt draws from the global state
    torch.manual_seed(SEED)
    pyro.set_rng_seed(SEED)

    def fit() -> Estimate:
        trainer = IrtModelTrainer(config=config, data_path=Path(), dataset=dataset, verbose=False)
        trainer.train(device="cpu")
        return _estimate(trainer.best_params, model)  # what its own evaluation reads: of the epoch with least loss

    return fit


def _dataset(correct: Any) -> Dataset:
    respondents, items = np.nonzero(correct >= 0)
    names = [[f"{kind}{at}" for at in range(count)] for kind, count in zip("ri", correct.shape, strict=True)]
    return Dataset(
        item_ids=OrderedSet(names[1]),
        subject_ids=OrderedSet(names[0]),
        item_id_to_ix={name: at for at, name in enumerate(names[1])},
        ix_to_item_id=dict(enumerate(names[1])),
        subject_id_to_ix={name: at for at, name in enumerate(names[0])},
        ix_to_subject_id=dict(enumerate(names[0])),
        observation_subjects=respondents.tolist(),
        observation_items=items.tolist(),
        observations=correct[respondents, items].astype(float).tolist(),
        training_example=[True] * len(items),
    )


def _estimate(found: dict[str, Any], model: str) -> Estimate:
    difficulty, ability = np.array(found["diff"]), np.array(found["ability"])
    if model == "rasch":
        return Estimate(difficulty)
    discrimination = np.array(found["disc"])
    # Turning all signs changes no probability; version 0.6.5 lets discrimination be negative.
    sign = 1.0 if np.median(discrimination) > 0 else -1.0
    return Estimate(
        sign * difficulty,
        discrimination=sign * discrimination,
        ability_mean=float(sign * ability.mean()),
        ability_sd=float(ability.std()),
        remarks=() if sign > 0 else ("all signs turned: it came out mirrored",),
    )


if __name__ == "__main__":
    main("py-irt", prepare)
