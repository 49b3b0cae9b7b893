"""Items of a benchmark, from its rows as the hub has them: the user's file, or the hub itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.benchmarks.benchmark import Benchmark, Text
from easyhard.benchmarks.identity import item_id
from easyhard.benchmarks.item_table import REQUIRED, AnswerIs, read_items
from easyhard.benchmarks.known_tasks import item_of
from easyhard.benchmarks.raw_texts import choices_and_answer, ordered, plain, texts
from easyhard.benchmarks.sources import Part, parts_of
from easyhard.schema import InputError, Items
from easyhard.tabular import read_table
from easyhard.wording import counted, did_you_mean, shown, shown_all

SCHEMA = {"question": pl.String, "answer": pl.String, "choices": pl.List(pl.String), "solution": pl.String}


@dataclass(frozen=True, slots=True)
class LoadedItems:
    """Items, and what became of the rows that are none.

    ``rows`` were read; ``others`` of them are no part of the benchmark (MATH's lower levels, other subsets),
    ``duplicates`` were an item for the second time, and of each in ``unusable`` a sentence says what it lacks.
    """

    items: Items
    rows: int
    others: int = 0
    duplicates: int = 0
    unusable: tuple[str, ...] = ()

    def notes(self, benchmark: Benchmark) -> list[str]:
        """Sentences on what is unusual: rows left out, and fewer or more rows than the source has."""
        found = []
        if self.duplicates:
            found.append(f"{counted(self.duplicates, 'row')} of {benchmark.name} held an earlier row's item.")
        if self.unusable:
            found.append(
                f"{counted(len(self.unusable), 'row')} of {benchmark.name} could not be used: {'; '.join(_few(self))}."
            )
        known, here = benchmark.source.rows, self.rows - self.others
        if known is not None and known != here:
            found.append(f"{benchmark.name} has {here:,} rows here and {known:,} at its source.")
        return found


def load_items(benchmark: Benchmark, path: str | os.PathLike[str] | None = None, answer_is: AnswerIs = "text") -> Items:
    """The items of ``benchmark``; see ``load``, which also says which rows were left out."""
    return load(benchmark, path, answer_is).items


def load(benchmark: Benchmark, path: str | os.PathLike[str] | None = None, answer_is: AnswerIs = "text") -> LoadedItems:
    """The items of ``benchmark`` from a file or folder of its raw rows; without ``path``, from the hub.

    A file is CSV, Parquet or JSON lines, with the columns that the source has; of a benchmark with subsets it also
    needs a column ``subset``, or the source's own file name. A folder holds the files as the source does. A file
    with the columns ``item``, ``question`` and ``answer`` is taken as an item table, whose answers are as
    ``answer_is`` says (see ``read_items``). Items are named by their content as the readers of logs name them; a
    repeated item is kept once. Raises InputError for rows of another shape, and if no row can be used.
    """
    parts = parts_of(benchmark, None if path is None else Path(path))
    if len(parts) == 1 and _is_item_table(parts[0].path):
        items = read_items(parts[0].path, answer_is=answer_is)
        return LoadedItems(items, len(items.table))
    loaded = [_rows(part, benchmark) for part in parts]
    return _joined(loaded, benchmark, parts)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Items of one file, not yet told from those of another; ``covariates`` are texts."""

    items: list[dict[str, Any]]
    rows: int
    others: int
    unusable: list[str]


def _is_item_table(path: Path) -> bool:
    return set(REQUIRED) <= set(_table(path).columns)


def _table(path: Path) -> pl.DataFrame:
    return read_table(path, (), keep_others=True)[0]


def _rows(part: Part, benchmark: Benchmark) -> _Rows:
    raw = _table(part.path)
    if part.subset and "subset" not in raw.columns:
        raw = raw.with_columns(pl.lit(part.subset).alias("subset"))
    _refuse_other_columns(raw, part.path, benchmark)
    here = _of_the_benchmark(raw, benchmark)
    numbered = raw.with_row_index("row number", 1).filter(here)
    kept, places = numbered.drop("row number"), numbered["row number"].to_list()
    made, unusable = [], []
    for place, row, item in zip(places, kept.iter_rows(named=True), _texts(kept, benchmark), strict=True):
        lack = _complete(item, row, benchmark)
        if lack:
            unusable.append(f"row {place} of {part.path.name} {lack}")
        else:
            made.append(item)
    return _Rows(made, len(raw), len(raw) - len(kept), unusable)


def _refuse_other_columns(raw: pl.DataFrame, path: Path, benchmark: Benchmark) -> None:
    fields = benchmark.fields
    needed = [*fields.question.columns, *fields.answer.columns, *fields.choices, *fields.only]
    if benchmark.source.subsets or "{subset}" in benchmark.task:
        needed.append("subset")
    absent = [name for name in dict.fromkeys(needed) if name not in raw.columns]
    if absent:
        raise InputError(
            f"{path} has no column {shown(absent[0])}, but rows of {benchmark.name} have {shown_all(needed)}; it has "
            f"{shown_all(raw.columns)}.{did_you_mean(absent[0], raw.columns)} Give the rows as the source has them, "
            "or a table with the columns item, question and answer."
        )


def _of_the_benchmark(raw: pl.DataFrame, benchmark: Benchmark) -> pl.Series:
    here = pl.Series([True] * len(raw), dtype=pl.Boolean)
    wanted = {name: [value] for name, value in benchmark.fields.only.items()}
    if benchmark.source.subsets:
        wanted["subset"] = list(benchmark.source.subsets)
    for name, values in wanted.items():
        here &= texts(raw, Text((name,))).is_in(values).fill_null(False)
    return here


def _texts(raw: pl.DataFrame, benchmark: Benchmark) -> list[dict[str, Any]]:
    """Question, answer, solution and covariates of each row."""
    fields = benchmark.fields
    wanted = {"question": fields.question, "answer": fields.answer, **fields.covariates}
    columns = {name: texts(raw, text).to_list() for name, text in wanted.items()}
    columns["solution"] = (texts(raw, fields.solution) if fields.solution else pl.Series([None] * len(raw))).to_list()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _complete(item: dict[str, Any], row: Mapping[str, Any], benchmark: Benchmark) -> str:
    """Add choices and name to ``item``; what it lacks to be one, or an empty text."""
    lacking = next((name for name in ("question", "answer") if item[name] is None), None)
    if lacking:
        return f"has no {lacking}"
    choices, item["answer"] = choices_and_answer(row, benchmark.fields, item["answer"])
    item["item"] = _name(item, choices, row, benchmark)
    item["choices"] = choices and (ordered(choices, item["item"]) if benchmark.fields.order != "given" else choices)
    return _unfit(item)


def _name(item: Mapping[str, Any], choices: list[str] | None, row: Mapping[str, Any], benchmark: Benchmark) -> str:
    """As the readers of logs of the benchmark's task name the item; without a task, by its content."""
    if not benchmark.task:
        return item_id(benchmark.name, item["question"], item["answer"], choices)
    # A log holds lists and mappings as such, a CSV file as text.
    document = {name: plain(value) if name in benchmark.fields.choices else value for name, value in row.items()}
    return item_of(benchmark.task.replace("{subset}", str(row.get("subset") or "")), document)


def _unfit(item: Mapping[str, Any]) -> str:
    choices = item["choices"]
    if choices is not None and (len(choices) < 2 or not all(choices)):
        return "has fewer than two choices, or an empty one"
    if choices is not None and choices.count(item["answer"]) != 1:
        times = "more than once" if item["answer"] in choices else "nowhere"
        return f"has its answer {times} among its choices"
    if any("\0" in text for text in (item["question"], item["answer"], item["solution"] or "", *(choices or ()))):
        return "has a NUL character (U+0000)"
    return ""


def _joined(loaded: Iterable[_Rows], benchmark: Benchmark, parts: Iterable[Part]) -> LoadedItems:
    loaded = list(loaded)
    unusable = tuple(sentence for one in loaded for sentence in one.unusable)
    every = [item for one in loaded for item in one.items]
    if not every:
        where = shown_all([str(part.path) for part in parts])
        why = f" First: {unusable[0]}." if unusable else ""
        raise InputError(f"no row of {where} is an item of {benchmark.name}.{why} Check that these are its rows.")
    first: dict[str, dict[str, Any]] = {}
    for item in every:
        first.setdefault(item["item"], item)
    return LoadedItems(
        _items(list(first.values()), tuple(benchmark.fields.covariates)),
        rows=sum(one.rows for one in loaded),
        others=sum(one.others for one in loaded),
        duplicates=len(every) - len(first),
        unusable=unusable,
    )


def _items(rows: list[dict[str, Any]], covariates: tuple[str, ...]) -> Items:
    schema: dict[str, Any] = {"item": pl.String, **SCHEMA, **dict.fromkeys(covariates, pl.String)}
    table = pl.DataFrame(rows, schema=schema, infer_schema_length=None)
    numbers = [
        table[name].cast(pl.Int64) for name in covariates if table[name].drop_nulls().str.contains(r"^\d{1,18}$").all()
    ]
    table = table.with_columns(column for column in numbers if column.null_count() < len(column))
    kept = tuple(name for name in covariates if table[name].null_count() < len(table))
    return Items(table.select(*("item", *SCHEMA), *kept), kept)


def _few(loaded: LoadedItems) -> list[str]:
    more = len(loaded.unusable) - 3
    return [*loaded.unusable[:3], *([f"and {more} more"] if more > 0 else [])]
