"""What the item browser of a page is given: its columns, and the curves that open below an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from easyhard.irt.ability_groups import AbilityGroups
from easyhard.report.item_curve import curve_data
from easyhard.report.item_map import item_columns
from easyhard.schema import Bins, ItemBank, Items


@dataclass(frozen=True, slots=True)
class Browser:
    """Columns of the table, data of the curves (empty if there are none), and how to read these."""

    columns: list[dict[str, str]]
    curves: dict[str, Any]
    note: str


def item_browser(
    bank: ItemBank,
    bins: Bins | None,
    items: Items | None,
    groups: AbilityGroups | None,
    changes: pl.DataFrame | None,
) -> Browser:
    """The browser of all items of ``bank``, in the order of the item map."""
    order = bank.table.sort("difficulty", "item")["item"].to_list()
    curves = curve_data(bank, order, groups, changes)
    return Browser(item_columns(bins is not None, items is not None), curves, _note(curves))


def _note(curves: dict[str, Any]) -> str:
    if "ability" not in curves:
        return ""
    sizes = curves["size"]
    each = str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"
    return (
        f"A curve: the model's chance of a right answer by ability. Points: the {len(sizes)} groups of {each} "
        "respondents of like ability that calibrated the items, each at its mean ability, with the 95% interval of its "
        "proportion (Wilson). Abilities are posterior means given all items, the one shown among them. Several items "
        "together have no interval: the same respondents answered them."
    )
