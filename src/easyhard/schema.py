"""The frozen types that cross borders between rooms, and the exceptions. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

IntArray = npt.NDArray[np.int8]
FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
Progress = Callable[[int, int], None]  # (units done, units in all)

MISSING = -1  # the code of a missing response in a dense int8 array


class EasyhardError(Exception):
    """Root of every error we raise on purpose. Its text gives the finding, the place and the next step."""


class InputError(EasyhardError):
    """The call, a file or a setting is wrong; the user can mend it. The command line exits with 2."""


class WorkError(EasyhardError):
    """The input was fine but the work failed (a loss became infinite, a disk is full). Exits with 1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided interval, in the unit of the estimate it belongs to. ``level`` is its nominal coverage."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Responses:
    """Who answered what correctly: respondents x items.

    ``correct`` is int8 ``[respondents, items]``: 1 correct, 0 wrong, -1 missing. Respondents are language
    models, checkpoints or settings of one; items are benchmark examples. Names are unique on either axis.
    """

    correct: IntArray
    respondents: tuple[str, ...]
    items: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.respondents), len(self.items))
        if self.correct.shape != shape:
            raise InputError(f"correct has shape {self.correct.shape}, but there are {shape} names.")
        for what, names in (("respondent", self.respondents), ("item", self.items)):
            if len(set(names)) != len(names):
                raise InputError(f"a {what} name occurs twice; merge its rows before making Responses.")

    def frame(self) -> pl.DataFrame:
        """Long form: one row per observed response, columns ``respondent, item, correct``."""
        rows, columns = np.nonzero(self.correct != MISSING)
        return pl.DataFrame(
            {
                "respondent": pl.Series(self.respondents, dtype=pl.String).gather(rows),
                "item": pl.Series(self.items, dtype=pl.String).gather(columns),
                "correct": self.correct[rows, columns],
            }
        )

    def select(self, items: Sequence[str]) -> Responses:
        """The same respondents on ``items``, in that order. Raises InputError for an unknown item."""
        place = {name: column for column, name in enumerate(self.items)}
        unknown = [name for name in items if name not in place]
        if unknown:
            raise InputError(
                f"{len(unknown)} of {len(items)} items have no responses (first: {unknown[0]!r}). "
                "Give responses and items that use the same item names."
            )
        columns = [place[name] for name in items]
        return Responses(self.correct[:, columns], self.respondents, tuple(items))


@dataclass(frozen=True, slots=True)
class SparseResponses:
    """Observed responses of some respondents only, row after row: a part of what does not fit in memory.

    The responses of respondent r are at ``starts[r]`` to ``starts[r + 1]`` of ``item`` and ``correct``. An item
    has at most one response of each respondent; one that is not listed is missing.
    """

    starts: npt.NDArray[np.integer]  # [respondents + 1], from 0 to the number of responses, never falling
    item: npt.NDArray[np.int32]  # [responses], number of the item, from 0
    correct: IntArray  # [responses], 1 correct, 0 wrong


