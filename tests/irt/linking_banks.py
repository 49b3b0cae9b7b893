"""Responses to items of known difficulty, and banks of them that share some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import ModelName, calibrate, simulate_rasch
from easyhard.schema import FloatArray, IntArray, ItemBank, Responses

TRUE = cell_rng(0, "test", "linking").normal(0, 1.2, 60)
MODELS: tuple[ModelName, ...] = ("rasch", "2pl")
SLOPE = cell_rng(0, "test", "linking", "slopes").lognormal(0, 0.3, 60)


def named(correct: IntArray, first: int = 0) -> Responses:
    n_respondents, n_items = correct.shape
    respondents = tuple(f"model {row}" for row in range(n_respondents))
    return Responses(correct, respondents, tuple(f"item {first + column}" for column in range(n_items)))


def drawn(low: int, high: int, ability_mean: float, seed: int, drift: FloatArray | float = 0.0) -> Responses:
    difficulty = (TRUE + drift)[low:high]
    return named(simulate_rasch(600, difficulty, ability_mean, 1.0, 0.05, cell_rng(seed, "test", "link")), low)


@dataclass(frozen=True)
class Calibrated:
    """A 2PL bank of some of the items, and the abilities of those who answered."""

    bank: ItemBank
    ability: FloatArray


def drawn_2pl(items: slice, mean: float, sd: float, n: int, seed: int) -> tuple[Responses, FloatArray]:
    rng = cell_rng(seed, "test", "link 2pl")
    ability = rng.normal(mean, sd, n)
    p = expit(SLOPE[items] * (ability[:, None] - TRUE[items]))
    return named((rng.random(p.shape) < p).astype(np.int8), items.start), ability


def bank_2pl(items: slice, mean: float, sd: float, n: int, seed: int) -> Calibrated:
    responses, ability = drawn_2pl(items, mean, sd, n, seed)
    return Calibrated(calibrate(responses, model="2pl"), ability)


def difficulty_of(bank: ItemBank) -> FloatArray:
    return bank.table["difficulty"].to_numpy()
