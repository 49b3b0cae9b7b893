"""Item response theory: from responses to the difficulty of items and the ability of respondents."""

from __future__ import annotations

from easyhard.irt.ability import Ability, estimate_ability
from easyhard.irt.calibration import calibrate
from easyhard.irt.fit_statistics import FitStatistics, fit_statistics
from easyhard.irt.rasch import RaschFit, fit_rasch
from easyhard.irt.simulate import simulate_rasch

__all__ = [
    "Ability",
    "FitStatistics",
    "RaschFit",
    "calibrate",
    "estimate_ability",
    "fit_rasch",
    "fit_statistics",
    "simulate_rasch",
]
