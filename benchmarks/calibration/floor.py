"""The floor: one pass over the responses for the sums that any calibration needs.

Run as ``python floor.py MATRIX.npy``; prints JSON. The sums are the right answers and the responses seen, of every
item and of every respondent. The bits are packed before the clock starts, once along each axis.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

REPEATS = 7
ROWS = 256  # a block of rows stays in the cache while it is summed


def sums_of_bytes(correct: npt.NDArray[np.int8]) -> list[npt.NDArray[Any]]:
    """Right and seen, per item and per respondent, from int8 as it is."""
    per_item = np.zeros((2, correct.shape[1]), dtype=np.int64)
    per_respondent = np.empty((2, correct.shape[0]), dtype=np.int64)
    for at in range(0, len(correct), ROWS):
        block = correct[at : at + ROWS]
        for kind, mask in enumerate((block == 1, block >= 0)):
            per_item[kind] += mask.view(np.int8).sum(axis=0, dtype=np.int16)
            per_respondent[kind, at : at + ROWS] = np.count_nonzero(mask, axis=1)
    return [*per_item, *per_respondent]


def sums_of_bits(packed: list[npt.NDArray[np.uint8]]) -> list[npt.NDArray[Any]]:
    """The same from bits: [items, bytes] right and seen, then [respondents, bytes] right and seen."""
    return [np.bitwise_count(bits.view(np.uint64)).sum(axis=1, dtype=np.int64) for bits in packed]


def pack(correct: npt.NDArray[np.int8]) -> list[npt.NDArray[np.uint8]]:
    """Bits along either axis, padded with zeros to whole words of 64."""
    packed = []
    for mask in ((correct == 1).T, (correct >= 0).T, correct == 1, correct >= 0):
        padded = np.pad(mask, ((0, 0), (0, -mask.shape[1] % 64)))
        packed.append(np.ascontiguousarray(np.packbits(padded, axis=1)))
    return packed


def best_seconds(work: Callable[[], Any]) -> float:
    """Shortest of several runs: what the machine can do when nothing else is going on."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def floor(correct: npt.NDArray[np.int8]) -> dict[str, float | int | None]:
    """Seconds and bytes of either pass; None for the bits if this numpy cannot count them."""
    found: dict[str, float | int | None] = {
        "bytes_seconds": best_seconds(lambda: sums_of_bytes(correct)),
        "bytes": correct.nbytes,
        "bits_seconds": None,
        "bits": None,
    }
    if hasattr(np, "bitwise_count"):
        packed = pack(correct)
        same = zip(sums_of_bytes(correct), sums_of_bits(packed), strict=True)
        if not all(np.array_equal(a, b) for a, b in same):
            raise AssertionError("the sums of bytes and of bits differ")
        found |= {"bits_seconds": best_seconds(lambda: sums_of_bits(packed)), "bits": sum(b.nbytes for b in packed)}
    return found


if __name__ == "__main__":
    print(json.dumps(floor(np.load(sys.argv[1]))))
