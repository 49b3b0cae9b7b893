"""Elementary symmetric functions of the Rasch model, and the probabilities they give once a total is known.

Given that r answers are right, the ability drops out of the Rasch model (Rasch 1960; Andersen 1972):

    P(responses | r) = exp(-sum of the difficulties of the items got right) / gamma_r
    gamma_r = sum over all sets of r items of exp(-sum of their difficulties)

gamma_r is taken from the probability of the total at an ability, which the characteristic function gives:

    P(r | ability) = gamma_r exp(r ability) / product over items of (1 + exp(ability - difficulty))
    P(r | ability) = 1/N  sum over k < N of  phi(w) exp(-i w r),   w = 2 pi k / N
    phi(w) = product over items of (1 - p + p exp(i w)),   p = P(item right | ability)

The usual recursions either lose all digits where they subtract, or take one step per item and one more level
for every derivative. Here nothing of note cancels, because the ability is one at which r is a likely total:
then P(r | ability) is as large as the integral of |phi| allows. The derivatives only put factors into the sum.
With N above the number of items the sum is exact; a smaller N adds the probabilities of the totals r + N,
r - N, ..., which Bernstein's inequality keeps below the rounding error.

Sources: Fernandez & Williams (2010), IEEE Trans. Aerospace and Electronic Systems 46, 803-817, for the sum;
Daniels (1954), Annals of Mathematical Statistics 25, 631-650, for the choice of the ability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit

from easyhard.schema import FloatArray

ComplexArray = npt.NDArray[np.complex128]

# exp(-42) = 6e-19: left out beside a total with a probability of 1%, it is below the rounding error.
_NEGLIGIBLE = 42.0


@dataclass(frozen=True, slots=True)
class GivenTotal:
    """Items in groups of one difficulty each, given one of several totals."""

    log_gamma: FloatArray  # [totals]
    probability: FloatArray  # [totals, groups], that an item of the group is right
    node_probability: ComplexArray  # [nodes, groups], p exp(i w) / (1 - p + p exp(i w))
    node_weight: ComplexArray  # [totals, nodes]; real parts of weighted sums are expectations given the total

    def sum_of_products(self, count: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows U, V [nodes, groups] such that U'U - V'V sums, by ``count`` [totals], P(two items right | total).

        The two are different items, of the same group or of two.
        """
        rows = np.sqrt(count @ self.node_weight)[:, None] * self.node_probability
        return rows.real, rows.imag


def given_total(total: FloatArray, difficulty: FloatArray, size: FloatArray, ability: float) -> GivenTotal:
    """What follows from each ``total`` [totals], above 0 and below the number of items.

    ``difficulty`` and ``size`` (number of items) are [groups]. ``ability`` should be one at which the expected
    number of right answers is within about a standard deviation of every ``total``: the results do not depend
    on it, their accuracy does.
    """
    p = expit(ability - difficulty)
    variance = p * (1 - p)
    angle, weight, n_points = _nodes(float(size @ variance), int(size.sum()))
    sine, below_one = np.sin(angle)[:, None], 2 * np.sin(angle / 2)[:, None] ** 2  # 1 - cos
    square = 1 - 2 * variance * below_one  # |1 - p + p exp(iw)|^2; written out, as complex functions are slow
    log_phi = 0.5 * np.log1p(-2 * variance * below_one) @ size + 1j * (np.arctan2(p * sine, 1 - p * below_one) @ size)
    terms = np.exp(log_phi - 1j * angle * total[:, None]) * (weight / n_points)
    chance = terms.real.sum(axis=1)
    node_weight = terms / chance[:, None]
    node_probability = np.empty(square.shape, dtype=np.complex128)
    node_probability.real = (p - variance * below_one) / square
    node_probability.imag = variance * sine / square
    probability = node_weight.real @ node_probability.real - node_weight.imag @ node_probability.imag
    log_gamma = np.log(chance) - total * ability - size @ log_expit(difficulty - ability)
    return GivenTotal(log_gamma, probability, node_probability, node_weight)


def _nodes(variance: float, n_items: int) -> tuple[FloatArray, FloatArray, int]:
    """Angles from 0 up to pi that matter, their weights (2 for a pair of conjugates), and N.

    N is odd, because at the angle pi an item with p = 1/2 makes a factor 0.
    """
    third = _NEGLIGIBLE / 3
    reach = third + np.sqrt(third**2 + 2 * _NEGLIGIBLE * variance)  # Bernstein (1927)
    n_points = min(int(reach + np.sqrt(variance)) + 2, n_items + 1) | 1
    angle = 2 * np.pi * np.arange(n_points // 2 + 1) / n_points
    angle = angle[variance * (1 - np.cos(angle)) < _NEGLIGIBLE]  # |phi(w)| <= exp(-variance (1 - cos w))
    weight = np.full(len(angle), 2.0)
    weight[0] = 1.0
    return angle, weight, n_points
