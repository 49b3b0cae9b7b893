"""Responses of zero-shot and trained models, by difficulty bin -> gains, intervals, tests and checks."""

from easyhard.generalization.answer import answer
from easyhard.generalization.checks import run_checks
from easyhard.generalization.distance import DistanceSlope, distance_slope
from easyhard.generalization.facts import RunKey, StudyFacts
from easyhard.generalization.gain import PairedGain, paired_gain
from easyhard.generalization.matrix import TrainedRun, evaluation_items, generalization
from easyhard.generalization.planning import smallest_detectable_gain

__all__ = [
    "DistanceSlope",
    "PairedGain",
    "RunKey",
    "StudyFacts",
    "TrainedRun",
    "answer",
    "distance_slope",
    "evaluation_items",
    "generalization",
    "paired_gain",
    "run_checks",
    "smallest_detectable_gain",
]
