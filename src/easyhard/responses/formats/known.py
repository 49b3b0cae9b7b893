"""The formats of result logs that can be read: a table, tried from the top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from easyhard.responses.formats import (
    every_eval_ever,
    helm,
    inspect_log,
    item_response_warehouse,
    leaderboard_v1,
    lighteval,
    lm_eval,
    long_table,
    py_irt,
    wide_table,
)
from easyhard.responses.log import Asked, FileRead
from easyhard.schema import InputError
from easyhard.wording import did_you_mean, shown, shown_all

HEAD = 65_536  # bytes of a file that tell its format


@dataclass(frozen=True, slots=True)
class Format:
    """One row. ``whole``: each run is meant to have every item of its task, so that holes are a finding."""

    name: str
    matches: Callable[[Path, bytes], bool]
    read: Callable[[Path, Asked], FileRead]
    whole: bool = True


LONG = Format("long", long_table.matches, long_table.read, whole=False)
FORMATS = (  # narrow ones first: what a long table is, any table with its columns is
    Format("lm-eval", lm_eval.matches, lm_eval.read),
    Format("leaderboard-v1", leaderboard_v1.matches, leaderboard_v1.read),
    Format("lighteval", lighteval.matches, lighteval.read),
    Format("inspect", inspect_log.matches, inspect_log.read),
    Format("helm", helm.matches, helm.read),
    Format("every-eval-ever", every_eval_ever.matches, every_eval_ever.read),
    Format("py-irt", py_irt.matches, py_irt.read, whole=False),
    Format("irw", item_response_warehouse.matches, item_response_warehouse.read, whole=False),
    LONG,
    Format("wide", wide_table.matches, wide_table.read, whole=False),
)


def format_of(path: Path) -> Format | None:
    """The format of a file by its content, or None."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}. Check its permissions.") from error
    return next((known for known in FORMATS if known.matches(path, head)), None)


def format_named(name: str) -> Format:
    """The format called ``name``. Raises InputError that lists them for another."""
    names = [known.name for known in FORMATS]
    for known in FORMATS:
        if known.name == name:
            return known
    raise InputError(f"no format is called {shown(name)}; there are {shown_all(names, 20)}.{did_you_mean(name, names)}")
