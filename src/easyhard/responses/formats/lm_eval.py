"""Sample logs of lm-evaluation-harness (``--log_samples``), versions 0.4.0 on, and of the leaderboard that runs it.

Logs are long, for every row has its whole prompt, and models are many, but their items are the same. So only the
fields needed are decoded, and a document that was seen before is known by its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from easyhard.benchmarks.known_tasks import item_of, known_task, whole_item
from easyhard.responses.formats.lm_eval_filters import Filters, IntegerArray, KeptRows, filters_of
from easyhard.responses.formats.lm_eval_results import NAME, Origin, origin_of, respondent_of
from easyhard.responses.formats.lm_eval_rows import Row, rows_of
from easyhard.responses.log import (
    Asked,
    ChoiceNeeded,
    FileRead,
    NotDichotomous,
    Run,
    Threshold,
    chosen_filter,
    chosen_metric,
    codes_of,
    correct_of,
    refuse_graded,
)
from easyhard.schema import InputError, IntArray
from easyhard.tabular import BYTE_ORDER_MARK, refuse_no_file
from easyhard.wording import counted, shown

FIRST = 16  # rows that show which metrics a log has
NOT_METRICS = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
NOT_METRICS |= {"doc_hash", "prompt_hash", "target_hash"}
PLAIN = re.compile(r'[^"\\\x00-\x1f]+')  # what a name in JSON is without escapes, as the decoder needs it
KNOWN = 64_000_000  # bytes of documents remembered; all tasks of the second leaderboard have about half of that
ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def matches(path: Path, head: bytes) -> bool:
    """Whether the file is JSON lines, or an array, of rows with a document and its number; the first may be broken."""
    starts_well = head.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[") or NAME.fullmatch(path.name)
    return bool(starts_well) and b'"doc_id"' in head and b'"doc"' in head


def read(path: Path, asked: Asked) -> FileRead:
    """The log's run; its runs, from the oldest, where later ones were appended and answer otherwise."""
    found = FileRead(str(path), asked.strict)
    refuse_no_file(path)
    try:
        origin = origin_of(path)
        rows = rows_of(path)
        first = _first(rows)
        metric = _metric(first, asked, origin.task, found.file)
        kept = _decoded(chain(first, rows), origin.task, metric, found)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}. Check the file.") from error
    if kept.item and metric is not None:
        filters = filters_of(kept, origin, metric)
        _add_runs(kept, filters, origin, metric, asked, found)
    return found


def _first(rows: Iterator[Row]) -> list[Row]:
    """Rows up to ``FIRST`` that can be read, and those before them that cannot."""
    first, readable = [], 0
    for row in rows:
        first.append(row)
        readable += bool(_mapping(row[1]))
        if readable == FIRST:
            break
    return first


def _metric(first: Iterable[Row], asked: Asked, task: str, file: str) -> str | None:
    """The metric that counts; None where no row has one."""
    values: dict[str, list[Any]] = {}
    for _, raw in first:
        row = _mapping(raw)
        names = row.get("metrics")
        for name in names if isinstance(names, list) else row:
            if isinstance(name, str) and name in row and name not in NOT_METRICS and PLAIN.fullmatch(name):
                values.setdefault(name, []).append(row[name])
    if not values:
        return None  # each row is found to have none, or to be no row
    wanted = (asked.metric, known_task(task).metric)
    able = [name for name, some in values.items() if name in wanted or _dichotomous(some, asked.threshold)]
    return chosen_metric(able or list(values), asked, task, file)


