"""Which texts say nearly the same: for keeping a tested item out of what its model has just been shown."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

WORDS = 5  # of a shingle, as in Lee et al. (2022), Deduplicating training data makes language models better
SIMILAR = 0.8  # Jaccard similarity from which two texts count as one, the threshold there

_WORD = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Sequence[str]) -> list[list[int]]:
    """For each text, the places in ``others`` of what is nearly the same, in rising order.

    Two texts are near-duplicates when their sets of five consecutive words, letter case and punctuation aside,
    have a Jaccard similarity of 0.8 or more. A text of fewer words is one such set of its own, so it only equals
    itself. Numbers are words: sums that differ in their numbers are different items. The cost grows with the
    shingles that texts share, not with the number of pairs.
    """
    known = [_shingles(text) for text in others]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, shingles in enumerate(known):
        for shingle in shingles:
            holders[shingle].append(place)
    return [_similar(_shingles(text), known, holders) for text in texts]


def _similar(
    shingles: frozenset[tuple[str, ...]],
    known: Sequence[frozenset[tuple[str, ...]]],
    holders: dict[tuple[str, ...], list[int]],
) -> list[int]:
    shared = Counter(place for shingle in shingles for place in holders.get(shingle, ()))
    return sorted(
        place for place, count in shared.items() if count >= SIMILAR * (len(shingles) + len(known[place]) - count)
    )


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    if not words:
        return frozenset([(text.strip(),)])  # a line of signs stands for itself
    return frozenset(tuple(words[k : k + WORDS]) for k in range(max(1, len(words) - WORDS + 1)))
