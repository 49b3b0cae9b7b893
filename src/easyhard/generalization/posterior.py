"""What an estimated difficulty says of the true one, given that all others are estimated too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from easyhard.irt.item_model import ItemModel
from easyhard.schema import FloatArray


def difficulty_posterior(estimate: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each item's difficulty, given its estimate and that of all others: [items] each.

    Normal, with the estimates' own distribution, less their errors, as the prior. An item of the bin of the hardest
    is more often there by an error upwards than by one downwards; the mean takes that back.
    """
    mean, total = float(estimate.mean()), float(estimate.var())
    true = max(total - float((error**2).mean()), 0.0)
    share = true / np.maximum(true + error**2, 1e-300)  # all 0: one difficulty, known without error
    return mean + share * (estimate - mean), error * np.sqrt(share)


def allowing_for_errors(model: ItemModel) -> ItemModel:
    """The model whose probabilities are those of ``model`` averaged over what its items' difficulties may be.

    The average of a logistic curve over a normal is nearly a flatter logistic curve: MacKay (1992), Neural Computation
    4(5), 720-736.
    """
    mean, spread = difficulty_posterior(model.difficulty, model.standard_error)
    flatter = np.sqrt(1 + np.pi / 8 * (model.discrimination * spread) ** 2)
    return replace(model, difficulty=mean, discrimination=model.discrimination / flatter)
