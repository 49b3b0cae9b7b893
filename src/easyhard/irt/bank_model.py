"""An item bank as a model again: for the ability of respondents that did not calibrate it."""

from __future__ import annotations

import numpy as np

from easyhard.irt.item_model import ItemModel
from easyhard.irt.population import normal_population
from easyhard.schema import InputError, ItemBank


def bank_model(bank: ItemBank) -> ItemModel:
    """The items of ``bank`` with a normal ability distribution of its calibration's mean and standard deviation.

    In the order of ``bank.table``. Items that everybody or nobody solved keep the finite difficulty of the bank.
    Raises InputError for a calibration of another kind than Rasch and 2PL.
    """
    calibration = bank.calibration
    if calibration.model not in ("rasch", "2pl"):
        raise InputError(f"the bank was calibrated as {calibration.model!r}, which is neither rasch nor 2pl.")
    columns = ("difficulty", "standard_error", "discrimination")
    difficulty, error, discrimination = (bank.table[name].cast(float).to_numpy() for name in columns)
    return ItemModel(
        name="rasch" if calibration.model == "rasch" else "2pl",
        difficulty=difficulty,
        standard_error=error,
        discrimination=discrimination,
        discrimination_error=np.zeros(len(difficulty)),  # a bank does not keep it
        populations=(normal_population(calibration.ability_mean, calibration.ability_sd),),
        log_likelihood=calibration.log_likelihood,
        n_parameters=0,
        iterations=calibration.iterations,
        converged=True,
        convergence=calibration.convergence,
    )
