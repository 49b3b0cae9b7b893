"""What people count when they call an item hard: lengths, readability, steps, options. Computed from item text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import polars as pl

from easyhard.schema import Items

CountTokens = Callable[[Sequence[str]], Sequence[int]]  # how many tokens each text has

TEXTS = ("question", "answer", "solution")
# Columns of lists, under the name their benchmark gives them, whose length is a covariate.
COUNTED = {"choices": "options", "instruction_id_list": "instructions"}

_WORD = r"\S*[\p{L}\p{N}]\S*"
_LETTER = r"[\p{L}\p{N}]"  # Coleman and Liau's count takes digits for letters
_STOP = r"""[.!?…。！？]+["'”’)\]]*"""
_INITIAL = r"\b\p{Lu}\.\s"  # as in U.S. or J. Smith: a stop that ends no sentence
_LINE = r"(?m)^[^\S\n]*\S"
_FINAL_ANSWER = r"(?m)^[^\S\n]*####"  # GSM8K's last line, which repeats the answer
_OPERATION = r"<<[^<>\n]*>>"  # GSM8K's calculator annotation
_LEVEL = r"^(\p{L}+ |)(\d{1,3}|\?)$"


def with_covariates(items: Items, count_tokens: CountTokens | None = None) -> Items:
    """``items`` with the covariates that their text gives, after those they have.

    - ``question_characters``, ``question_words``, and the same of ``answer`` and ``solution``: Unicode characters in
      composed form (NFC) without outer white space; runs without white space that hold a letter or a digit.
    - ``question_tokens`` and so on, if ``count_tokens`` is given.
    - ``readability`` of the question, a United States school grade; see ``readability``.
    - ``solution_lines``: lines with text, GSM8K's last line (``#### answer``) aside. ``solution_operations``: GSM8K's
      calculator annotations (``<<2*3=6>>``).
    - ``options``: number of choices. ``instructions``: length of IFEval's ``instruction_id_list``.

    A covariate that no item could have (steps without solutions) is left out; one that the items have already, by
    that name, stays as it is. Words with a number, such as MATH's ``Level 3``, become the number; ``Level ?`` is
    missing. A pure function: the rows keep their order.
    """
    table = items.table.with_columns(_levels(items.table[name]) for name in items.covariates)
    computed = [*_lengths(table), *_steps(table), *_counts(table), *_tokens(table, count_tokens)]
    new = [column for column in computed if column.name not in table.columns and column.null_count() < len(column)]
    return Items(table.with_columns(new), (*items.covariates, *(column.name for column in new)))


def readability(text: pl.Expr) -> pl.Expr:
    """Coleman-Liau index of a text: the United States school grade that should understand it. Null without a word.

    ``0.0588 L - 0.296 S - 15.8`` with L letters and S sentences per 100 words. Chosen over Flesch and Kincaid's grade
    because it counts letters and not syllables, which need a pronunciation dictionary of the language. A sentence
    ends with the text, or with a stop before white space, but for a full stop after a single capital letter.
    Source: Coleman & Liau (1975), Journal of Applied Psychology 60(2), 283-284.
    """
    text = text.str.strip_chars()
    letters, words = text.str.count_matches(_LETTER), text.str.count_matches(_WORD)
    inner = text.str.count_matches(rf"{_STOP}\s") - text.str.count_matches(_INITIAL)
    sentences = inner.cast(pl.Int64) + 1
    return pl.when(words > 0).then(5.88 * letters / words - 29.6 * sentences / words - 15.8)


def _lengths(table: pl.DataFrame) -> list[pl.Series]:
    texts = table.select(pl.col(name).str.normalize("NFC").str.strip_chars() for name in TEXTS)
    lengths = [
        column
        for name in TEXTS
        for column in (
            pl.col(name).str.len_chars().cast(pl.Int64).alias(f"{name}_characters"),
            pl.col(name).str.count_matches(_WORD).cast(pl.Int64).alias(f"{name}_words"),
        )
    ]
    return texts.select(*lengths, readability(pl.col("question")).alias("readability")).get_columns()


def _steps(table: pl.DataFrame) -> list[pl.Series]:
    solution = pl.col("solution")
    lines = solution.str.count_matches(_LINE).cast(pl.Int64) - solution.str.count_matches(_FINAL_ANSWER).cast(pl.Int64)
    operations = solution.str.count_matches(_OPERATION).cast(pl.Int64)
    counted = table.select(lines.alias("solution_lines"), operations.alias("solution_operations")).get_columns()
    return counted if counted[1].sum() else counted[:1]  # only GSM8K annotates its solutions


def _counts(table: pl.DataFrame) -> list[pl.Series]:
    present = {theirs: ours for theirs, ours in COUNTED.items() if theirs in table.columns}
    return [_list_lengths(table[theirs]).alias(ours) for theirs, ours in present.items()]


def _list_lengths(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.List):
        return column.list.len().cast(pl.Int64)
    if column.dtype != pl.String:
        return pl.Series([None] * len(column), dtype=pl.Int64)
    return pl.Series([_json_length(cell) for cell in column], dtype=pl.Int64)


def _json_length(cell: str | None) -> int | None:
    try:
        value = json.loads(cell or "null")
    except (ValueError, RecursionError):
        return None
    return len(value) if isinstance(value, list) else None


def _tokens(table: pl.DataFrame, count_tokens: CountTokens | None) -> list[pl.Series]:
    if count_tokens is None:
        return []
    return [_token_counts(table[name], count_tokens).alias(f"{name}_tokens") for name in TEXTS]


def _token_counts(texts: pl.Series, count_tokens: CountTokens) -> pl.Series:
    rows = [row for row, text in enumerate(texts) if text is not None]
    counts: list[int | None] = [None] * len(texts)
    for row, count in zip(rows, count_tokens([texts[row] for row in rows]) if rows else (), strict=True):
        counts[row] = count
    return pl.Series(counts, dtype=pl.Int64)


def _levels(named: pl.Series) -> pl.Series:
    """``Level 1``, ``Level 2``, ... as numbers, if every value is one word, always the same or none, and a number."""
    column = named.alias("level")  # Polars reads a name such as "^x$" as a pattern
    if column.dtype != pl.String:
        return named
    parts = column.drop_nulls().str.extract_groups(_LEVEL).struct.unnest()
    words = parts["1"].unique()
    numbers = column.str.extract(_LEVEL, 2).cast(pl.Int64, strict=False)
    if len(words) != 1 or words.null_count() or not numbers.count():
        return named
    return numbers.alias(named.name)
