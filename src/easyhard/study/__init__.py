"""A whole study, from one file to its report. The only room that knows the order of things."""

from easyhard.study.analysis import analyse, open_study, read_analysis, write_results
from easyhard.study.config import read_config
from easyhard.study.executor import Machines
from easyhard.study.plan import Plan, make_plan, time_estimate
from easyhard.study.progress import StudyProgress, duration
from easyhard.study.run import SeveralOutcome, StudyOutcome, require_llm, run_studies, run_study
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
from easyhard.study.several import Studies, read_studies, study_folders
from easyhard.study.space import Space, size_words, space_needed
from easyhard.study.state import Selection
from easyhard.study.status import StudyStatus, status, study_status
from easyhard.study.tables import read_inputs
from easyhard.study.verify import Verification, verify

__all__ = [
    "BinsConfig",
    "InContextConfig",
    "ItemsConfig",
    "Machines",
    "MixtureConfig",
    "ModelConfig",
    "Plan",
    "QuestionConfig",
    "Selection",
    "SeveralOutcome",
    "Space",
    "Studies",
    "StudyConfig",
    "StudyOutcome",
    "StudyProgress",
    "StudyStatus",
    "TableConfig",
    "Verification",
    "analyse",
    "duration",
    "make_plan",
    "open_study",
    "read_analysis",
    "read_config",
    "read_inputs",
    "read_studies",
    "require_llm",
    "run_studies",
    "run_study",
    "size_words",
    "space_needed",
    "status",
    "study_folders",
    "study_status",
    "time_estimate",
    "verify",
    "write_results",
]
