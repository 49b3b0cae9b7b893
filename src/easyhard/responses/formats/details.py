"""What the Parquet files of per-example details have in common: their names, their columns, and their one run."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from easyhard.benchmarks.known_tasks import asked_item
from easyhard.responses.log import Asked, ChoiceNeeded, FileRead, NotDichotomous, Run, correct_of, refuse_graded
from easyhard.schema import MISSING, InputError
from easyhard.tabular import read_errors, refuse_no_file
from easyhard.wording import shown, shown_all

MAGIC = b"PAR1"  # the first and the last four bytes of a Parquet file
KIND = "details in Parquet"
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)[-:_](\d\d)[-:_](\d\d(?:\.\d+)?)")
NUMPY = re.compile(r"\b(?:np|numpy)\.\w+\(([^()]*)\)")
NAN = re.compile(r"\bnan\b")
REPOSITORY = re.compile(r"(?:^|--)details_(?P<model>.+?)(?:_private|_public)?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sample:
    """One row: ``question`` is None where the row has none; ``score`` as the file has it."""

    question: str | None
    answer: str
    wrong: Sequence[str]
    source_id: str
    score: Any


def schema_of(path: Path) -> pl.Schema | None:
    """Names and types of the columns of a Parquet file that seems whole; None for anything else."""
    try:
        return checked_schema(path)
    except InputError:
        return None


def checked_schema(path: Path) -> pl.Schema:
    """Names and types of the columns. Raises InputError for a file that is no Parquet, or only its beginning."""
    with read_errors(path, KIND):
        refuse_no_file(path)
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(max(path.stat().st_size - 4, 0))
            tail = file.read(4)
        if head != MAGIC or tail != MAGIC:  # spares the parser what was cut off on its way
            raise InputError(
                f"{path} is not a whole Parquet file: its first or last four bytes are not PAR1. Get it anew."
            )
        return pl.scan_parquet(path, glob=False).collect_schema()


def rows_of(path: Path, columns: Mapping[str, pl.Expr]) -> list[dict[str, Any]]:
    """Those columns only, under the names given, one mapping a row."""
    with read_errors(path, KIND):
        picked = pl.scan_parquet(path, glob=False).select(*(column.alias(name) for name, column in columns.items()))
        return picked.collect().to_dicts()


def is_score(kind: Any) -> bool:
    """Can a column of this type say what is correct?"""
    return bool(kind.is_numeric() or kind in (pl.Boolean, pl.String, pl.List(pl.Boolean)))


def task_of(path: Path) -> str:
    """The task in ``details_<task>_<time>.parquet``; without such a name, the file's own."""
    stem = path.name.removesuffix(".parquet").removeprefix("details_")
    found = TIME.search(stem)
    return (stem[: found.start()].rstrip("_") if found else stem) or path.stem


def started_of(path: Path) -> str:
    """When the run began, from the file's name or its folder's, with colons; "" if neither says."""
    for name in (path.name, path.parent.name):
        found = TIME.search(name)
        if found:
            return ":".join(found.groups())
    return ""


def respondent_of(path: Path, asked: Asked) -> str:
    """The model, from the folders' names, else the results of the same run, else ``asked``; else InputError."""
    found = _from_repository(path) or _from_folders(path) or _from_results(path) or asked.respondent
    if found:
        return found
    raise ChoiceNeeded(
        f"{path} does not say which model it is of: no folder above it is called details_ORG__MODEL, "
        "and there is no results_TIME.json of the same run beside it. Name the model: --respondent ORG/MODEL."
    )


def _from_repository(path: Path) -> str | None:
    for folder in path.absolute().parts[-2::-1]:
        found = REPOSITORY.search(folder)
        if found:
            return model_name(found["model"].replace("__", "/", 1))
    return None


def _from_folders(path: Path) -> str | None:
    """``details/<model>/<time>/``: a model's name may be two folders."""
    folders = path.absolute().parts[:-1]
    if "details" not in folders or not TIME.fullmatch(folders[-1]):
        return None
    after = len(folders) - folders[::-1].index("details")
    return model_name("/".join(folders[after:-1]))


class _General(msgspec.Struct):
    model_name: str | None = None


class _Results(msgspec.Struct):
    config_general: _General


def _from_results(path: Path) -> str | None:
    for folder in (path.parent, path.parent.parent):
        for file in sorted(folder.glob("results_*.json")):
            if started_of(path) == started_of(file):
                try:
                    name = msgspec.json.decode(file.read_bytes(), type=_Results).config_general.model_name
                except (msgspec.MsgspecError, OSError, UnicodeDecodeError, RecursionError):
                    continue
                if name and model_name(name):
                    return model_name(name)
    return None


