"""Is the model true? One file per question; each answers with a table and a reading in plain words."""

from __future__ import annotations

from easyhard.irt.diagnostics.dimensionality import Dimensionality, dimensionality
from easyhard.irt.diagnostics.item_fit import ItemFit, item_fit
from easyhard.irt.diagnostics.local_dependence import LocalDependence, local_dependence
from easyhard.irt.diagnostics.mislabelled import Mislabelled, mislabelled
from easyhard.irt.diagnostics.reliability import Reliability, Separation, reliability
from easyhard.irt.diagnostics.s_x2 import ItemChiSquare, s_x2

__all__ = [
    "Dimensionality",
    "ItemChiSquare",
    "ItemFit",
    "LocalDependence",
    "Mislabelled",
    "Reliability",
    "Separation",
    "dimensionality",
    "item_fit",
    "local_dependence",
    "mislabelled",
    "reliability",
    "s_x2",
]
