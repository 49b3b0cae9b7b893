"""Responses from graded scores: right with a probability equal to the score, drawn once.

If the expected score of a respondent on an item is the probability that a model of responses gives, then so is the
probability that the drawn response is right, and responses drawn apart are independent given the ability. So what is
estimated from them, and every standard error, holds as for answers that were right or wrong from the start. A cut at
a threshold has no such property: it asks for another, harder or easier, task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from easyhard.schema import IntArray

HUNDREDTHS = 100  # a score between 0 and 1 is kept as 1 + its hundredths, which with 1, 0 and missing fits a byte


def code_of(score: float) -> int:
    """0 or 1, or from 2 on the hundredths of a score between them. ``score`` is from 0 to 1."""
    hundredths = round(score * HUNDREDTHS)
    return 1 + hundredths if 0 < hundredths < HUNDREDTHS else int(hundredths > 0)


def draw(respondent: str, item: Sequence[str], trial: Sequence[int], codes: IntArray) -> tuple[IntArray, int]:
    """``codes`` with 1 or 0 for each hundredth, and how many were drawn.

    The draw depends on the respondent's name, the item's and the trial alone: reading again gives the same.
    """
    graded = np.flatnonzero(codes > 1)
    if not len(graded):
        return codes, 0
    chances = [_chance(f"{respondent}\0{item[row]}\0{trial[row]}") for row in graded.tolist()]
    drawn = codes.copy()
    drawn[graded] = (codes[graded] - 1) > HUNDREDTHS * np.array(chances)
    return drawn, len(graded)


def _chance(name: str) -> float:
    """In [0, 1), fixed by ``name``."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
