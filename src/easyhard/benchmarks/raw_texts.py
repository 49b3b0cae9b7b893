"""Texts from the columns of raw rows, as ``Text`` and ``Fields`` describe them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from easyhard.benchmarks.benchmark import Fields, Take, Text
from easyhard.benchmarks.known_tasks import answer_text, choice_texts
from easyhard.chance import cell_rng

BOXES = ("\\boxed", "\\fbox")


def texts(raw: pl.DataFrame, wanted: Text) -> pl.Series:
    """One text per row; null where the row has none."""
    if any(name not in raw.columns for name in wanted.columns):
        return pl.Series([None] * len(raw), dtype=pl.String)
    made = [TAKE[wanted.take](row, wanted) for row in raw[list(wanted.columns)].iter_rows()]
    column = pl.Series("text", made, dtype=pl.String)
    if wanted.find:
        column = column.str.extract_all(wanted.find).list.last().str.extract(wanted.find, 1)
    for pattern in wanted.remove:
        column = column.str.replace_all(pattern, "")
    column = column.str.strip_chars()
    return column.set(column == "", None)


def choices_and_answer(row: Mapping[str, Any], fields: Fields, answer: str) -> tuple[list[str] | None, str]:
    """The choices that are offered, in the row's order, and the right one's text; no choices where there are none."""
    if not fields.choices:
        return None, answer
    given = [plain(row[name]) for name in fields.choices]
    if None in given:
        return [], answer
    offered = [choice.strip() for choice in choice_texts(given)]
    chosen = answer_text(answer, fields.answer_is, {"choices": plain(row.get("choices"))}, offered)
    return [choice for choice in offered if choice not in fields.no_choice], chosen.strip()


def ordered(choices: list[str], item: str) -> list[str]:
    """``choices`` in an order that the item decides, the same on every machine and however they were ordered."""
    places = cell_rng(0, "choices", item).permutation(len(choices))
    alphabetical = sorted(choices)
    return [alphabetical[place] for place in places]


def plain(value: Any) -> Any:
    """A list or a mapping as such, where a file holds it as text: JSON, or as Python writes it."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value


def last_boxed(text: str) -> str | None:
    """What the last ``\\boxed{}`` of a LaTeX text holds, its inner braces balanced; None without one."""
    starts = [text.rfind(box) + len(box) for box in BOXES if box in text]
    if not starts:
        return None
    rest = text[max(starts) :].lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0]  # as in $\boxed 7$
    depth, place = 0, 0
    while place < len(rest):
        depth += {"{": 1, "}": -1}.get(rest[place], 0)
        if depth == 0:
            return rest[1:place]
        place += 2 if rest[place] == "\\" else 1  # \{ is no brace
    return None


def _joined(row: tuple[Any, ...], wanted: Text) -> str | None:
    return None if None in row else wanted.join.join(str(value) for value in row)


def _boxed(row: tuple[Any, ...], wanted: Text) -> str | None:
    text = _joined(row, wanted)
    return None if text is None else last_boxed(text)


def _count(row: tuple[Any, ...], wanted: Text) -> str | None:
    value = plain(row[0])
    return str(len(value)) if isinstance(value, list) else None


def _instructions(row: tuple[Any, ...], wanted: Text) -> str | None:
    """Arguments that are null are those of other instructions: a table has one column for each."""
    names, given = plain(row[0]), plain(row[1])
    if not isinstance(names, list) or not isinstance(given, list) or len(names) != len(given):
        return None
    if not all(one is None or isinstance(one, dict) for one in given):
        return None
    kwargs = [{key: value for key, value in (one or {}).items() if value is not None} for one in given]
    return json.dumps(
        [{"id": name, "kwargs": one} for name, one in zip(names, kwargs, strict=True)], ensure_ascii=False
    )


TAKE: Mapping[Take, Callable[[tuple[Any, ...], Text], str | None]] = {
    "text": _joined,
    "boxed": _boxed,
    "count": _count,
    "instructions": _instructions,
}
