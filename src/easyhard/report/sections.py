"""The figures of a page with their words: heading, what to look at, text for those who cannot see, table."""

from __future__ import annotations

import polars as pl

from easyhard.generalization.scale_coverage import Intended
from easyhard.report.covariates import MOST_POINTS, difficulty_by_covariate
from easyhard.report.distance import gain_by_distance, gain_by_distance_table, mean_by_distance
from easyhard.report.heat_map_section import heat_map_section
from easyhard.report.information_section import information_section
from easyhard.report.item_map import item_map, item_map_table
from easyhard.report.profiles_section import profiles_section
from easyhard.report.scale import scale_table, widest_gap, wright_map
from easyhard.report.section import Section, drawing
from easyhard.report.stability import Stability, stability_section
from easyhard.report.table import text_table
from easyhard.report.text import plain
from easyhard.schema import Bins, GeneralizationMatrix, ItemBank, Items


def generalization_sections(matrix: GeneralizationMatrix) -> tuple[Section, ...]:
    """Heat map, gain against distance, and, if there is any gain, the matrix row by row and column by column."""
    known = (matrix.cells["status"] == "done").any()
    return (heat_map_section(matrix), _distance(matrix), *([profiles_section(matrix)] if known else []))


def readings(matrix: GeneralizationMatrix) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(heading, sentences of tests), as the matrix words them: each model, then all models, then other ways to bin."""
    found = [
        (model, tuple(test["sentence"] for test in tests.values() if isinstance(test, dict) and "sentence" in test))
        for model, tests in matrix.tests.items()
    ]
    together = (("All models together", matrix.over_models), ("Other ways to bin", matrix.separation))
    return tuple(found + [(name, tuple(table["sentence"])) for name, table in together if len(table)])


def advice(matrix: GeneralizationMatrix) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(model, sentences on what to train on), of the models that there is advice for."""
    said = ((model, tuple(a["sentence"] for a in tests.get("advice", ()))) for model, tests in matrix.tests.items())
    return tuple((model, sentences) for model, sentences in said if sentences)


def calibration_sections(
    bank: ItemBank,
    bins: Bins | None,
    items: Items | None,
    changes: pl.DataFrame | None = None,
    abilities: pl.DataFrame | None = None,
    stability: Stability | None = None,
    intended: Intended | None = None,
) -> tuple[Section, ...]:
    """All on one scale; what items tell; how stable they are; difficulty against covariates, if any; the item map."""
    found = [_scale(bank, abilities), information_section(bank, bins, abilities, intended)]
    if stability is not None:
        found.append(stability_section(stability))
    if items is not None and items.covariates:
        found.append(_covariates(bank, items))
    return (*found, _item_map(bank, bins, items, changes))


def _distance(matrix: GeneralizationMatrix) -> Section:
    means = mean_by_distance(matrix)
    return Section(
        name="distance",
        heading="How far a gain reaches",
        note="The same gains by distance: to the right the bin evaluated on is harder than the bin trained "
        "on, to the left easier.",
        legend="Small points: one run on one bin. Large points: the mean of all cells at that distance"
        + (", with its 95% interval." if means["low_points"].count() else "."),
        drawings=(drawing(gain_by_distance(matrix), _distance_in_words(means), fluid=True),),
        table=text_table(gain_by_distance_table(matrix), _DISTANCE_HEADINGS),
    )


def _distance_in_words(means: pl.DataFrame) -> str:
    rows = means.sort("model", "distance").iter_rows(named=True)
    parts = [f"{row['model']} at {row['distance']:+d}: {row['gain_points']:+.1f}" for row in rows]
    return "Mean gain in points by distance in bins. " + "; ".join(parts) + "."


