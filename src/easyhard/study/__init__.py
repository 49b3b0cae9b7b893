"""A whole study, from one file to its report. The only room that knows the order of things."""

from easyhard.study.analysis import analyse, open_study, status, write_results
from easyhard.study.config import read_config
from easyhard.study.plan import Plan, make_plan, time_estimate
from easyhard.study.progress import StudyProgress, duration
from easyhard.study.run import StudyOutcome, read_inputs, require_llm, run_study
from easyhard.study.settings import (
    BinsConfig,
    InContextConfig,
    ItemsConfig,
    MixtureConfig,
    ModelConfig,
    QuestionConfig,
    StudyConfig,
    TableConfig,
)

__all__ = [
    "BinsConfig",
    "InContextConfig",
    "ItemsConfig",
    "MixtureConfig",
    "ModelConfig",
    "Plan",
    "QuestionConfig",
    "StudyConfig",
    "StudyOutcome",
    "StudyProgress",
    "TableConfig",
    "analyse",
    "duration",
    "make_plan",
    "open_study",
    "read_config",
    "read_inputs",
    "require_llm",
    "run_study",
    "status",
    "time_estimate",
    "write_results",
]
