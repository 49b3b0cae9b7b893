"""Whether a study's folder still is what its runs wrote, and its figures what its responses say."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.files import write_json
from easyhard.llm import model_fingerprint
from easyhard.schema import EasyhardError, InputError
from easyhard.study.analysis import analyse, intended_input, open_study, recorded_cells, result_tables, tests_and_checks
from easyhard.study.cells import Cell
from easyhard.study.record import RECORD, Step, damage, read_record
from easyhard.study.settings import StudyConfig
from easyhard.study.several import study_folders
from easyhard.study.tables import calibration_step, cut_step, study_items

CLOSE = 1e-9  # what the arithmetic of another machine may change in a figure; on the same one nothing changes
Finding = tuple[Path, str]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at, and what was found to differ.

    ``mismatches``: pairs of a place below the study's folder and a finding. ``notes``: what could not be looked at.
    """

    records: int
    files: int
    mismatches: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    def frame(self) -> pl.DataFrame:
        """One row per mismatch: ``place, finding``."""
        return pl.DataFrame(list(self.mismatches), schema={"place": pl.String, "finding": pl.String}, orient="row")


def verify(folder: Path) -> Verification:
    """Hold a study against its records, its settings and its inputs, and make its matrix anew from its responses.

    Every output is hashed and every fingerprint computed anew. Of several benchmarks, each is held so. Raises
    InputError if ``folder`` is no study.
    """
    found = {place: _verify(place) for place in study_folders(folder).values()}
    return Verification(
        records=sum(one.records for one in found.values()),
        files=sum(one.files for one in found.values()),
        mismatches=tuple(
            (str((place / where).relative_to(folder)), finding)
            for place, one in found.items()
            for where, finding in one.mismatches
        ),
        notes=tuple(note for one in found.values() for note in one.notes),
    )


def _verify(folder: Path) -> Verification:
    config, _, bins, items = open_study(folder)
    places = sorted(path.parent for path in folder.rglob(RECORD) if not _is_hidden(path.relative_to(folder)))
    records = {place: read_record(place) for place in places}
    notes: list[str] = []
    found = [finding for place, record in records.items() for finding in _damage(place, record)]
    found += _origins(config, notes)
    found += _settings(recorded_cells(config, items, bins))
    found += _results(folder, notes)
    known = [record for record in records.values() if record]
    if dropped := sum(len(record.get("dropped", {})) for record in known):
        notes.append(f"{dropped} files of weights were dropped after use, and cannot be hashed.")
    mismatches = tuple((str(place.relative_to(folder)), finding) for place, finding in dict.fromkeys(found))
    return Verification(len(records), sum(len(record["outputs"]) for record in known), mismatches, tuple(notes))


def _is_hidden(record: Path) -> bool:
    """Whether a record is that of a step that is still being worked on."""
    return any(part.startswith(".") for part in record.parts)


def _damage(place: Path, record: dict[str, Any] | None) -> list[Finding]:
    found = damage(place, record, math.inf) if record else [f"{RECORD} cannot be read"]
    return [(place, finding) for finding in found]


def _origins(config: StudyConfig, notes: list[str]) -> Iterator[Finding]:
    """What a study was made of, as far as it is still there, and is something else by now."""
    try:
        calibration = calibration_step(config)
        yield from _objections(calibration)
        yield from _objections(cut_step(config, study_items(config)[0], calibration))
    except EasyhardError as error:
        notes.append(f"What the study was made of cannot be looked at: {error}")
    yield from _intended(config, notes)
    for model in config.models:
        place = config.out / "models" / model.folder / "zero-shot"
        record = read_record(place)
        if not Path(model.path).exists():
            notes.append(f"The weights of {model.label} are not here ({model.path}), and cannot be hashed.")
        elif record and record["inputs"].get("model") != model_fingerprint(model.path, model.revision):
            yield place, f"{model.path} holds other weights than those that were evaluated"


def _intended(config: StudyConfig, notes: list[str]) -> Iterator[Finding]:
    """A report that holds the difficulties against others than the study names, or against none."""
    record = read_record(config.out / "report")
    try:
        now = intended_input(config).get("intended")
    except InputError as error:
        notes.append(f"The bank of intended difficulties cannot be looked at: {error}")
        return
    if record and record["inputs"].get("intended") != now:
        yield config.out / "report", "it was made with another bank of intended difficulties than the study has now"


def _settings(cells: list[Cell]) -> Iterator[Finding]:
    """Cells that were made with other settings or inputs than the study has now."""
    for cell in cells:
        for step in (cell.train, cell.evaluate):
            if step is not None:
                yield from _objections(step)


def _objections(step: Step) -> Iterator[Finding]:
    record = read_record(step.folder)
    if record is not None and not damage(step.folder, record) and (objection := step.objection):
        yield step.folder, f"it was made otherwise than the study says now: {objection}"


def _results(folder: Path, notes: list[str]) -> Iterator[Finding]:
    """Where the stored matrix and tests are not those that the stored responses make."""
    place = folder / "generalization"
    if not place.is_dir():
        notes.append("There is no matrix yet to compare.")
        return
    try:
        matrix, answer = analyse(folder)
    except EasyhardError as error:
        yield place, f"it cannot be made anew: {error}"
        return
    for name, table in result_tables(matrix).items():
        if why := _difference(_stored(pl.read_parquet, place / name), table):
            yield place, f"{name} is not what the responses say: {why}"
    with tempfile.TemporaryDirectory() as temporary:
        anew = Path(temporary, "tests.json")
        write_json(tests_and_checks(matrix, answer), anew)
        if not _alike(_stored(_json, place / "tests.json"), _json(anew)):
            yield place, "tests.json is not what the responses say"


def _stored(read: Callable[[Path], Any], file: Path) -> Any:
    try:
        return read(file)
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return None


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _difference(stored: pl.DataFrame | None, anew: pl.DataFrame) -> str:
    """How two tables differ, beyond rounding; empty if they do not."""
    if stored is None:
        return "it cannot be read"
    if stored.schema != anew.schema or stored.height != anew.height:
        return "it has other rows or columns"
    differing = [name for name in anew.columns if not _alike(stored[name].to_list(), anew[name].to_list())]
    return f"{', '.join(differing)} differ" if differing else ""


def _alike(one: Any, other: Any) -> bool:
    """Whether two values of JSON are the same, but for the rounding of figures."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)
