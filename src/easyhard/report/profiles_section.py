"""The section of the profiles, with its words."""

from __future__ import annotations

import polars as pl

from easyhard.report.profiles import MARGIN, MOST_MODELS, Way, panel_width, profile_table, profiles
from easyhard.report.section import Section, drawing
from easyhard.report.table import text_table
from easyhard.schema import GeneralizationMatrix


def profiles_section(matrix: GeneralizationMatrix) -> Section:
    """Rows and columns of the matrix, one panel each, by a switch."""
    table = profile_table(matrix)
    cells = table.filter(pl.col("kind") == "cell")
    seeds = table["seed"].drop_nulls().n_unique()
    models = cells["model"].n_unique()
    legend = "Points: gains of cells with their 95% intervals. A ring: evaluated on the bin trained on."
    legend += f" Small points: the {seeds} seeds one by one." if seeds else ""
    legend += f" Drawn are the first {MOST_MODELS} of {models} models." if models > MOST_MODELS else ""
    return Section(
        name="profiles",
        heading="Training by training, bin by bin",
        note="The same gains in profile. A level profile: training helped everywhere alike.",
        legend=legend,
        drawings=tuple(
            drawing(
                profiles(matrix, way),
                _in_words(cells, way),
                choice=choice,
                note=note,
                panel=panel_width(matrix) + MARGIN,
            )
            for way, choice, note in _WAYS
        ),
        table=text_table(table, _HEADINGS),
        switch="One panel for each bin",
    )


_WAYS: tuple[tuple[Way, str, str], ...] = (
    ("rows", "trained on", "A panel is a row of the matrix: what one training did to the items of every bin."),
    ("columns", "evaluated on", "A panel is a column of the matrix: what every training did to the same items."),
)
_HEADINGS = {
    "kind": "one",
    "model": "model",
    "trained_on": "trained on",
    "evaluated_on": "evaluated on",
    "seed": "seed",
    "gain_points": "gain, points",
    "low_points": "from",
    "high_points": "to",
    "n": "items",
}


def _in_words(cells: pl.DataFrame, way: Way) -> str:
    key, what = ("trained_on", "trained on") if way == "rows" else ("evaluated_on", "evaluated on")
    spans = cells.group_by(key, maintain_order=True).agg(
        low=pl.col("gain_points").min(), high=pl.col("gain_points").max()
    )
    parts = [f"{what} {row[key]}: {row['low']:+.1f} to {row['high']:+.1f}" for row in spans.iter_rows(named=True)]
    return "Gains in points, from the least to the largest, " + "; ".join(parts) + "."