def _scale(bank: ItemBank, abilities: pl.DataFrame | None) -> Section:
    table = scale_table(bank)
    difficulty = bank.table["difficulty"].to_numpy()
    low, high = widest_gap(difficulty)
    calibration = bank.calibration
    best = table.row(int(table["standard_error"].arg_min() or 0), named=True)
    one = None if abilities is None else abilities.unique(["model", "trained_on", "seed"], maintain_order=True)
    marks = " A triangle is the ability of a checkpoint." if one is not None and len(one) else ""
    return Section(
        name="scale",
        heading="Items and models on one scale",
        note="Where the items lie, and where the models that calibrated them do. Items far from a model tell little "
        "about it.",
        legend=f"Bars: items. Line: the respondents, at its peak as high as the bars.{marks} Below: how well all items "
        f"together measure a model of that ability. Between the easiest and the hardest item the widest stretch "
        f"without one runs from {low:+.2f} to {high:+.2f} {calibration.unit}.".replace("-", "−"),
        drawings=(
            drawing(
                wright_map(bank, one),
                f"{len(difficulty)} items between {difficulty.min():.2f} and {difficulty.max():.2f} "
                f"{calibration.unit}; respondents with mean {calibration.ability_mean:.2f} and standard deviation "
                f"{calibration.ability_sd:.2f}. The standard error of an ability is least, "
                f"{best['standard_error']:.2f}, at {best['middle']:.2f}.",
                fluid=True,
            ),
        ),
        table=text_table(table, _SCALE_HEADINGS),
    )


def _covariates(bank: ItemBank, items: Items) -> Section:
    # A covariate may have the name of a column of ours, such as difficulty.
    renamed = {name: f"covariate {name}" for name in items.covariates}
    asked = items.table.select("item", *(pl.col(name).alias(own) for name, own in renamed.items()))
    table = item_map_table(bank, items=items).join(asked, on="item").sort("rank")
    headings = {"item": "item", "question": "question", **{own: name for name, own in renamed.items()}}
    headings |= {"difficulty": "difficulty", "standard_error": "standard error"}
    return Section(
        name="covariates",
        heading="Difficulty and what people count",
        note="How hard items are for models, against notions of difficulty that people wrote or counted.",
        legend="One point per item; a bar is the median of the items with the same value."
        + (f" A random {MOST_POINTS:,} of the items are drawn." if len(table) > MOST_POINTS else ""),
        drawings=tuple(
            drawing(
                difficulty_by_covariate(bank, items, name),
                f"Difficulty in {bank.calibration.unit} of {len(table)} items against {plain(name, 60)}.",
                fluid=True,
            )
            for name in items.covariates
        ),
        table=text_table(table, headings),
    )


def _item_map(bank: ItemBank, bins: Bins | None, items: Items | None, changes: pl.DataFrame | None) -> Section:
    table = item_map_table(bank, bins, items)
    flagged = (table["flag"] != "").any()
    absent = {"question"} if items is None else set()
    absent |= {"bin", "split"} if bins is None else set()
    absent |= set() if flagged else {"flag"}
    headings = {name: heading for name, heading in _ITEM_HEADINGS.items() if name not in absent}
    ends, unit = [f"{table['difficulty'][place]:.2f}" for place in (0, -1)], bank.calibration.unit
    mean = round(float(table["difficulty"].to_numpy().mean()), 2)
    origin = f"the mean item is at {mean:+.2f}".replace("-", "−") if mean else "0 is the mean item"
    bars = "A bar reaches one standard error to either side."
    crosses = " A cross is an item that everybody or nobody solved." if flagged else ""
    return Section(
        name="items",
        heading="The items",
        note=f"{len(table):,} items from easiest to hardest, in {unit}; {origin}.",
        legend=bars + crosses,
        drawings=(
            drawing(
                item_map(bank, bins, items, changes),
                f"{len(table)} items sorted by difficulty, from {ends[0]} to {ends[1]} {unit}.",
                fluid=True,
            ),
        ),
        table=text_table(table, headings),
        table_title=f"All {len(table):,} items",
    )


_DISTANCE_HEADINGS = {
    "model": "model",
    "distance": "distance",
    "train_bin": "trained on",
    "eval_bin": "evaluated on",
    "seed": "seed",
    "gain_points": "gain, points",
    "low_points": "from",
    "high_points": "to",
    "n": "items",
}
_SCALE_HEADINGS = {
    "low": "from",
    "high": "to",
    "items": "items",
    "respondents": "share of respondents",
    "standard_error": "standard error of an ability",
}
_ITEM_HEADINGS = {
    "rank": "rank",
    "item": "item",
    "question": "question",
    "bin": "bin",
    "split": "split",
    "difficulty": "difficulty",
    "standard_error": "standard error",
    "proportion_correct": "answered correctly",
    "flag": "flag",
}
