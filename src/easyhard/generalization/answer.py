"""The answer of a study in two sentences per model, with its uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from easyhard.generalization.checks import concerns
from easyhard.generalization.planning import smallest_detectable_gain
from easyhard.generalization.words import bins_words, p_words, points, span
from easyhard.schema import Bins, GeneralizationMatrix, Interval
from easyhard.wording import counted, listed

_MEMORY = ", where a bin's own training is evaluated on the very items trained on, so that memory counts as help"
_MOST_NAMED = 3  # covariates


def answer(matrix: GeneralizationMatrix, bins: Bins) -> str:
    """Did training on a bin help most near it, by how much per bin of distance, and how many cells changed.

    Two sentences for each model, one model per line; with several models another line on all of them together, and
    with covariates in numbers one on how difficulty and these separate the items. Where a check says that the figures
    are no evidence (EH006, EH007), or where nothing is significant, the first sentence says that the data show
    nothing. ``matrix.checks`` should hold the checks; without them only the figures speak.
    """
    lines = [*(_answer_for(matrix, bins, model) for model in matrix.tests), _together(matrix), _separated(matrix)]
    return "\n".join(line for line in lines if line)


def _answer_for(matrix: GeneralizationMatrix, bins: Bins, model: str) -> str:
    cells = matrix.cells.filter(pl.col("model") == model)
    done = cells.filter(pl.col("status") == "done")
    if done.is_empty():
        return f"There is no answer for {model} yet. None of its {len(cells)} cells has a result."
    tests = matrix.tests[model]
    fired = {check.code for check in matrix.checks if concerns(check, model)}
    memory = "" if bins.held_out else _MEMORY
    near = _near(tests, done) + memory
    changed = _changed(tests, len(cells), len(done))
    if "EH006" in fired:
        return (
            f"The data show nothing about difficulty for {model}: zero-shot it answers no better than "
            "guessing, so what it gained may be only the form of an answer (check EH006). "
            f"For the record: {changed}, and {near}."
        )
    if not _shape(tests)["direction"] and not tests["changed_cells"]["value"]:
        if tests["mean_gain"]["direction"]:
            return (
                f"For {model}, {_mean(tests)}, but no place stands out: {near}. "
                f"Cell by cell, {changed}; {_detectable(done)}."
            )
        certain = " certain" if _is_open(_shape(tests)) else ""
        return (
            f"The data show nothing{certain} for {model}: {changed}, and {near}. "
            f"That does not show that training does nothing: {_detectable(done)}."
        )
    if "EH007" in fired:
        return (
            f"Cell by cell the data show nothing for {model}: no change is as large as a single cell can detect "
            f"(check EH007), and {changed}. Over all cells together, {near}."
        )
    return f"For {model}, {near}. {_capital(changed)}; {_everywhere(tests)}."


def _together(matrix: GeneralizationMatrix) -> str:
    """The slope on distance, or failing that the mean gain, over all models; empty with one model."""
    said: dict[str, str] = {}
    if len(matrix.over_models):
        said = dict(matrix.over_models.select("test", "sentence").iter_rows())
    sentence = said.get("distance_slope", said.get("mean_gain", ""))
    guessing = sum(
        any(check.code == "EH006" and concerns(check, model) for check in matrix.checks) for model in matrix.tests
    )
    if sentence and guessing:
        verb = "answers" if guessing == 1 else "answer"
        sentence += f" {guessing} of these {len(matrix.tests)} models {verb} no better than guessing (check EH006)."
    return sentence


def _separated(matrix: GeneralizationMatrix) -> str:
    """How often bins by difficulty beat bins by a covariate; empty without covariates."""
    table = matrix.separation
    if not len(table):
        return ""
    names = table["covariate"].unique(maintain_order=True).to_list()
    against = listed(names) if len(names) <= _MOST_NAMED else f"{len(names)} covariates, one at a time"
    said = [f"Difficulty held against {against}."]
    right = _how_often("bins by difficulty tell it", table["accuracy_low"], table["accuracy_high"])
    said.append(f"Which items the untrained model gets right: {right}.")
    gains = table.drop_nulls("fall_lead")
    if len(gains):
        gained = _how_often("distance in difficulty tells it", gains["fall_low"], gains["fall_high"])
        said.append(f"How much training gains: {gained}.")
    return " ".join(said)


def _how_often(what: str, low: pl.Series, high: pl.Series) -> str:
    """In how many comparisons difficulty tells more, less, or it stays open, from the ends of the leads' intervals."""
    leads = {"better": int((low > 0).sum()), "worse": int((high < 0).sum())}
    n_open = len(low) - sum(leads.values())
    known = [(word, number) for word, number in leads.items() if number]
    everywhere = {1: "", 2: " in both comparisons"}.get(len(low), f" in all {len(low)} comparisons")
    if not known:
        return f"the data leave open what tells it better{everywhere}"
    (word, number), *rest = known
    if number == len(low):
        return f"{what} {word}{everywhere}"
    said = f"{what} {word} in {number} of {len(low)} comparisons" + "".join(f", {more} in {n}" for more, n in rest)
    return f"{said}; {n_open} {'is' if n_open == 1 else 'are'} open" if n_open else said