def _mapping(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    try:
        row = _loaded(raw)
    except ERRORS:
        return {}
    return row if isinstance(row, dict) else {}


def _loaded(raw: bytes | msgspec.Raw) -> Any:
    """JSON, and the NaN and Infinity that Python writes into it."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return json.loads(bytes(raw))


def _dichotomous(values: Iterable[Any], threshold: Threshold) -> bool:
    try:
        return [correct_of(value, threshold) for value in values] != []
    except NotDichotomous:
        return False


@lru_cache(maxsize=64)
def _decoder(metric: str) -> msgspec.json.Decoder[Any]:
    """Of the fields needed only; ``metric`` is called score."""
    fields: list[tuple[str, Any, Any]] = [
        ("doc_id", int | str | None, None), ("filter", str | None, None), ("score", Any, msgspec.UNSET)
    ]  # fmt: skip
    row = msgspec.defstruct("Row", [("doc", msgspec.Raw), *fields], rename={"score": metric}, gc=False)
    return msgspec.json.Decoder(row)


def _decoded(rows: Iterable[Row], task: str, metric: str | None, found: FileRead) -> KeptRows:
    kept = KeptRows()
    decode = _decoder(metric or "").decode
    known = _known_items.of(task)
    for line, raw in rows:
        found.rows += 1
        try:
            try:
                row = decode(raw)
            except msgspec.DecodeError:
                row = decode(_without_nan(raw))
            document = bytes(row.doc)
            item = known.get(document) or _known_items.new(task, document)
        except ERRORS as error:
            found.broke(line, f"no row of a sample log: {shown(str(error), 200)}")
            continue
        if metric is None or row.score is msgspec.UNSET:
            found.broke(line, f"the row has no metric {shown(metric)}" if metric else "the row has no metric")
            continue
        kept.line.append(line)
        kept.item.append(item)
        kept.source_id.append(row.doc_id)
        kept.filter.append(row.filter)
        kept.score.append(row.score)
    return kept


def _without_nan(raw: bytes | msgspec.Raw) -> bytes:
    """The row with null for NaN and Infinity, which Python writes although JSON has none."""
    return json.dumps(json.loads(bytes(raw), parse_constant=lambda _: None)).encode()


@dataclass(slots=True)
class _KnownItems:
    """Items of documents seen before, by the document's bytes: whole, for a digest takes longer to make."""

    by_task: dict[str, dict[bytes, str]] = field(default_factory=dict)
    size: int = 0  # bytes of documents

    def of(self, task: str) -> dict[bytes, str]:
        """Those of one task; none where there were too many of all tasks."""
        if self.size >= KNOWN:
            self.by_task.clear()
            self.size = 0
        return self.by_task.setdefault(task, {})

    def new(self, task: str, document: bytes) -> str:
        """The item of a document that is not among them; from now on it is, if there is room."""
        parsed = msgspec.json.decode(document)
        item = item_of(task, parsed) if isinstance(parsed, dict) else whole_item(known_task(task).benchmark, parsed)
        if self.size < KNOWN:
            self.by_task[task][document] = item
            self.size += len(document)
        return item


_known_items = _KnownItems()


def _add_runs(kept: KeptRows, filters: Filters, origin: Origin, metric: str, asked: Asked, found: FileRead) -> None:
    """Add the rows of the filter that counts as runs."""
    chosen = filters.names.index(chosen_filter(filters.names, asked, origin.task, found.file))
    found.passed_over = int(np.count_nonzero(filters.filter != chosen))
    rows, correct = _codes(kept, np.flatnonzero(filters.filter == chosen), metric, asked, found)
    number = filters.run[rows]
    if number.any() and _repeats_agree(kept, rows, correct):
        number = np.zeros_like(number)  # a run that was written twice
    respondent = respondent_of(Path(found.file), origin, asked)
    shots, limited = origin.asked_for(len({kept.item[row] for row in rows.tolist()}))
    for again in np.unique(number):
        started = f"{origin.started} ({again + 1})" if again else origin.started  # comes after it as text
        part = number == again
        places = rows[part].tolist()
        items = [kept.item[row] for row in places]
        sources = ["" if kept.source_id[row] is None else str(kept.source_id[row]) for row in places]
        trials = [0] * len(items)
        found.runs.append(
            Run(
                respondent, origin.task, started, found.file, metric, items, sources, trials, correct[part],
                shots, limited,
            )
        )  # fmt: skip


def _codes(
    kept: KeptRows, rows: IntegerArray, metric: str, asked: Asked, found: FileRead
) -> tuple[IntegerArray, IntArray]:
    """The rows that have 1, 0 or MISSING, and which. Other scores are noted; InputError if they are most."""
    scores = [kept.score[row] for row in rows.tolist()]
    try:
        return rows, codes_of(scores, asked.threshold)
    except NotDichotomous:
        pass
    codes, broken = {}, {}
    for row, score in zip(rows.tolist(), scores, strict=True):
        try:
            codes[row] = correct_of(score, asked.threshold)
        except NotDichotomous as error:
            refuse_graded(score, asked, found.file)
            broken[row] = str(error)
    if 2 * len(broken) > len(rows):
        raise ChoiceNeeded(
            f"{found.file}: {metric} does not say what is correct in {counted(len(broken), 'row')}: "
            f"{next(iter(broken.values()))}. Choose a threshold (--threshold 0.5), or another metric (--metric NAME)."
        )
    for row, finding in broken.items():
        found.broke(kept.line[row], f"{metric}: {finding}")
    return np.array(list(codes), dtype=np.int64), np.array(list(codes.values()), dtype=np.int8)


def _repeats_agree(kept: KeptRows, rows: IntegerArray, correct: IntArray) -> bool:
    """Whether all answers to a document are right, or all wrong."""
    first: dict[tuple[int | str | None, str], int] = {}
    answers = zip(rows.tolist(), correct.tolist(), strict=True)
    return all(first.setdefault((kept.source_id[row], kept.item[row]), code) == code for row, code in answers)
