"""How a benchmark covers the scale: where it has no items, how far it is from an intended one, what its bins tell.

Information is Fisher's, of an ability, in an answer: ``a^2 p (1 - p)`` for an item of discrimination ``a`` (1 under
Rasch) that is answered correctly with probability ``p`` (Birnbaum 1968, in Lord & Novick, Statistical Theories of
Mental Test Scores). Items add up, and the standard error of an ability is one over the root of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import stats
from scipy.special import expit

from easyhard.generalization.matrix import evaluation_items
from easyhard.schema import Bins, FloatArray, InputError, Interval, ItemBank


@dataclass(frozen=True, slots=True)
class Intended:
    """Difficulties that a benchmark is meant to have: another's, or made for the purpose, on the same scale."""

    name: str
    difficulty: FloatArray  # [items]


@dataclass(frozen=True, slots=True)
class DistributionDistance:
    """How far difficulties are from intended ones.

    ``kolmogorov_smirnov``: largest difference of the shares of items up to any difficulty, 0 to 1. ``wasserstein``: how
    far an item must move on average to make one distribution of the other, in the unit of the scale.
    ``mean_difference``: positive where the items are harder than intended; never larger than ``wasserstein``.
    """

    kolmogorov_smirnov: float
    wasserstein: float
    mean_difference: float


def widest_stretch(difficulty: FloatArray, low: float, high: float) -> Interval:
    """Widest part of ``low`` to ``high`` that holds no item; all of it if no item lies there.

    ``difficulty`` [items] may reach beyond. Of equally wide ones the lowest. Raises InputError if ``low`` is above
    ``high`` or either is not finite.
    """
    if not (np.isfinite([low, high]).all() and low <= high):
        raise InputError(f"a range from {low} to {high} has no stretches. Give two numbers, the lower one first.")
    inside = difficulty[(difficulty >= low) & (difficulty <= high)]
    ends = np.concatenate([[low], np.sort(inside), [high]])
    place = int(np.argmax(np.diff(ends)))
    return Interval(float(ends[place]), float(ends[place + 1]), level=1.0)


def distance_to_intended(difficulty: FloatArray, intended: FloatArray) -> DistributionDistance:
    """Distance of two sets of difficulties, [items] and [intended items], on one scale.

    Raises InputError if either is empty or holds what is not a finite number.
    """
    for what, values in (("difficulties", difficulty), ("intended difficulties", intended)):
        if not len(values) or not np.isfinite(values).all():
            raise InputError(f"{len(values)} {what} cannot be compared. Give finite numbers, one or more.")
    return DistributionDistance(
        kolmogorov_smirnov=float(stats.ks_2samp(difficulty, intended, method="asymp").statistic),
        wasserstein=float(stats.wasserstein_distance(difficulty, intended)),
        mean_difference=float(difficulty.mean() - intended.mean()),
    )


def information(ability: FloatArray, difficulty: FloatArray, discrimination: FloatArray) -> FloatArray:
    """Information of each item at each ability: [abilities, items], in one over the squared unit of the scale."""
    p = expit(discrimination * (ability[:, None] - difficulty))
    return np.asarray(discrimination**2 * p * (1 - p))


def information_curve(bank: ItemBank, bins: Bins | None, ability: FloatArray) -> pl.DataFrame:
    """One row per ability and bin: ``ability, bin, items, information`` of all calibrated items of the bin together.

    ``bin`` is null for the items in none, and for all items without ``bins``.
    """
    table = bank.table if bins is None else bank.table.join(bins.table.select("item", "bin"), on="item", how="left")
    if bins is None:
        table = table.with_columns(bin=pl.lit(None, dtype=pl.Int64))
    frames = []
    for part in table.sort("bin", nulls_last=True).partition_by("bin", maintain_order=True):
        difficulty, discrimination = (part[name].to_numpy() for name in ("difficulty", "discrimination"))
        told = information(ability, difficulty, discrimination).sum(axis=1)
        frames.append(pl.DataFrame({"ability": ability, "information": told}).with_columns(
            bin=pl.lit(part["bin"][0], dtype=pl.Int64), items=pl.lit(len(part))
        ))  # fmt: skip
    return pl.concat(frames).select("ability", "bin", "items", "information")


def bin_information(bank: ItemBank, bins: Bins, abilities: pl.DataFrame) -> pl.DataFrame:
    """How much the evaluation items of each bin tell about the models studied: one row per model, stage and bin.

    ``abilities`` as ``checkpoint_abilities`` has them. ``stage`` is ``zero-shot`` or ``trained``; ``checkpoints`` of
    it, and the mean of their abilities as ``ability``. ``items`` evaluated; ``information`` of them all, mean over the
    checkpoints; ``efficiency``: its share of the most that these items could tell, which is about a model as able as
    each of them is difficult. Near 0 the bin is at its floor or ceiling for this model: changes of ability hardly
    show in it.
    """
    one = abilities.unique(["model", "trained_on", "seed"], maintain_order=True).with_columns(
        stage=pl.when(pl.col("trained_on") == "zero-shot").then(pl.lit("zero-shot")).otherwise(pl.lit("trained"))
    )
    known = {row["item"]: (row["difficulty"], row["discrimination"]) for row in bank.table.iter_rows(named=True)}
    parts = [np.array([known[item] for item in evaluation_items(bins, k)]).reshape(-1, 2) for k in range(bins.count)]
    rows: list[dict[str, Any]] = []
    for group in one.partition_by("model", "stage", maintain_order=True):
        ability = group["ability"].to_numpy()
        label = {"model": group["model"][0], "stage": group["stage"][0], "checkpoints": len(group)}
        for eval_bin, part in enumerate(parts):
            told = float(information(ability, part[:, 0], part[:, 1]).sum(axis=1).mean())
            most = float((part[:, 1] ** 2).sum()) / 4
            rows.append({**label, "ability": float(ability.mean()), "eval_bin": eval_bin, "items": len(part),
                         "information": told, "efficiency": told / most if most else None})  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: dict[str, type[pl.DataType]] = {
    "model": pl.String, "stage": pl.String, "checkpoints": pl.Int64, "ability": pl.Float64, "eval_bin": pl.Int64,
    "items": pl.Int64, "information": pl.Float64, "efficiency": pl.Float64,
}  # fmt: skip
