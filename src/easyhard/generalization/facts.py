"""What the checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from easyhard.schema import Bins, ItemBank, Responses

RunKey = tuple[str, int | str, int]  # model, train_bin or the name of a mixture, seed


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """A finished study, as far as the checks need it. A field left None makes its check not applicable.

    ``runs`` and ``cells`` are the tables of the GeneralizationMatrix, ``zero_shot`` maps each model to its
    responses (one respondent). ``guessing`` is the probability of a right guess by item, 0 for a free
    answer. ``train_sizes`` and ``n_truncated`` count training examples by run; ``question_length`` by item,
    in any one unit. ``questions`` is the text by item, ``answer_forms`` the kind of its answer in a word or two.
    """

    bank: ItemBank
    bins: Bins
    runs: pl.DataFrame
    cells: pl.DataFrame
    zero_shot: Mapping[str, Responses]
    guessing: Mapping[str, float] | None = None
    train_sizes: Mapping[RunKey, int] | None = None
    n_truncated: Mapping[RunKey, int] | None = None
    question_length: Mapping[str, float] | None = None
    questions: Mapping[str, str] | None = None
    answer_forms: Mapping[str, str] | None = None
