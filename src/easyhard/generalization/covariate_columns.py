"""A covariate made ready for arithmetic, or named as one that says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.schema import FloatArray
from easyhard.wording import counted, shown

FEWEST_ITEMS = 10  # for a correlation; with fewer its interval says next to nothing
FEWEST_OF_A_WORD = 5  # items with a word, below which its mean is not worth having


@dataclass(frozen=True, slots=True)
class Column:
    """One covariate: ``values`` [items] are numbers, or the codes of words, from 0 by the alphabet.

    NaN is a missing value, or a word that too few items have. ``fault`` says why nothing can be made of the column,
    ``""`` where something can.
    """

    name: str
    kind: str  # "number" or "words"
    n_items: int  # with a value
    n_values: int  # different ones
    fault: str
    values: FloatArray


def read_column(named: pl.Series) -> Column:
    """A column of an item table as numbers. Truth values are 0 and 1; NaN is missing; infinite values are values."""
    column = named.alias("values")  # Polars reads a name such as "^x$" as a pattern
    column = column.cast(pl.Int8) if column.dtype == pl.Boolean else column
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        present = values[~np.isnan(values)]
        n_values, first = len(np.unique(present)), shown(column.drop_nulls().first())
        fault = _fault(len(present), n_values, first)
        return Column(named.name, "number", len(present), n_values, fault, values)
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return _words(named.name, column.cast(pl.String))
    fault = f"holds {column.dtype}, which is neither numbers nor words"
    return Column(named.name, "words", 0, 0, fault, np.full(len(column), np.nan))


def _words(name: str, column: pl.Series) -> Column:
    present = column.drop_nulls()
    counts = present.alias("word").value_counts()
    common = counts.filter(pl.col("count") >= FEWEST_OF_A_WORD)["word"].sort()
    code = {word: float(number) for number, word in enumerate(common)}
    values = np.array([code.get(word, np.nan) for word in column], dtype=np.float64)
    fault = _fault(len(present), len(counts), shown(present.first(), 40))
    if not fault and len(common) < 2:
        fault = f"fewer than two of its words are shared by {FEWEST_OF_A_WORD} items each"
    return Column(name, "words", len(present), len(counts), fault, values)


def _fault(n_items: int, n_values: int, first: str) -> str:
    if n_items == 0:
        return "no item has a value"
    if n_values == 1:
        return f"the same for every item: {first}"
    if n_items < FEWEST_ITEMS:
        return f"only {counted(n_items, 'item')} with a value; a correlation asks for {FEWEST_ITEMS}"
    return ""
