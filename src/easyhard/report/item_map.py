"""The item map: every item's difficulty with its standard error, coloured by bin."""

from __future__ import annotations

import altair as alt
import polars as pl

from easyhard.report.text import plain
from easyhard.report.vega import inline
from easyhard.schema import Bins, ItemBank, Items

MANY = 3000  # items from which on their texts are cut shorter, so that the page stays small


def item_map_table(
    bank: ItemBank, bins: Bins | None = None, items: Items | None = None, changes: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per calibrated item, easiest first.

    Columns: ``rank`` (1 is the easiest), ``item``, ``question`` (shortened, null without ``items``), ``bin``
    and ``split`` (null without ``bins`` or for an item in none), ``difficulty`` and ``standard_error`` in
    logits, ``low`` and ``high`` (one standard error to either side), ``proportion_correct``, ``infit_mnsq`` and
    ``outfit_mnsq`` (null where the bank has none), ``flag``, and ``training``: ``forgotten`` or ``fixed`` where all
    trainings of some model agree, else null. ``split`` and ``flag`` are worded with blanks: ``held out``.
    """
    table = bank.table.join(_placed(bins), on="item", how="left").join(_asked(items), on="item", how="left")
    absent = [name for name in ("infit_mnsq", "outfit_mnsq") if name not in table.columns]
    table = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
    table = table.join(_changed(changes), on="item", how="left")
    return (
        table.sort("difficulty", "item")
        .with_row_index("rank", offset=1)
        .with_columns(
            low=pl.col("difficulty") - pl.col("standard_error"),
            high=pl.col("difficulty") + pl.col("standard_error"),
            split=pl.col("split").str.replace_all("_", " "),
            flag=pl.col("flag").str.replace_all("_", " "),
        )
        .select(*_FIRST, "difficulty", "standard_error", "low", "high", "proportion_correct", *_LAST)
    )


_FIRST = ("rank", "item", "question", "bin", "split")
_LAST = ("infit_mnsq", "outfit_mnsq", "flag", "training")


def item_columns(bins: bool, items: bool) -> list[dict[str, str]]:
    """Columns of the item browser: ``name`` in the table above, ``heading``, ``form`` of the value."""
    columns = [
        ("rank", "rank", "whole"), ("item", "item", "text"), ("question", "question", "text"), ("bin", "bin", "whole"),
        ("split", "split", "text"), ("difficulty", "difficulty", "signed"),
        ("standard_error", "standard error", "number"), ("proportion_correct", "correct", "percent"),
        ("infit_mnsq", "infit", "number"), ("outfit_mnsq", "outfit", "number"), ("marks", "marks", "text"),
    ]  # fmt: skip
    absent = {name for name, known in (("question", items), ("bin", bins), ("split", bins)) if not known}
    return [{"name": name, "heading": heading, "form": form} for name, heading, form in columns if name not in absent]


def _changed(changes: pl.DataFrame | None) -> pl.DataFrame:
    """One row for each item that all trainings of a model broke or fixed, with what they did."""
    if changes is None:
        return pl.DataFrame(schema={"item": pl.String, "training": pl.String})
    known = changes.filter(pl.col("change") != "").group_by("item").agg(pl.col("change").unique().sort())
    return known.select("item", pl.col("change").list.join(", ").alias("training"))


def _placed(bins: Bins | None) -> pl.DataFrame:
    if bins is None:
        return pl.DataFrame(schema={"item": pl.String, "bin": pl.Int64, "split": pl.String})
    return bins.table.select("item", "bin", "split")


def _asked(items: Items | None) -> pl.DataFrame:
    if items is None:
        return pl.DataFrame(schema={"item": pl.String, "question": pl.String})
    limit = 200 if items.table.height <= MANY else 100
    question = pl.Series("question", [plain(text, limit) for text in items.table["question"]], dtype=pl.String)
    return items.table.select("item", question)


def item_map(
    bank: ItemBank, bins: Bins | None = None, items: Items | None = None, changes: pl.DataFrame | None = None
) -> alt.LayerChart:
    """Items from easiest to hardest, each a point with a bar of one standard error to either side.

    A cross is an item that everybody or nobody solved; its place hangs on the prior of the calibration.
    """
    table = item_map_table(bank, bins, items, changes)
    unpadded, no_grid = alt.Scale(nice=False), alt.Axis(grid=False)
    x = alt.X("rank:Q", title="items, easiest to hardest", scale=unpadded, axis=no_grid)
    base = alt.Chart().encode(x=x) if bins is None else alt.Chart().encode(x=x, color=_bin_colour(bins))
    title = "difficulty, logits"
    # The ends are reckoned where the page is read: at 12,000 items they would be 4% of it.
    ends = {"low": "datum.difficulty - datum.standard_error", "high": "datum.difficulty + datum.standard_error"}
    bars = base.transform_calculate(**ends).mark_rule(style="item-bar")
    bars = bars.encode(alt.Y("low:Q", title=title), alt.Y2("high:Q"))
    points = base.encode(alt.Y("difficulty:Q", title=title), tooltip=_TOOLTIP)
    layers = [bars, points.transform_filter("!datum.flag").mark_point(style="one-item", size=14, opacity=1)]
    if (table["flag"] != "").any():
        cross = {"shape": "cross", "angle": 45, "size": 36, "opacity": 1}
        layers.append(points.transform_filter("datum.flag").mark_point(style="one-item", **cross))
    return alt.layer(*layers, data=inline(table.drop("low", "high"))).properties(width=800, height=320)


def _bin_colour(bins: Bins) -> alt.Color:
    legend = alt.Legend(title="bin", orient="top", symbolType="circle", symbolOpacity=1, columns=6)
    return alt.Color("bin:O", scale=alt.Scale(domain=list(range(bins.count)), range="ordinal"), legend=legend)


_TOOLTIP = [
    alt.Tooltip("item:N"),
    alt.Tooltip("question:N"),
    alt.Tooltip("bin:O"),
    alt.Tooltip("split:N"),
    alt.Tooltip("difficulty:Q", format="+.2f"),
    alt.Tooltip("standard_error:Q", title="standard error", format=".2f"),
    alt.Tooltip("proportion_correct:Q", title="answered correctly", format=".0%"),
]
