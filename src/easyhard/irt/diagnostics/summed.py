"""Probabilities of summed right answers: the recursion of Lord & Wingersky (1984)."""

from __future__ import annotations

import numpy as np

from easyhard.schema import FloatArray


def total_probabilities(curve: FloatArray) -> FloatArray:
    """Probability of every number of right answers at every ability: [items + 1, points].

    ``curve`` [points, items] holds the probabilities of the items, which are independent at a given ability.
    Source: Lord & Wingersky (1984), Applied Psychological Measurement 8, 453-461.
    """
    n_points, n_items = curve.shape
    total = np.zeros((n_items + 1, n_points))
    total[0] = 1.0
    for item, p in enumerate(curve.T):
        total[1 : item + 2] = total[1 : item + 2] * (1 - p) + total[: item + 1] * p
        total[0] *= 1 - p
    return total


def correct_given_total(curve: FloatArray, density: FloatArray) -> FloatArray:
    """Probability that an item is right, given the number right among all: [items + 1, items].

    ``density`` [points] is the ability distribution on the points of ``curve`` [points, items]. Row 0 is 0 and
    the last is 1. Each item is taken out of the recursion again, from whichever end is stable.
    Source: Orlando & Thissen (2000), Applied Psychological Measurement 24, 50-64, equation 5.
    """
    total = total_probabilities(curve)
    n_items = curve.shape[1]
    easy = curve > 0.5
    joint = np.zeros((n_items + 1, n_items))
    p, q = curve, 1 - curve
    safe_p, safe_q = np.where(easy, p, 1.0), np.where(easy, 1.0, q)
    rest = np.zeros_like(curve)  # of k right among the others, from below: stable where p <= 0.5
    for k in range(n_items):
        rest = np.where(easy, 0.0, (total[k][:, None] - p * rest) / safe_q)
        joint[k + 1] += density @ (p * rest)
    rest = np.zeros_like(curve)  # from above: stable where p > 0.5
    for k in range(n_items - 1, -1, -1):
        rest = np.where(easy, (total[k + 1][:, None] - q * rest) / safe_p, 0.0)
        joint[k + 1] += density @ (p * rest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(np.nan_to_num(joint / (total @ density)[:, None]), 0.0, 1.0)
