"""What an evaluation returns, whichever engine made it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from easyhard.schema import Responses


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model's answers: as ``responses`` with one respondent, and what it said, item by item.

    ``answers`` has the columns ``item, given, answer, correct``; ``given`` is the chosen option or the text.
    """

    responses: Responses
    answers: pl.DataFrame
