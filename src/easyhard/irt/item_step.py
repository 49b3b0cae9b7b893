"""Items fitted to respondents whose ability posteriors are held: the M step of the EM algorithm.

It needs no response, so it can be iterated until the items that start far off, such as those that hardly anybody got
right, are where they belong. Source: Bock & Aitkin (1981), Psychometrika 46, 443-459.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import expit

from easyhard.irt.cases import ItemTotals
from easyhard.irt.counts import row_blocks
from easyhard.irt.expectation import Expectation
from easyhard.irt.point import Design, Parameters, Point
from easyhard.schema import FloatArray

_ROUNDS = 10  # of Newton's method
_ENOUGH = 1e-3  # step at which an item is left alone
_LONGEST = 1.0
_AT_ONCE = 200_000  # entries of a matrix over items, 2 MB


def fitted_items(point: Point, sums: Expectation, items: ItemTotals, design: Design) -> Parameters:
    """Parameters at ``point`` with the slopes and intercepts of free items nearly the likeliest given ``sums``."""
    nodes, free = point.grid.nodes, np.flatnonzero(np.isnan(items.anchor))
    slope, intercept = point.parameters.slope.copy(), point.parameters.intercept.copy()
    prior = None if design.log_slope_sd is None else (float(np.log(slope).mean()), design.log_slope_sd)
    for rows in row_blocks((len(free), len(nodes)), _AT_ONCE):
        some = free[rows]
        right = np.stack([items.total[some], sums.right[some, 0]], axis=1)
        seen = (sums.seen if len(sums.seen) == 1 else sums.seen[some]) @ point.from_compact
        slope[some], intercept[some] = _fitted(slope[some], intercept[some], right, seen, nodes, prior)
    return replace(point.parameters, slope=slope, intercept=intercept)


def _fitted(
    slope: FloatArray,
    intercept: FloatArray,
    right: FloatArray,
    seen: FloatArray,
    nodes: FloatArray,
    prior: tuple[float, float] | None,
) -> tuple[FloatArray, FloatArray]:
    """Slope and intercept of items [items], ``right`` [items, 2] being the right answers and the abilities behind them.

    ``seen`` [items, nodes], or one row for all, are the respondents by ability. ``prior`` holds the mean and sd of the
    logarithms of the slopes.
    """
    powers = np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)
    left = np.arange(len(slope))
    for _ in range(_ROUNDS):
        p = expit(slope[left, None] * nodes + intercept[left, None])
        expected = p * (seen if len(seen) == 1 else seen[left])
        gradient = right[left] - expected @ powers[:, :2]
        expected *= 1 - p
        information = (expected @ powers)[:, [[0, 1], [1, 2]]]
        if prior is not None:
            chain = np.stack([np.ones(len(left)), slope[left]], axis=1)
            gradient, information = gradient * chain, information * chain[:, :, None] * chain[:, None, :]
            information[:, 1, 1] += prior[1] ** -2 + np.maximum(-gradient[:, 1], 0)
            gradient[:, 1] -= (np.log(slope[left]) - prior[0]) / prior[1] ** 2
        step = _solved(information, gradient)
        intercept[left] += step[:, 0]
        slope[left] = slope[left] + step[:, 1] if prior is None else slope[left] * np.exp(step[:, 1])
        left = left[np.abs(step).max(axis=1) > _ENOUGH]
        if not len(left):
            break
    return slope, intercept


def _solved(information: FloatArray, gradient: FloatArray) -> FloatArray:
    """Steps of Newton's method [items, 2], none too long."""
    a, b, c = information[:, 0, 0], information[:, 0, 1], information[:, 1, 1]
    cross = np.stack([c * gradient[:, 0] - b * gradient[:, 1], a * gradient[:, 1] - b * gradient[:, 0]], axis=1)
    determinant = np.maximum(a * c - b**2, 1e-12 * a * c)
    return np.asarray(np.clip(cross / determinant[:, None], -_LONGEST, _LONGEST))
