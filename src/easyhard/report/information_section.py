"""The section on what the items tell, with its words."""

from __future__ import annotations

import polars as pl

from easyhard.generalization.scale_coverage import (
    Intended,
    bin_information,
    distance_to_intended,
    information_curve,
    widest_stretch,
)
from easyhard.report.information import (
    against_intended,
    bin_panel,
    grid,
    information_by_ability,
    information_of_bins,
)
from easyhard.report.section import Drawing, Section, drawing
from easyhard.report.table import TextTable, text_table
from easyhard.report.text import plain
from easyhard.schema import Bins, ItemBank


def information_section(
    bank: ItemBank, bins: Bins | None, abilities: pl.DataFrame | None, intended: Intended | None
) -> Section:
    """Test information, what each bin tells about the models, and how the items cover the scale."""
    one = None if abilities is None else abilities.unique(["model", "trained_on", "seed"], maintain_order=True)
    studied = bins is not None and one is not None and len(one) > 0
    curve = information_curve(bank, None, grid(bank))
    most = curve.row(int(curve["information"].arg_max() or 0), named=True)
    drawings = [
        drawing(
            information_by_ability(bank, bins, one),
            f"Information of all items by ability: most, {most['information']:.1f}, at {most['ability']:+.2f} "
            f"{bank.calibration.unit}.",
            fluid=True,
        )
    ]
    legend = [
        "The curve: information of all calibrated items, bin upon bin. One over its root is the standard error of an "
        "ability." + (" Triangles: checkpoints." if studied else "")
    ]
    if bins is not None and one is not None and studied:
        drawings.append(_of_bins(bank, bins, one))
        legend.append("By bin: what the evaluated items tell about a model, of the most they could, were it as able as "
                      "each of them is difficult. Where that is low, the bin is at its floor or ceiling, and changes "
                      "hardly show.")  # fmt: skip
        legend.append(_stretch(bank, one))
    if intended is not None:
        drawings.append(_intended(bank, intended))
        legend.append(_distance(bank, intended))
    return Section(
        name="information",
        heading="What the items tell about these models" if studied else "What the items tell",
        note="Items tell most about a model that is as able as they are difficult.",
        legend="\n".join(legend),
        drawings=tuple(drawings),
        table=_table(bank, bins, one, studied),
    )


def _of_bins(bank: ItemBank, bins: Bins, one: pl.DataFrame) -> Drawing:
    parts = [
        f"{row['model']}, {row['stage']}, bin {row['eval_bin']}: {100 * row['efficiency']:.0f}%"
        for row in bin_information(bank, bins, one).drop_nulls("efficiency").iter_rows(named=True)
    ]
    words = "What each bin tells of the most it could. " + "; ".join(parts) + "."
    panel = bin_panel(bins) + 40 if one["model"].n_unique() > 1 else 0
    return drawing(information_of_bins(bank, bins, one), words, panel=panel)


def _stretch(bank: ItemBank, one: pl.DataFrame) -> str:
    """The widest stretch without items among the checkpoints."""
    low, high = (float(value) for value in (one["ability"].to_numpy().min(), one["ability"].to_numpy().max()))
    found = widest_stretch(bank.table["difficulty"].to_numpy(), low, high)
    return (
        f"From the least to the most able checkpoint ({low:+.2f} to {high:+.2f} {bank.calibration.unit}) the widest "
        f"stretch without an item runs from {found.low:+.2f} to {found.high:+.2f}."
    ).replace("-", "−")


def _distance(bank: ItemBank, intended: Intended) -> str:
    """How far these difficulties are from the intended ones."""
    found = distance_to_intended(bank.table["difficulty"].to_numpy(), intended.difficulty)
    harder = "harder" if found.mean_difference > 0 else "easier"
    mean = f"{abs(found.mean_difference):.2f} {harder}" if abs(found.mean_difference) >= 0.005 else "as hard"
    return (
        f"Against {plain(intended.name, 60)} ({len(intended.difficulty):,} items): the shares of items up to a "
        f"difficulty differ by at most {100 * found.kolmogorov_smirnov:.0f} points (Kolmogorov-Smirnov), an item is "
        f"{found.wasserstein:.2f} {bank.calibration.unit} from its place on average (Wasserstein), and the mean item "
        f"is {mean}."
    )


def _intended(bank: ItemBank, intended: Intended) -> Drawing:
    return drawing(
        against_intended(bank, intended), "Cumulative distributions of difficulty. " + _distance(bank, intended)
    )


def _table(bank: ItemBank, bins: Bins | None, one: pl.DataFrame | None, studied: bool) -> TextTable:
    if studied and bins is not None and one is not None:
        return text_table(bin_information(bank, bins, one), _BIN_HEADINGS)
    curve = information_curve(bank, bins, grid(bank)[::4])
    headings = {name: name for name in ("ability", "bin", "items", "information") if name != "bin" or bins is not None}
    return text_table(curve, headings)


_BIN_HEADINGS = {
    "model": "model",
    "stage": "stage",
    "checkpoints": "checkpoints",
    "ability": "mean ability",
    "eval_bin": "evaluated on",
    "items": "items",
    "information": "information",
    "efficiency": "of the most",
}