@dataclass(frozen=True, slots=True)
class Items:
    """Item text: one row per item.

    ``table`` holds ``item, question, answer`` (strings), ``choices`` (list of strings, or null),
    ``solution`` (a worked answer, or null), and one column per name in ``covariates``: human-made notions
    of difficulty such as digits or steps.
    """

    table: pl.DataFrame
    covariates: tuple[str, ...] = ()

    def frame(self) -> pl.DataFrame:
        """The table itself."""
        return self.table

    def select(self, items: Sequence[str]) -> Items:
        """The rows of ``items``, in that order. Raises InputError for an item without text."""
        order = pl.DataFrame({"item": list(items)}, schema={"item": pl.String})
        unknown = order.join(self.table, on="item", how="anti")["item"]
        if len(unknown):
            raise InputError(
                f"{len(unknown)} of {len(items)} items have no text (first: {unknown[0]!r}). "
                "Add them to the item table, or drop them from the responses."
            )
        return Items(order.join(self.table, on="item", how="left", maintain_order="left"), self.covariates)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an item bank was calibrated.

    Under ``rasch`` abilities and difficulties are in logits, and the mean difficulty of the unflagged items is 0
    unless they were calibrated onto an older scale. Under ``2pl`` both are in standard deviations of the
    respondents' abilities, whose mean is 0; of those of the older scale, if they were calibrated onto one.
    """

    model: str  # "rasch" or "2pl"
    n_respondents: int
    n_items: int
    ability_mean: float  # of the respondents, on the scale of the items
    ability_sd: float
    log_likelihood: float  # marginal
    iterations: int
    convergence: str  # a sentence
    notes: tuple[str, ...] = ()  # sentences on what was unusual about the responses

    @property
    def unit(self) -> str:
        """Of abilities and difficulties, as it may stand after a number."""
        return "logits" if self.model == "rasch" else "ability sd"


@dataclass(frozen=True, slots=True)
class ItemBank:
    """Calibrated items, one row each.

    Columns of ``table``: ``item``; ``difficulty`` in the calibration's unit, larger is harder; ``standard_error``
    of it; ``discrimination`` (1 under Rasch); ``n_responses``; ``proportion_correct``;
    ``infit_mnsq`` and ``outfit_mnsq`` (1 expected, larger is noisier; null if flagged); ``flag`` (``""``,
    ``"all_correct"`` or ``"none_correct"``).
    """

    table: pl.DataFrame
    calibration: Calibration

    def frame(self) -> pl.DataFrame:
        """The table itself."""
        return self.table


@dataclass(frozen=True, slots=True)
class Bins:
    """Items cut into bins by difficulty; bin 0 is the easiest.

    Columns of ``table``: ``item, bin, split`` (``"train"`` or ``"held_out"``), ``difficulty``,
    ``standard_error`` and ``membership``: the probability that the item's true difficulty lies within the
    edges of its bin. ``edges`` are ``count + 1`` difficulties in logits, the outer ones infinite.
    """

    table: pl.DataFrame
    edges: tuple[float, ...]
    held_out: float  # share of every bin never trained on; 0 means trained and tested on the same items

    @property
    def count(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    def frame(self) -> pl.DataFrame:
        """The table itself."""
        return self.table

    def items(self, bin_: int, split: str) -> list[str]:
        """Names of the items of one bin and split, in table order."""
        chosen = (pl.col("bin") == bin_) & (pl.col("split") == split)
        return self.table.filter(chosen)["item"].to_list()


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome of one coded check of a study: ``passed``, ``issue``, ``tip`` or ``not applicable``."""

    code: str  # "EH001"
    title: str
    status: str
    finding: str  # a sentence with the figures
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class GeneralizationMatrix:
    """What training on each bin did to each bin.

    ``runs``: one row per (model, train_bin, eval_bin, seed): ``accuracy``, ``zero_shot_accuracy``,
    ``gain`` (their difference, in proportion correct), ``low, high`` (95% interval of the gain, paired on
    items), ``n`` (items) and ``status`` (``done``, ``failed`` or ``missing``; numbers are null unless done).
    ``cells``: the same over seeds: one row per (model, train_bin, eval_bin), with ``n_seeds``.
    ``tests``: named summary statistics with intervals. ``checks``: what could make the picture misleading.
    ``mixture_runs, mixture_cells``: the same two tables for trainings on a mixture of bins, with its name as
    ``mixture`` in place of ``train_bin``.
    ``over_models``: the tests over all models together, one row per test; empty with one model.
    ``separation``: how well bins by difficulty and by each covariate separate items; empty without covariates.
    """

    runs: pl.DataFrame
    cells: pl.DataFrame
    tests: dict[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    mixture_runs: pl.DataFrame = field(default_factory=pl.DataFrame)
    mixture_cells: pl.DataFrame = field(default_factory=pl.DataFrame)
    over_models: pl.DataFrame = field(default_factory=pl.DataFrame)
    separation: pl.DataFrame = field(default_factory=pl.DataFrame)

    def frame(self) -> pl.DataFrame:
        """One row per (model, train_bin, eval_bin, seed)."""
        return self.runs
