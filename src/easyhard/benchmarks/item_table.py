"""Item text from a table: one row per item, columns ``item, question, answer``, and what else it has."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Literal, get_args

import polars as pl

from easyhard.schema import InputError, Items
from easyhard.tabular import as_text, read_table, refuse_other_than_text
from easyhard.wording import counted, did_you_mean, shown

REQUIRED = ("item", "question", "answer")
OPTIONAL = ("choices", "solution")
TEXTS = ("item", "question", "answer", "solution")

AnswerIs = Literal["text", "letter", "index"]


def read_items(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    answer_is: AnswerIs = "text",
) -> Items:
    """Items from a CSV, Parquet or JSON lines file, in its order.

    ``columns`` says what the file calls our columns: ``{"question": "problem"}``. ``choices`` is a list of
    texts, or in CSV such a list written as JSON. ``answer_is`` says how answers name a choice: by its
    ``text``, its ``letter`` (``A`` is the first) or its ``index`` (``0`` is the first); the table returned
    always holds the text. Every other column of numbers or texts becomes a covariate under its own name; a
    column whose every cell reads as a number is one of numbers. Text is
    kept as it is; a NUL character, which tokenizers and files treat each in their own way, is refused. Raises
    InputError for anything unfit.
    """
    if answer_is not in get_args(AnswerIs):
        raise InputError(
            f"answer_is is {shown(answer_is)}, but must be 'text', 'letter' or 'index'."
            f"{did_you_mean(str(answer_is), get_args(AnswerIs))}"
        )
    path = Path(path)
    given, _ = read_table(path, REQUIRED, OPTIONAL, columns, keep_others=True)
    table = given.select(
        *(_text(given, name, path) for name in REQUIRED),
        _choices(given, path),
        _text(given, "solution", path),
    )
    _refuse_bad_text(table, path)
    _refuse_bad_choices(table, path)
    table = _answers_as_text(table, answer_is, path)
    covariates = [_covariate(column) for column in given if column.name not in (*REQUIRED, *OPTIONAL)]
    kept = [column for column in covariates if column is not None]
    return Items(table.with_columns(kept), tuple(column.name for column in kept))


def _text(given: pl.DataFrame, name: str, path: Path) -> pl.Series:
    if name not in given.columns:
        return pl.Series(name, [None] * len(given), dtype=pl.String)
    return as_text(given[name], path)


def _choices(given: pl.DataFrame, path: Path) -> pl.Series:
    """``choices`` as lists of texts, null where an item has none."""
    if "choices" not in given.columns:
        return pl.Series("choices", [None] * len(given), dtype=pl.List(pl.String))
    column = given["choices"]
    if isinstance(column.dtype, pl.List | pl.Array):
        refuse_other_than_text(column.dtype.inner, "choices", path)
        return column.cast(pl.List(pl.String))
    parsed = [_choice_list(cell) for cell in as_text(column, path)]
    wrong = [row for row, (cell, made) in enumerate(zip(column, parsed, strict=True)) if cell and made is None]
    if wrong:
        raise InputError(
            f"{counted(len(wrong), 'cell')} of 'choices' in {path} are not a JSON list of texts "
            f"(first: {shown(column[wrong[0]])} in row {wrong[0] + 1}). "
            'Write choices as ["first", "second"], and leave the cell empty where an item has none.'
        )
    return pl.Series("choices", parsed, dtype=pl.List(pl.String))


def _choice_list(cell: str | None) -> list[str] | None:
    try:
        value = json.loads(cell or "null")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and all(isinstance(part, str) for part in value) else None


def _refuse_bad_text(table: pl.DataFrame, path: Path) -> None:
    """Raise InputError for a missing text, an item that occurs twice, or a NUL character."""
    for name in REQUIRED:
        blank = (table[name].fill_null("").str.strip_chars() == "").arg_true()
        _refuse(table, path, list(blank), f"without {name}", f"Fill in the {name}, or remove these rows.")
    repeated = (~table["item"].is_first_distinct()).arg_true()
    _refuse(table, path, list(repeated), "with the name of an earlier item", "Give every item a name of its own.")
    parts = table.select(*TEXTS, pl.col("choices").list.join("", ignore_nulls=True))
    with_nul = parts.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True))).to_series()
    _refuse(table, path, list(with_nul.arg_true()), "with a NUL character (U+0000)", "Remove it.")


def _refuse_bad_choices(table: pl.DataFrame, path: Path) -> None:
    choices = table["choices"].to_list()
    few = [row for row, options in enumerate(choices) if options is not None and len(options) < 2]
    _refuse(table, path, few, "with fewer than two choices", "Give at least two, or null for none.")
    blank = [
        row
        for row, options in enumerate(choices)
        if any(option is None or not option.strip() for option in options or ())
    ]
    _refuse(table, path, blank, "with an empty choice", "Fill it in, or remove these rows.")


def _answers_as_text(table: pl.DataFrame, answer_is: AnswerIs, path: Path) -> pl.DataFrame:
    """``table`` with every answer of an item with choices as the text of its choice."""
    pairs = list(zip(table["answer"].to_list(), table["choices"].to_list(), strict=True))
    if answer_is != "text":
        pairs = [(_chosen(answer, options, answer_is), options) for answer, options in pairs]
    found = [(options or [answer]).count(answer) if answer else 0 for answer, options in pairs]
    _refuse(
        table,
        path,
        [row for row, times in enumerate(found) if times == 0],
        NOT_A_CHOICE[answer_is],
        "An answer is its choice's text by default: say answer_is='letter' if it is A, B, ..., or "
        "answer_is='index' if it is a position counted from 0 (in a study: items.answer_is).",
        show="answer",
    )
    # Wrong choices may repeat, as some do in ARC; the right one may not.
    double = [row for row, times in enumerate(found) if times > 1]
    _refuse(table, path, double, "with the right choice twice", "Remove its copy, or these rows.")
    return table.with_columns(pl.Series("answer", [answer for answer, _ in pairs], dtype=pl.String))


NOT_A_CHOICE = {
    "text": "with choices and an answer that is none of them",
    "letter": "with an answer that is not the letter of one of their choices",
    "index": "with an answer that is not the index of one of their choices",
}


def _chosen(answer: str, options: Sequence[str] | None, answer_is: AnswerIs) -> str | None:
    """The choice that a letter or an index means, or None."""
    if answer_is == "letter":
        place = ascii_uppercase.find(answer) if len(answer) == 1 else -1
    else:
        place = int(answer) if answer.isascii() and answer.isdigit() and len(answer) < 10 else -1
    return options[place] if options and 0 <= place < len(options) else None


def _covariate(named: pl.Series) -> pl.Series | None:
    """A column as numbers or text; None for lists, dates, and columns without a value."""
    found = _numbers_or_text(named.alias("covariate"))  # Polars reads a name such as "^x$" as a pattern
    return None if found is None else found.alias(named.name)


def _numbers_or_text(column: pl.Series) -> pl.Series | None:
    if column.dtype == pl.Boolean:
        return column.cast(pl.Int8)
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype.is_integer():
        return column
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if column.dtype != pl.String or column.null_count() == len(column):
        return None
    for number in (pl.Int64, pl.Float64):  # every cell of a CSV file arrives as text
        parsed = column.cast(number, strict=False)
        if parsed.null_count() == column.null_count():
            return parsed.fill_nan(None)
    return column


def _refuse(table: pl.DataFrame, path: Path, rows: Sequence[int], finding: str, next_step: str, show: str = "") -> None:
    """Raise InputError naming the first of ``rows`` (from 0; a user counts from 1, the header aside)."""
    if not rows:
        return
    first = rows[0]
    value = f" with {show} {shown(table[show][first])}" if show else ""
    raise InputError(
        f"{counted(len(rows), 'row')} of {path} {finding} "
        f"(first: item {shown(table['item'][first])}{value} in row {first + 1}). {next_step}"
    )