def _shape(tests: dict[str, Any]) -> dict[str, Any]:
    """The test that says whether training helps nearby: the slope, or with two bins the own bin's lead."""
    shape: dict[str, Any] = tests["distance_slope"]
    return tests["own_bin_advantage"] if shape["value"] is None else shape


def _near(tests: dict[str, Any], done: pl.DataFrame) -> str:
    """Where training helped, and the figure that says so."""
    shape = _shape(tests)
    if shape["value"] is None:
        return "too few cells have results to tell whether training on a bin helps bins near it most"
    if _is_open(shape):
        return (
            "whether the effect of training on a bin depends on the distance from it stays open: these items and seeds "
            f"say that it does, but other training examples might not {_slope(shape)}"
        )
    if shape is tests["distance_slope"]:
        return f"{_words(shape['direction'], done, 'bins near it', 'bins far from it')} {_slope(shape)}"
    return (
        f"{_words(-shape['direction'], done, 'that bin', 'the other bin')} (gain of a bin's own training minus the "
        f"other's: {points(shape['value'])} points, {span(_interval(shape))})"
    )


def _words(direction: int, done: pl.DataFrame, near: str, far: str) -> str:
    """What the slope's ``direction`` means, given whether gains ``near`` and ``far`` are gains or losses."""
    own = pl.col("train_bin") == pl.col("eval_bin")
    gain_near, gain_far = (float(done.filter(cells)["gain"].sum()) for cells in (own, ~own))
    if direction == 0:
        return f"training on a bin did not measurably do more, or less, for {near} than for {far}"
    if direction < 0:
        return f"training on a bin helped {near} most" if gain_near > 0 else f"training on a bin harmed {near} least"
    if gain_near > 0:
        return f"training on a bin helped {near} less than {far}"
    if gain_far > 0:
        return f"training on a bin did not help {near}, but it helped {far}"
    return f"training on a bin harmed {near} most"


def _mean(tests: dict[str, Any]) -> str:
    """The mean gain over all cells, which many cells show together where none shows it alone."""
    mean = tests["mean_gain"]
    verb = "raised" if mean["value"] > 0 else "lowered"
    return (
        f"training {verb} accuracy on average over all cells ({points(mean['value'])} points, {span(_interval(mean))})"
    )


def _is_open(shape: dict[str, Any]) -> bool:
    """The interval excludes zero, but the permutation test does not."""
    clear = shape["low"] is not None and not shape["low"] <= 0 <= shape["high"]
    return clear and not shape["direction"]


def _slope(shape: dict[str, Any]) -> str:
    """The slope on distance with its uncertainty, in brackets."""
    return (
        f"(the gain changes by {points(shape['value'])} points per bin of distance, "
        f"{span(_interval(shape))}, permutation {p_words(shape['p_value'])})"
    )


def _changed(tests: dict[str, Any], n_cells: int, n_done: int) -> str:
    """In how many cells accuracy changed, and in which direction."""
    count, n_up = int(tests["changed_cells"]["value"]), int(tests["changed_cells"]["n_up"])
    number = f"{count} of {n_done} cells, {n_up} up and {count - n_up} down" if count else f"none of {n_done} cells"
    lost = f"; {counted(n_cells - n_done, 'more cell')} without a result" if n_done < n_cells else ""
    return f"accuracy changed measurably in {number} (at 5% for all cells together, by Holm's correction{lost})"


def _everywhere(tests: dict[str, Any]) -> str:
    """Which training bins improved everything."""
    rows = tuple(tests["improves_every_bin"]["bins"])
    if rows:
        return f"training on {bins_words(rows)} measurably improved every bin"
    return "no training on a single bin measurably improved every bin"


def _detectable(done: pl.DataFrame) -> str:
    """What a middling cell would have had to gain to be seen."""
    n, n_seeds, accuracy = (float(np.median(done[name])) for name in ("n", "n_seeds", "zero_shot_accuracy"))
    limit = smallest_detectable_gain(int(n), int(n_seeds), base_accuracy=accuracy)
    if limit > 1:
        return f"a typical cell ({n:.0f} items) leaves no room for a gain large enough to be seen"
    return f"a typical cell ({n:.0f} items) detects only gains of about {100 * limit:.0f} points or more"


def _interval(test: dict[str, Any]) -> Interval | None:
    return None if test["low"] is None else Interval(test["low"], test["high"], test["level"])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
