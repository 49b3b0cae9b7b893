"""Is a model's accuracy more than guessing gives?"""

from __future__ import annotations

import numpy as np
from scipy import stats

from easyhard.schema import FloatArray

# Always answering the commonest right answer solves 3.0% of GSM8K's test set (5) and 2.9% of MATH's (2).
FREE_ANSWER = 0.03


def guessing_p_value(n_correct: int, guessing: FloatArray) -> float:
    """Probability that guessing alone gives ``n_correct`` right answers or more.

    ``guessing`` [items]: probability of a right guess, item by item; the number right is then
    Poisson-binomial, and the p-value one-sided and exact. An item with guessing 0 has a free answer: it
    counts with 0.03, as no free answer is quite immune to luck, and one lucky hit would otherwise be proof.
    """
    chance = np.where(guessing == 0, FREE_ANSWER, guessing)
    distribution = np.ones(1)
    for value, count in zip(*np.unique(chance, return_counts=True), strict=True):
        distribution = np.convolve(distribution, stats.binom.pmf(np.arange(count + 1), count, value))
    return float(min(distribution[n_correct:].sum(), 1.0))
