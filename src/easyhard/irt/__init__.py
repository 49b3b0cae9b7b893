"""Item response theory: from responses to the difficulty of items and the ability of respondents."""

from __future__ import annotations

from easyhard.irt.ability import Ability, estimate_ability
from easyhard.irt.calibration import calibrate
from easyhard.irt.conditional import ConditionalFit, fit_conditional
from easyhard.irt.connected import Islands, islands
from easyhard.irt.item_fit import MeanSquares, mean_squares
from easyhard.irt.item_model import AbilityShape, ItemModel, ModelName
from easyhard.irt.joint import JointFit, fit_joint
from easyhard.irt.linking import Link, link_banks
from easyhard.irt.near_copies import NearCopies, near_copies
from easyhard.irt.population import Population, normal_population
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.irt.rasch import fit_rasch
from easyhard.irt.sharded import Shard, fit_2pl_sharded, fit_rasch_sharded
from easyhard.irt.simulate import simulate_rasch
from easyhard.irt.two_parameter import fit_2pl

__all__ = [
    "Ability",
    "AbilityShape",
    "ConditionalFit",
    "Islands",
    "ItemModel",
    "JointFit",
    "Link",
    "MeanSquares",
    "ModelName",
    "NearCopies",
    "Population",
    "Posterior",
    "Shard",
    "calibrate",
    "estimate_ability",
    "fit_2pl",
    "fit_2pl_sharded",
    "fit_conditional",
    "fit_joint",
    "fit_rasch",
    "fit_rasch_sharded",
    "islands",
    "link_banks",
    "mean_squares",
    "near_copies",
    "normal_population",
    "posterior_of",
    "simulate_rasch",
]
