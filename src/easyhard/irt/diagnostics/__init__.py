"""Is the model true? One file per question; each answers with a table and a reading in plain words."""

from __future__ import annotations

from easyhard.irt.diagnostics.comparison import ModelComparison, compare_models
from easyhard.irt.diagnostics.dif import DifferentialFunctioning, differential_functioning, ets_class
from easyhard.irt.diagnostics.dimensionality import Dimensionality, dimensionality
from easyhard.irt.diagnostics.item_fit import ItemFit, item_fit
from easyhard.irt.diagnostics.local_dependence import LocalDependence, local_dependence
from easyhard.irt.diagnostics.mislabelled import Mislabelled, mislabelled
from easyhard.irt.diagnostics.reliability import Reliability, Separation, reliability
from easyhard.irt.diagnostics.s_x2 import ItemChiSquare, s_x2
from easyhard.irt.diagnostics.stability import SplitHalf, StabilityCurve, split_half, stability_curve
from easyhard.irt.diagnostics.stability_plan import PlannedStability, plan_stability
from easyhard.irt.diagnostics.stability_prediction import (
    StabilityPrediction,
    bin_probabilities,
    predict_stability,
)

__all__ = [
    "DifferentialFunctioning",
    "Dimensionality",
    "ItemChiSquare",
    "ItemFit",
    "LocalDependence",
    "Mislabelled",
    "ModelComparison",
    "PlannedStability",
    "Reliability",
    "Separation",
    "SplitHalf",
    "StabilityCurve",
    "StabilityPrediction",
    "bin_probabilities",
    "compare_models",
    "differential_functioning",
    "dimensionality",
    "ets_class",
    "item_fit",
    "local_dependence",
    "mislabelled",
    "plan_stability",
    "predict_stability",
    "reliability",
    "s_x2",
    "split_half",
    "stability_curve",
]
