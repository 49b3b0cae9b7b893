"""The answer of a study in two sentences per model, with its uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from easyhard.generalization.checks import concerns
from easyhard.generalization.planning import smallest_detectable_gain
from easyhard.generalization.words import bins_words, p_words, points, span
from easyhard.schema import Bins, GeneralizationMatrix, Interval

_MEMORY = ", where a bin's own training is evaluated on the items trained on and memory counts as help"


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
            "guessing, so what it gained may be only the form of an answer (EH006). "
            f"For the record, {changed}, and {near}."
        )
    if not _shape(tests)["direction"] and not tests["changed_cells"]["value"]:
        if tests["mean_gain"]["direction"]:
            return (
                f"For {model}, {_mean(tests)}, but no place stands out: {near}. "
                f"Cell by cell {changed}: {_detectable(done)}."
            )
        certain = " certain" if _is_open(_shape(tests)) else ""
        return (
            f"The data show nothing{certain} for {model}: {changed}, and {near}. "
            f"That does not show that training does nothing: {_detectable(done)}."
        )
    if "EH007" in fired:
        return (
            f"Cell by cell the data show nothing for {model}: no change is as large as a cell can detect "
            f"(EH007), and {changed}. Over all cells together, {near}."
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
        sentence += f" {guessing} of {len(matrix.tests)} models answer no better than guessing (EH006)."
    return sentence


def _separated(matrix: GeneralizationMatrix) -> str:
    """How often bins by difficulty beat bins by a covariate; empty without covariates."""
    table = matrix.separation
    if not len(table):
        return ""
    gains = int(table["fall_lead"].count())
    better, worse = int((table["accuracy_low"] > 0).sum()), int((table["accuracy_high"] < 0).sum())
    covariates = f"one of {table['covariate'].n_unique()} covariates" if len(table) > 1 else table["covariate"][0]
    said = (
        f"Bins by difficulty separate zero-shot accuracy better than bins by {covariates} in {better} of {len(table)} "
        f"{'comparison' if len(table) == 1 else 'comparisons'} and worse in {worse or 'none'}"
    )
    if not gains:
        return f"{said}."
    better, worse = int((table["fall_low"] > 0).sum()), int((table["fall_high"] < 0).sum())
    return (
        f"{said}; distance in difficulty tells the gain better in {better} of {gains} and worse in {worse or 'none'}."
    )


def _shape(tests: dict[str, Any]) -> dict[str, Any]:
    """The test that says whether training helps nearby: the slope, or with two bins the own bin's lead."""
    shape: dict[str, Any] = tests["distance_slope"]
    return tests["own_bin_advantage"] if shape["value"] is None else shape


def _near(tests: dict[str, Any], done: pl.DataFrame) -> str:
    """Where training helped, and the figure that says so."""
    shape = _shape(tests)
    if shape["value"] is None:
        return "too few cells have results to tell whether training on a bin helps most near it"
    if _is_open(shape):
        return f"whether training on a bin helps more near that bin or far from it stays open {_slope(shape)}"
    words = _words(shape["direction"] if shape is tests["distance_slope"] else -shape["direction"], done)
    if shape is tests["distance_slope"]:
        return f"training on a bin {words} {_slope(shape)}"
    return (
        f"training on a bin {words} (gain of a bin's own training minus the other's: "
        f"{points(shape['value'])} points, {span(_interval(shape))})"
    )


def _words(direction: int, done: pl.DataFrame) -> str:
    """What the slope's ``direction`` means, given whether gains near and far are gains or losses."""
    own = pl.col("train_bin") == pl.col("eval_bin")
    near, far = (float(done.filter(cells)["gain"].sum()) for cells in (own, ~own))
    if direction == 0:
        return "did not measurably help more near that bin or far from it"
    if direction < 0:
        return "helped most near that bin" if near > 0 else "harmed least near that bin"
    if near > 0:
        return "helped less near that bin than far from it"
    return "did not help near that bin but did further away" if far > 0 else "harmed most near that bin"


def _mean(tests: dict[str, Any]) -> str:
    """The mean gain over all cells, which many cells show together where none shows it alone."""
    mean = tests["mean_gain"]
    verb = "raised" if mean["value"] > 0 else "lowered"
    return (
        f"training {verb} accuracy on average over all trainings and bins "
        f"({points(mean['value'])} points, {span(_interval(mean))})"
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
    """How many cells differ from zero, and in which direction."""
    count, n_up = int(tests["changed_cells"]["value"]), int(tests["changed_cells"]["n_up"])
    lost = f" ({n_cells - n_done} more have no result)" if n_done < n_cells else ""
    split = f": {n_up} up and {count - n_up} down" if count else ""
    number = count if count else "none"
    verb = "differs" if count < 2 else "differ"
    return f"{number} of {n_done} cells{lost} {verb} from zero after Holm's correction{split}"


def _everywhere(tests: dict[str, Any]) -> str:
    """Which training bins improved everything."""
    rows = tuple(tests["improves_every_bin"]["bins"])
    if rows:
        return f"training on {bins_words(rows)} improved every evaluation bin"
    return "no single training bin is shown to improve every evaluation bin"


def _detectable(done: pl.DataFrame) -> str:
    """What a middling cell would have had to gain to be seen."""
    n, n_seeds, accuracy = (float(np.median(done[name])) for name in ("n", "n_seeds", "zero_shot_accuracy"))
    limit = smallest_detectable_gain(int(n), int(n_seeds), base_accuracy=accuracy)
    if limit > 1:
        return f"a typical cell ({n:.0f} items) leaves no room for a gain that would have been seen"
    return f"a typical cell ({n:.0f} items) detects only gains of about {100 * limit:.0f} points or more"


def _interval(test: dict[str, Any]) -> Interval | None:
    return None if test["low"] is None else Interval(test["low"], test["high"], test["level"])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
