"""Details of the Open LLM Leaderboard, version 1: one Parquet file per model, task and run.

Its columns changed over the year: metrics as columns of their own, as columns called ``metrics.acc``, and as one
column ``metrics``, a struct or a mapping written as text. lighteval wrote both of the last until 0.10.
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
    mapping,
    other_columns,
    right_and_wrong,
    rows_of,
    schema_of,
    task_of,
)
from easyhard.responses.log import Asked, FileRead, chosen_metric

QUESTIONS = ("example", "full_prompt", "query", "question")  # the example first: prompts hold the few shots too
METRICS = ("acc", "acc_norm", "mc1", "mc2", "em", "f1", "exact_match", "qem", "pem")  # columns of their own
PREFIX = "metrics."
COLONS = {"harness|arc-challenge|": "harness|arc:challenge|", "harness|truthfulqa-mc|": "harness|truthfulqa:mc|"}


def matches(path: Path, head: bytes) -> bool:
    """Parquet with predictions, a question and metrics, of a task of the old harness, or in the old columns."""
    schema = schema_of(path) if head.startswith(b"PAR1") else None
    if schema is None or not is_flat(schema):
        return False
    return path.name.startswith("details_harness") or not in_one_column(schema)


def read(path: Path, asked: Asked) -> FileRead:
    """The run in the file."""
    task = task_of(path)
    for dashed, name in COLONS.items():
        if task.startswith(dashed):
            task = task.replace(dashed, name, 1)
    return read_flat(path, asked, task, task)


def is_flat(schema: pl.Schema) -> bool:
    """Are these the columns of details whose fields are columns of their own?"""
    has_metrics = _is_written(schema) or bool(_metrics(schema, None))
    return "predictions" in schema and _question(schema) is not None and has_metrics


def in_one_column(schema: pl.Schema) -> bool:
    """Are all metrics in the column ``metrics``?"""
    return _is_written(schema) or isinstance(schema.get("metrics"), pl.Struct)


def _is_written(schema: pl.Schema) -> bool:
    """Are they one mapping written as text there?"""
    return schema.get("metrics") == pl.String and not _metrics(schema, None)


def read_flat(path: Path, asked: Asked, task: str, known_as: str) -> FileRead:
    """The run in a file of flat columns; ``known_as`` is the task's name among the known tasks."""
    schema = checked_schema(path)
    question = _question(schema)
    metrics = _metrics(schema, asked.metric) or _written_metrics(path, schema)
    if question is None or "predictions" not in schema or not metrics:
        raise other_columns(path, schema, "'predictions', 'example' or 'full_prompt', and a metric such as 'acc'")
    metric = chosen_metric(list(metrics), asked, known_as, str(path))
    columns = {"question": pl.col(question), "score": metrics[metric]}
    columns |= {name: pl.col(name) for name in ("choices", "gold", "gold_index") if name in schema}
    hashes = schema.get("hashes")
    if isinstance(hashes, pl.Struct) and "example" in dict(hashes):
        columns["source"] = pl.col("hashes").struct.field("example")
    read = FileRead(str(path), asked.strict)
    rows = rows_of(path, columns)
    if _is_written(schema):
        rows = [row | {"score": mapping(row["score"]).get(metric)} for row in rows]
    samples = [_sample(row) for row in rows]
    fill(read, path, asked, task, known_as, metric, samples)
    return read


def _question(schema: pl.Schema) -> str | None:
    return next((name for name in QUESTIONS if schema.get(name) == pl.String), None)


def _metrics(schema: pl.Schema, wanted: str | None) -> dict[str, pl.Expr]:
    """Each metric and where it is, in whichever way the file has them."""
    own = (*METRICS, wanted) if wanted else METRICS
    found = {name: pl.col(name) for name in own if name in schema and is_score(schema[name])}
    for name, kind in schema.items():
        if name.startswith(PREFIX) and is_score(kind):
            found.setdefault(name.removeprefix(PREFIX), pl.col(name))
    struct = schema.get("metrics")
    for field in struct.fields if isinstance(struct, pl.Struct) else ():
        if is_score(field.dtype):
            found.setdefault(field.name, pl.col("metrics").struct.field(field.name))
    return found


def _written_metrics(path: Path, schema: pl.Schema) -> dict[str, pl.Expr]:
    """The same for metrics written as text; those whose first value is no single score are left out."""
    if not _is_written(schema):
        return {}
    first: dict[str, Any] = {}
    for row in rows_of(path, {"metrics": pl.col("metrics")}):
        first = mapping(row["metrics"]) | first
    return {name: pl.col("metrics") for name, value in first.items() if not isinstance(value, dict | list | tuple)}


def _sample(row: dict[str, Any]) -> Sample:
    choices = listed(row.get("choices"))
    answer, wrong = right_and_wrong(choices, listed(row.get("gold_index")) or listed(row.get("gold")))
    return Sample(row["question"], answer, wrong, str(row.get("source") or ""), row["score"])
