"""Every diagnostic of a calibration at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.irt.diagnostics.comparison import compare_models
from easyhard.irt.diagnostics.dif import differential_functioning
from easyhard.irt.diagnostics.dimensionality import dimensionality
from easyhard.irt.diagnostics.item_fit import item_fit
from easyhard.irt.diagnostics.local_dependence import local_dependence
from easyhard.irt.diagnostics.mislabelled import mislabelled
from easyhard.irt.diagnostics.reliability import reliability
from easyhard.irt.diagnostics.s_x2 import s_x2
from easyhard.irt.diagnostics.stability import stability_curve
from easyhard.irt.posterior import posterior_of
from easyhard.irt.rasch import fit_rasch
from easyhard.schema import InputError, Progress, Responses

_FEWEST_FOR_2PL = 100  # respondents: with fewer, a discrimination for each item is little more than its prior
_MOST_BINS = 10  # compared between calibrations, as in arXiv:2511.21692


class _Finding(Protocol):
    def frame(self) -> pl.DataFrame: ...
    def reading(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """One diagnostic: a question, the answer in words, and the table behind it."""

    name: str  # what a file of it may be called
    question: str
    reading: str
    table: pl.DataFrame


def diagnose(
    responses: Responses,
    group: npt.NDArray[np.bool_] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Answer, ...]:
    """All diagnostics of the Rasch model of ``responses``, in the order in which to read them.

    ``group`` [respondents] is True for those whose items are compared with the others' (a model family, models from
    after a date). ``seed`` is that of the simulations and subsamples. A diagnostic that these responses are too few
    for says so in its reading, and has an empty table. Raises InputError for what ``fit_rasch`` refuses.
    """
    correct, items, respondents = responses.correct, responses.items, responses.respondents
    model = fit_rasch(correct)
    posterior = posterior_of(correct, model)
    count = min(_MOST_BINS, len(items) // 2)
    asked: list[tuple[str, str, Callable[[], _Finding]]] = [
        (
            "reliability",
            "How well are respondents and items told apart?",
            lambda: reliability(correct, model, posterior),
        ),
        (
            "stability",
            "How many respondents make the bins stable?",
            lambda: stability_curve(correct, count=count, seed=seed),
        ),
        ("item_fit", "Which items do not follow the model?", lambda: item_fit(correct, model, posterior, items)),
        ("s_x2", "Is any item's curve of another shape?", lambda: s_x2(correct, model, posterior, items)),
        ("mislabelled", "Which gold answers are likely wrong?", lambda: mislabelled(correct, model, posterior, items)),
        (
            "local_dependence",
            "Which items repeat one another?",
            lambda: local_dependence(correct, model, posterior, items),
        ),
        (
            "dimensionality",
            "Is one ability enough?",
            lambda: dimensionality(correct, model, posterior, items, respondents, seed=seed),
        ),
        ("comparison", "Rasch or 2PL?", lambda: _compared(responses, count, seed)),
    ]
    if group is not None:
        members = group
        asked.append(
            (
                "group_differences",
                "Do items work alike for the group?",
                lambda: differential_functioning(correct, model, members, items),
            )
        )
    answers = []
    for done, (name, question, ask) in enumerate(asked):
        answers.append(_answer(name, question, ask))
        if progress:
            progress(done + 1, len(asked))
    return tuple(answers)


def _compared(responses: Responses, count: int, seed: int) -> _Finding:
    if len(responses.respondents) < _FEWEST_FOR_2PL:
        raise InputError(
            f"{len(responses.respondents)} respondents do not tell the discrimination of an item. "
            f"Take {_FEWEST_FOR_2PL} or more to compare models; with these, the Rasch model is the one to use."
        )
    return compare_models(responses.correct, count=count, seed=seed, items=responses.items)


def _answer(name: str, question: str, ask: Callable[[], _Finding]) -> Answer:
    try:
        found = ask()
    except InputError as error:
        return Answer(name, question, f"Not to be had from these responses: {error}", pl.DataFrame())
    return Answer(name, question, found.reading(), found.frame())
