"""easyhard measures how language models generalise across example difficulty.

The verbs of the command line, as functions. Each loads its room when first used, so that importing easyhard
stays quick and needs neither torch nor a GPU.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from easyhard.benchmarks.item_table import read_items as read_items
    from easyhard.bins import make_bins as make_bins
    from easyhard.irt import calibrate as calibrate
    from easyhard.irt.diagnose import diagnose as diagnose
    from easyhard.responses import read_responses as read_responses
    from easyhard.study import read_config as read_config
    from easyhard.study import run_study as run_study

__version__ = version("easyhard")
__all__ = [
    "calibrate",
    "diagnose",
    "make_bins",
    "read_config",
    "read_items",
    "read_responses",
    "run_study",
]

_ROOMS = {
    "calibrate": "easyhard.irt",
    "diagnose": "easyhard.irt.diagnose",
    "make_bins": "easyhard.bins",
    "read_config": "easyhard.study",
    "read_items": "easyhard.benchmarks.item_table",
    "read_responses": "easyhard.responses",
    "run_study": "easyhard.study",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'easyhard' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
