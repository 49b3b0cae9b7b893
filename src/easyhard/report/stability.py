"""How stable the order of difficulty and the bins are, by the number of respondents."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import polars as pl

from easyhard.report.section import Section, drawing
from easyhard.report.table import text_table
from easyhard.report.vega import inline

PANEL = 380  # pixels of one panel with its margin


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of two calibrations by the number of respondents of each.

    ``table`` as ``StabilityCurve.frame`` has it; ``reading`` says in sentences what was found for ``bins`` many bins.
    """

    table: pl.DataFrame
    reading: str
    bins: int


def stability_points(stability: Stability) -> pl.DataFrame:
    """One row per measure and number of respondents, sorted.

    Columns: ``measure`` in words; ``n_respondents``; ``measured``, the mean over repeats, and ``predicted`` from
    standard errors alone; ``how``: ``disjoint samples``, or ``bootstrap`` where respondents are too few for
    these; ``chance``: what calibrations that have nothing in common agree by.
    """
    chance = {"same_bin": 1 / stability.bins, "spearman": 0.0}
    how = pl.when("independent").then(pl.lit("disjoint samples")).otherwise(pl.lit("bootstrap"))
    return pl.concat(
        stability.table.select(
            pl.lit(words).alias("measure"),
            "n_respondents",
            measured=name,
            predicted=f"predicted_{name}",
            how=how,
            chance=pl.lit(chance[name]),
        )
        for name, words in _MEASURES.items()
    )


def stability_curve_chart(stability: Stability) -> alt.FacetChart:
    """Share of items in the same bin, and rank correlation, against the number of respondents of each calibration."""
    table = stability_points(stability)
    sizes = table["n_respondents"].unique().sort().to_list()
    scale = alt.Scale(type="log", domain=[0.9 * sizes[0], 1.1 * sizes[-1]], nice=False)
    axis = alt.Axis(grid=False, values=_ticks(sizes), format="~s")
    x = alt.X("n_respondents:Q", title="respondents of each calibration", scale=scale, axis=axis)
    y = {"title": None, "scale": alt.Scale(domain=[0, 1])}
    base = alt.Chart().encode(x=x)
    legend = alt.Legend(title=None, orient="bottom")
    shape = alt.Shape("how:N", legend=legend, scale=alt.Scale(domain=_HOW, range=["circle", "diamond"]))
    points = base.mark_point(style="mean", size=50).encode(alt.Y("measured:Q", **y), shape=shape, tooltip=_TOOLTIP)
    lines = base.mark_line(style="mean-line").encode(alt.Y("predicted:Q", **y))
    chance = base.mark_line(style="zero-line", strokeDash=[3, 3]).encode(alt.Y("chance:Q", **y))
    layered = alt.layer(chance, lines, points, data=inline(table)).properties(width=PANEL - 90, height=200)
    facet = alt.Facet("measure:N", sort=list(_MEASURES.values()), header=alt.Header(title=None, labelFontSize=12))
    return layered.facet(facet, columns=2)


def stability_section(stability: Stability) -> Section:
    """The curve with its words: what was found stands first."""
    points = stability_points(stability)
    words = "; ".join(
        f"{row['n_respondents']}: {row['measured']:.2f}"
        for row in points.filter(pl.col("measure") == _MEASURES["same_bin"])
        .drop_nulls("measured")
        .iter_rows(named=True)
    )
    return Section(
        name="stability",
        heading="How stable the bins are",
        note="How far calibrations of the same items by other respondents agree.",
        legend=f"{stability.reading}\nPoints: two calibrations with so many respondents each, compared, mean over "
        "repeats. Up to half of the respondents the two have none in common; beyond, a bootstrap. Line: what the "
        "standard errors alone lead one to expect. Dashed: calibrations that have nothing in common.",
        drawings=(
            drawing(
                stability_curve_chart(stability),
                f"Share of items in the same of {stability.bins} bins, by respondents of each calibration. {words}.",
                panel=PANEL,
            ),
        ),
        table=text_table(points, _HEADINGS),
    )


def _ticks(sizes: list[int]) -> list[int]:
    """At most six of the sizes: on a scale of logarithms all of them may collide."""
    step = max(1, -(-len(sizes) // 6))
    return sizes[::step]


_HOW = ["disjoint samples", "bootstrap"]
_MEASURES = {"same_bin": "items in the same bin", "spearman": "rank correlation of difficulties"}
_HEADINGS = {
    "measure": "measure",
    "n_respondents": "respondents",
    "measured": "measured",
    "predicted": "from standard errors",
    "how": "how",
    "chance": "nothing in common",
}
_TOOLTIP = [
    alt.Tooltip("n_respondents:Q", title="respondents", format=","),
    alt.Tooltip("measured:Q", format=".2f"),
    alt.Tooltip("predicted:Q", title="from standard errors", format=".2f"),
    alt.Tooltip("how:N"),
]
