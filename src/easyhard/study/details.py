"""What a study keeps of its calibration's responses, so that its report needs these no more: curves and stability."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from easyhard.atomic import write_parquet
from easyhard.files import write_json
from easyhard.irt.ability_groups import AbilityGroups, ability_groups
from easyhard.irt.diagnostics import stability_curve
from easyhard.report.stability import Stability
from easyhard.responses import read_responses
from easyhard.schema import EasyhardError, ItemBank, Responses
from easyhard.study.record import Step, file_fingerprint, read_record
from easyhard.study.settings import StudyConfig

GROUPS = 8  # of respondents: enough to see the shape of a curve, few enough to have respondents in each
MOST_RESPONSES = 2_000_000  # beyond, stability is left to `easyhard diagnose`: it calibrates up to 200 times


@dataclass(frozen=True, slots=True)
class CalibrationDetails:
    """Respondents in groups of like ability, and how stable the bins are; None where it is not known."""

    groups: AbilityGroups | None
    stability: Stability | None


def calibration_details(config: StudyConfig, bank: ItemBank) -> CalibrationDetails:
    """Details of the calibration in ``config.out``, as they stand there, or made from its responses.

    Empty if these are not where the study says, or are others by now. Stability is only looked into up to
    ``MOST_RESPONSES`` (respondents times items).
    """
    record = read_record(config.out / "calibration")
    if record is None:
        return CalibrationDetails(None, None)
    settings = {"groups": GROUPS, "bins": config.bins.count, "most_responses": MOST_RESPONSES}
    step = Step(config.out / "calibration-details", settings, {"calibration": record["fingerprint"]})
    if not step.is_done:
        responses = _responses(config, record["inputs"].get("responses", ""))
        if responses is None:
            return CalibrationDetails(None, None)
        step.run(lambda folder: _write(folder, responses, bank, config.bins.count))
    return _read(step.folder, config.bins.count)


def _responses(config: StudyConfig, known: str) -> Responses | None:
    """The responses that were calibrated, if they are still there."""
    try:
        if not config.responses.path.is_file() or file_fingerprint(config.responses.path) != known:
            return None
        return read_responses(config.responses.path, config.responses.columns)
    except (EasyhardError, OSError):
        return None  # a report is worth having without


def _write(folder: Path, responses: Responses, bank: ItemBank, count: int) -> None:
    groups = ability_groups(responses, bank, GROUPS)
    number = np.arange(groups.count)
    table = pl.DataFrame({"group": number, "ability": groups.ability, "size": groups.size})
    write_parquet(table, folder / "groups.parquet")
    items = pl.Series(np.repeat(np.arange(len(groups.items)), groups.count))
    counts = {"seen": groups.seen.ravel(), "correct": groups.correct.ravel()}
    long = pl.DataFrame({"item": pl.Series(groups.items).gather(items), "group": np.tile(number, len(groups.items))})
    write_parquet(long.with_columns(**{name: pl.Series(values) for name, values in counts.items()}), folder / _CURVES)
    if responses.correct.size > MOST_RESPONSES:
        return
    try:
        curve = stability_curve(responses.correct, count=count)
    except EasyhardError:
        return  # too few respondents or items to compare calibrations
    write_parquet(curve.frame(), folder / _STABILITY)
    write_json({"reading": curve.reading()}, folder / _READING)


_CURVES, _STABILITY, _READING = "observed_curves.parquet", "stability.parquet", "stability.json"


def _read(folder: Path, count: int) -> CalibrationDetails:
    of_groups, long = pl.read_parquet(folder / "groups.parquet"), pl.read_parquet(folder / _CURVES)
    seen, correct = (long[name].to_numpy().reshape(-1, len(of_groups)) for name in ("seen", "correct"))
    groups = AbilityGroups(
        items=tuple(long["item"].gather_every(len(of_groups))),
        ability=of_groups["ability"].to_numpy(),
        size=of_groups["size"].to_numpy(),
        seen=seen,
        correct=correct,
    )
    if not (folder / _STABILITY).is_file():
        return CalibrationDetails(groups, None)
    reading = json.loads((folder / _READING).read_text(encoding="utf-8"))["reading"]
    return CalibrationDetails(groups, Stability(pl.read_parquet(folder / _STABILITY), reading, count))
