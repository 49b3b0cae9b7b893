"""Details that lighteval saves: one Parquet file per model, task and run.

Until 0.10 the fields are columns of their own, at first all of them text; since 0.11 there are three structs,
``doc``, ``metric`` and ``model_response``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from easyhard.responses.formats.details import (
    Sample,
    checked_schema,
    fill,
    is_score,
    listed,
    other_columns,
    right_and_wrong,
    rows_of,
    schema_of,
    task_of,
)
from easyhard.responses.formats.leaderboard_v1 import in_one_column, is_flat, read_flat
from easyhard.responses.log import Asked, FileRead, chosen_metric

STRUCTS = ("doc", "metric", "model_response")
DOC = ("query", "choices", "gold_index", "id", "sampling_methods")  # all that is read of an example


def matches(path: Path, head: bytes) -> bool:
    """Parquet with lighteval's three structs, or with its older flat columns and all ``metrics`` in one."""
    schema = schema_of(path) if head.startswith(b"PAR1") else None
    if schema is None or path.name.startswith("details_harness"):
        return False
    return _is_structs(schema) or (is_flat(schema) and in_one_column(schema))


def read(path: Path, asked: Asked) -> FileRead:
    """The run in the file."""
    schema = checked_schema(path)
    task = task_of(path)
    if is_flat(schema):
        return read_flat(path, asked, task, plain_task(task))
    if not _is_structs(schema):
        raise other_columns(path, schema, "'doc', 'metric' and 'model_response'")
    scores = [name for name, kind in dict(schema["metric"]).items() if is_score(kind)]  # type: ignore[call-overload]
    metric = chosen_metric(scores, asked, plain_task(task), str(path))
    fields = dict(schema["doc"])  # type: ignore[call-overload]
    columns = {name: pl.col("doc").struct.field(name) for name in DOC if name in fields}
    columns["score"] = pl.col("metric").struct.field(metric)
    found = FileRead(str(path), asked.strict)
    samples = [_sample(row) for row in rows_of(path, columns)]
    fill(found, path, asked, task, plain_task(task), metric, samples)
    return found


def plain_task(task: str) -> str:
    """The task alone of ``suite|task|shots``, ``task|shots`` and ``task:subset|shots``, as ``task_subset``."""
    parts = task.split("|")
    while len(parts) > 1 and parts[-1].isdecimal():
        parts.pop()
    return parts[-1].replace(":", "_")


def _is_structs(schema: pl.Schema) -> bool:
    doc = schema.get("doc")
    structs = all(isinstance(schema.get(name), pl.Struct) for name in STRUCTS)
    return structs and isinstance(doc, pl.Struct) and pl.Field("query", pl.String) in doc.fields


def _sample(row: dict[str, Any]) -> Sample:
    answer, wrong = right_and_wrong(listed(row.get("choices")), listed(row.get("gold_index")))
    if "GENERATIVE" in listed(row.get("sampling_methods")):
        wrong = []  # there the choices are references, all of them right
    source = row.get("id")
    return Sample(row["query"], answer, wrong, "" if source is None else str(source), row["score"])
