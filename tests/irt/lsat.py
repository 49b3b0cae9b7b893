"""Responses to sections 6 and 7 of the Law School Admission Test, and what others have estimated from them.

Five items and 1,000 respondents each: how many respondents gave each pattern of right (1) and wrong (0)
answers, in the order 00000, 00001, 00010, ..., 11111.

Source: Bock & Lieberman (1970), Fitting a response model for n dichotomously scored items, Psychometrika 35,
179-197, as distributed with the R packages psych (``bock.table``, both), ltm (``LSAT``) and mirt (``LSAT7``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# fmt: off
LSAT6_COUNTS = (3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15, 10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173,
                11, 61, 28, 298)
LSAT7_COUNTS = (12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28, 7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35,
                18, 136, 32, 308)
# fmt: on
N_RIGHT = {"LSAT6": (924, 709, 553, 763, 870), "LSAT7": (828, 658, 772, 606, 843)}  # by item


def expand(counts: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """One row per respondent: int8 [1000, 5]."""
    patterns = np.array([[int(digit) for digit in f"{number:05b}"] for number in range(32)], dtype=np.int8)
    return np.repeat(patterns, counts, axis=0)


@dataclass(frozen=True)
class Published:
    """Estimates with abilities normal(0, 1): P(correct) = expit(discrimination (ability - difficulty)).

    Programs that give an intercept instead of a difficulty have ``intercept = -discrimination difficulty``.
    """

    discrimination: tuple[float, ...]
    log_likelihood: float | None
    intercept: tuple[float, ...] = ()
    discrimination_error: tuple[float, ...] = ()
    intercept_error: tuple[float, ...] = ()
    difficulty: tuple[float, ...] = ()
    difficulty_error: tuple[float, ...] = ()


# Rizopoulos (2006), ltm, Journal of Statistical Software 17(5), section 3: rasch(LSAT), one discrimination.
LSAT6_RASCH = Published(
    discrimination=(0.7551,) * 5,
    difficulty=(-3.6153, -1.3224, -0.3176, -1.7301, -2.7802),
    log_likelihood=-2466.938,
)

# ltm(LSAT ~ z1) with its 21 Gauss-Hermite points: coef() and summary(), printed in many tutorials. The
# log-likelihood also in Rizopoulos (2006), section 3 (-2466.65), and in the tests of the R package mirt (-2466.653).
LSAT6_2PL = Published(
    discrimination=(0.8253715, 0.7229499, 0.8904748, 0.6885502, 0.6574516),
    difficulty=(-3.3597341, -1.3696497, -0.2798983, -1.8659189, -3.1235725),
    discrimination_error=(0.2581, 0.1867, 0.2326, 0.1852, 0.2100),
    difficulty_error=(0.8669, 0.3073, 0.0997, 0.4341, 0.8700),
    log_likelihood=-2466.653,
)

# R package mirt (Chalmers 2012, Journal of Statistical Software 48(6)), mirt(expand.table(LSAT7), 1): estimates
# and log-likelihood in the reference pages of PLCI.mirt and imputeMissing, version 1.45. Standard errors:
# the width of the 95% intervals in its test-01-mirtOne.R, SE.type "Richardson", over 3.92.
LSAT7_2PL = Published(
    discrimination=(0.9879254, 1.0808847, 1.7058006, 0.7651853, 0.7357980),
    intercept=(1.8560605, 0.8079786, 1.8042187, 0.4859966, 1.8545127),
    discrimination_error=(0.1772, 0.1688, 0.3204, 0.1341, 0.1511),
    intercept_error=(0.1315, 0.0913, 0.2044, 0.0749, 0.1144),
    log_likelihood=-2658.805,
)

# The same, one discrimination for all items: test-01-mirtOne.R, to three decimals.
LSAT7_RASCH = Published(
    discrimination=(1.011,) * 5,
    intercept=(1.868, 0.791, 1.461, 0.521, 1.993),
    log_likelihood=None,
)
