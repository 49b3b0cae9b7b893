"""The section of the heat map, with its words."""

from __future__ import annotations

import polars as pl

from easyhard.report.heat_map import CELL_WIDTH, heat_map, heat_map_table
from easyhard.report.measure import LOOKS, Measure
from easyhard.report.section import Section, drawing
from easyhard.report.table import text_table
from easyhard.schema import GeneralizationMatrix


def heat_map_section(matrix: GeneralizationMatrix) -> Section:
    """The heat map of each measure, by a switch."""
    table = heat_map_table(matrix)
    bins = table["evaluated_on"].n_unique()
    columns = 2 if bins <= 6 else 1
    return Section(
        name="gains",
        heading="What training on each bin did",
        note="Each bin trained on, against the untouched model. "
        "Rows are the bin trained on, columns the bin evaluated on.",
        legend=_marks(table),
        drawings=tuple(
            drawing(
                heat_map(matrix, columns, measure),
                _in_words(table, measure),
                choice=measure,
                note=_MEASURES[measure],
                panel=bins * CELL_WIDTH + 130,
                cells=bins,
            )
            for measure in LOOKS
        ),
        table=text_table(table, _HEADINGS),
        switch="Cells show",
    )


_MEASURES: dict[Measure, str] = {
    "gain": "Change in accuracy against zero-shot, in percentage points. Pale: the 95% interval of the gain, taken "
    "cell by cell, includes zero.",
    "accuracy": "Share of items answered correctly after training. Bold: it differs from zero-shot, by the 95% "
    "interval of the gain.",
    "z": "The gain divided by its standard error, both as its 95% interval has them: the interval's middle over half "
    "its width divided by 1.96. Pale: within ±1.96, where that interval includes zero.",
}


def _marks(table: pl.DataFrame) -> str:
    """What marks on single cells mean, of those that are there."""
    marks = ["The first row is the accuracy of the untouched model."]
    if (table["look"] == "failed").any():
        marks.append("Hatched: the run failed.")
    if (table["look"] == "missing").any():
        marks.append("Without colour, and marked not run or –: no result yet.")
    if table["trained_on_these_items"].any():
        marks.append("A dashed frame, and † where there is room: evaluated on the very items it was trained on.")
    if any(name.startswith("mix: ") for name in table["trained_on"]):
        marks.append("Rows named mix: as many examples, of several bins.")
    return " ".join(marks)


def _in_words(table: pl.DataFrame, measure: Measure) -> str:
    gains = table.filter(pl.col("look") != "zero_shot")
    bins = gains["evaluated_on"].n_unique()
    looks = gains["look"].value_counts()
    count = dict(zip(looks["look"], looks["count"], strict=True))
    what, column, label, unit = _IN_WORDS[measure]
    words = [f"Heat map of {what}, {bins} by {bins} bins, of {', '.join(gains['model'].unique(maintain_order=True))}."]
    done = gains.drop_nulls(column).sort(column)
    for which, row in (("Largest", done.tail(1)), ("Lowest", done.head(1))):
        for cell in row.iter_rows(named=True):
            trained_on = f"bin {cell['trained_on']}" if cell["trained_on"].isdecimal() else cell["trained_on"]
            place = f"trained on {trained_on}, evaluated on bin {cell['evaluated_on']}"
            words.append(f"{which}: {cell[label]}{unit} ({place}).")
    unclear, absent = count.get("unclear", 0), count.get("failed", 0) + count.get("missing", 0)
    words.append(f"In {unclear} of {len(gains)} cells the interval includes zero; {absent} have no result.")
    return " ".join(words)


_IN_WORDS: dict[Measure, tuple[str, str, str, str]] = {
    "gain": ("gains over zero-shot", "gain_points", "gain", " points"),
    "accuracy": ("accuracies after training", "accuracy_percent", "accuracy", ""),
    "z": ("gains in standard errors", "z", "z_label", ""),
}


_HEADINGS = {
    "model": "model",
    "trained_on": "trained on",
    "evaluated_on": "evaluated on",
    "gain": "gain, points",
    "interval": "95% interval",
    "z": "z",
    "accuracy": "accuracy",
    "zero_shot_accuracy": "zero-shot",
    "items": "items",
    "seeds": "seeds",
    "status": "status",
}