def model_name(text: str) -> str | None:
    """``org/name`` on one line; of what is a path its last part only; None if nothing is left."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    parts = [part for part in re.split(r"[/\\]", line) if part not in ("", ".", "..")]
    is_path = line[:1] in ("/", ".", "~") or "\\" in line or len(parts) > 2
    return ("/".join(parts[-1:] if is_path else parts)) or None


def listed(value: Any) -> list[Any]:
    """A list, also where it was written as text; one value as a list of one; None as none."""
    if isinstance(value, str):
        value = _literal(value)
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def mapping(text: Any) -> dict[str, Any]:
    """A mapping that was written as text, numbers of numpy and NaN in it too; what is none is empty."""
    plain = NAN.sub("None", NUMPY.sub(r"\1", text)) if isinstance(text, str) else ""
    try:
        found = ast.literal_eval(plain)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}


def _literal(text: str) -> Any:
    if not text.lstrip().startswith(("[", "(")):
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text


def right_and_wrong(choices: Sequence[Any], gold: Sequence[Any]) -> tuple[str, list[str]]:
    """Text of the right answers and of the other choices; ``gold`` are places from 0, or texts."""
    places = {place for one in gold if (place := _place(one, len(choices))) is not None}
    if not places:
        return "\n".join(sorted(str(one).strip() for one in gold)), [str(choice) for choice in choices]
    right = sorted(str(choices[place]).strip() for place in places)
    return "\n".join(right), [str(choice) for place, choice in enumerate(choices) if place not in places]


def _place(value: Any, count: int) -> int | None:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,6}(\.0)?", text):
        return None
    place = int(float(text))
    return place if place < count else None


def fill(
    into: FileRead, path: Path, asked: Asked, task: str, known_as: str, metric: str, samples: Sequence[Sample]
) -> None:
    """Add the run that ``samples`` are, of a task that goes as ``known_as`` among the known ones.

    A row without question or score, and every row of an item that occurs twice, is noted as broken: of two that
    claim to be one item, nobody knows which one is.
    """
    into.rows += len(samples)
    codes = _codes(into, samples, asked, metric)
    items = [asked_item(known_as, one.question, one.answer, one.wrong) if one.question else "" for one in samples]
    often = Counter(items)
    kept = []
    for row, (sample, item, code) in enumerate(zip(samples, items, codes, strict=True)):
        if code is None:
            continue  # noted already, and a row is broken once
        if not sample.question:
            into.broke(row + 1, "the row has no text that says which example it is")
        elif often[item] > 1:
            into.broke(row + 1, f"the example occurs {often[item]} times in the file")
        else:
            kept.append((item, sample.source_id, code))
    if kept:
        correct = pl.Series([code for _, _, code in kept], dtype=pl.Int8).to_numpy()
        names, sources = [item for item, _, _ in kept], [source for _, source, _ in kept]
        model = respondent_of(path, asked)
        run = Run(model, task, started_of(path), str(path), metric, names, sources, [0] * len(kept), correct)
        into.runs.append(run)


def _codes(into: FileRead, samples: Sequence[Sample], asked: Asked, metric: str) -> list[int | None]:
    """1, 0, MISSING, or None for a score that is neither, which is noted; InputError if most are."""
    codes: list[int | None] = []
    findings: dict[int, str] = {}
    for row, sample in enumerate(samples):
        try:
            codes.append(correct_of(sample.score, asked.threshold))
        except NotDichotomous as error:
            refuse_graded(sample.score, asked, into.file)
            codes.append(None)
            findings[row + 1] = str(error)
    scored = sum(code != MISSING for code in codes)
    if findings and 2 * len(findings) > scored:
        first = next(iter(findings.values()))
        raise ChoiceNeeded(
            f"{into.file}: {len(findings)} of {len(samples)} values of {shown(metric)} are not right or wrong "
            f"({first}). Choose another --metric, or say from where on a score is correct: --threshold 0.5."
        )
    for line, finding in findings.items():
        into.broke(line, finding)
    return codes


def other_columns(path: Path, schema: pl.Schema, expected: str) -> InputError:
    """That a Parquet file has not the columns of the format."""
    return InputError(
        f"{path} has the columns {shown_all(schema.names())}, but {expected} are needed. Give another file."
    )
