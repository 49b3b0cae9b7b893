"""Characteristic curves of items: the model's, beside what groups of respondents of like ability did."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit

from easyhard.irt.ability_groups import AbilityGroups, Counts
from easyhard.report.measure import NORMAL
from easyhard.report.text import plain
from easyhard.schema import ItemBank

# Signs that a number may be written with inside JSON and a script element, none of them escaped.
ALPHABET = "".join(sign for sign in map(chr, range(35, 127)) if sign not in "\\<>&")
MOST_SIGNS = 250_000  # of all curves, so that a page of 12,000 items stays under 5 MB; beyond, fewer groups
_TRIES = 3  # times that groups are merged, before curves are left out


def item_curve_table(bank: ItemBank, groups: AbilityGroups, item: str) -> pl.DataFrame:
    """One row per group of respondents, least able first, for one item of ``bank``.

    ``ability``: the group's mean; ``n`` responses and ``n_correct`` of them; ``observed``, their proportion, with
    ``low`` and ``high``, its 95% interval (Wilson 1927, Journal of the American Statistical Association 22, 209-212),
    null without a response; ``expected``: the model's probability at the group's mean ability.
    """
    one = groups.select((item,))
    row = bank.table.row(by_predicate=pl.col("item") == item, named=True)
    rows = []
    for ability, n, right in zip(one.ability.tolist(), one.seen[0].tolist(), one.correct[0].tolist(), strict=True):
        low, high = wilson(right, n)
        expected = float(expit(row["discrimination"] * (ability - row["difficulty"])))
        observed = right / n if n else None
        rows.append({"ability": ability, "n": n, "n_correct": right, "observed": observed, "low": low, "high": high,
                     "expected": expected})  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: dict[str, type[pl.DataType]] = {
    "ability": pl.Float64, "n": pl.Int64, "n_correct": pl.Int64, "observed": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "expected": pl.Float64,
}  # fmt: skip


def wilson(right: int, n: int) -> tuple[float | None, float | None]:
    """95% interval of a proportion by Wilson's score; null without a response."""
    if n == 0:
        return None, None
    z2 = NORMAL**2
    centre = (right + z2 / 2) / (n + z2)
    half = NORMAL * math.sqrt(right * (n - right) / n + z2 / 4) / (n + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def curve_data(
    bank: ItemBank, order: list[str], groups: AbilityGroups | None, changes: pl.DataFrame | None
) -> dict[str, Any]:
    """What the item browser draws from, for the items in ``order``: small numbers written as signs.

    ``width`` signs of ``alphabet`` make a number, most significant first; ``correct`` (and ``seen``, where responses
    are missing) have the groups of one item after another. ``trainings`` has three numbers an item: zero-shot (0 not
    asked, 1 wrong, 2 right), trainings with a response, trainings that were right. Empty if nothing is known.
    """
    fitting = _fitting(groups.select(tuple(order))) if groups is not None else None
    by_model = [] if changes is None or changes.is_empty() else changes.partition_by("model", maintain_order=True)
    trainings = [_trained(one, order) for one in by_model]
    if fitting is None and not trainings:
        return {}
    found: dict[str, Any] = {"alphabet": ALPHABET, "unit": bank.calibration.unit, "trainings": trainings}
    if fitting is not None:
        width, complete = _width(fitting), _is_complete(fitting)
        found |= {
            "ability": [round(float(one), 3) for one in fitting.ability],
            "size": fitting.size.tolist(),
            "width": width,
            "correct": signs(fitting.correct, width),
            "seen": None if complete else signs(fitting.seen, width),
            "slopes": _slopes(bank, order),
        }
    return found


def signs(numbers: Counts, width: int) -> str:
    """Numbers from 0 on as ``width`` signs each, in C order."""
    base = len(ALPHABET)
    digits = np.stack([numbers.ravel() // base**place % base for place in reversed(range(width))], axis=1)
    return "".join(np.array(list(ALPHABET))[digits.ravel()].tolist())


def _fitting(groups: AbilityGroups) -> AbilityGroups | None:
    """The groups, merged until their counts are few enough for a page; None if they never are."""
    for _ in range(_TRIES):
        if groups.correct.size * _width(groups) * (1 if _is_complete(groups) else 2) <= MOST_SIGNS:
            return groups
        groups = groups.merged()
    return None


def _width(groups: AbilityGroups) -> int:
    most = int(groups.size.max(initial=0))
    return next(width for width in range(1, 9) if most < len(ALPHABET) ** width)


def _is_complete(groups: AbilityGroups) -> bool:
    return bool((groups.seen == groups.size).all())


def _slopes(bank: ItemBank, order: list[str]) -> list[float] | None:
    """Discriminations, where items differ in them."""
    if bank.calibration.model == "rasch":
        return None
    slope = dict(bank.table.select("item", "discrimination").iter_rows())
    return [round(slope[item], 3) for item in order]


def _trained(changes: pl.DataFrame, order: list[str]) -> dict[str, Any]:
    """What the trainings of one model did to each item, as signs."""
    asked = pl.DataFrame({"item": order}).join(changes, on="item", how="left", maintain_order="left")
    table = asked.select(zero_shot=pl.col("zero_shot") + 1, n_runs="n_runs", n_correct="n_correct").fill_null(0)
    numbers = table.to_numpy().astype(np.int64)
    width = 1 if numbers.max(initial=0) < len(ALPHABET) else 2
    return {"model": plain(changes["model"][0], 60), "width": width, "text": signs(numbers, width)}
