"""Items that every training broke, or mended: more than chance would make?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from easyhard.generalization.guessing import guessing_p_value
from easyhard.generalization.summary import Summary
from easyhard.generalization.words import p_words
from easyhard.schema import MISSING, FloatArray, IntArray
from easyhard.wording import counted

_SIGNIFICANT = 0.05


def forgotten_and_fixed(before: Sequence[IntArray], after: Sequence[IntArray]) -> dict[str, Summary]:
    """How many items zero-shot alone got right (``forgotten_items``), or alone got wrong (``fixed_items``), as tests.

    ``before[j]`` [items of bin j] and ``after[j]`` [runs, items of bin j] hold 1, 0 or -1 (missing). Where training
    does nothing, zero-shot is just one more run on the item. Of the items that exactly one of R + 1 runs got right,
    that one is then zero-shot with probability 1 / (R + 1), however hard the item is; the number of such items is
    Poisson-binomial, and its upper tail the exact p-value. ``value`` is the number of items.
    """
    first, runs = np.concatenate(before), np.concatenate(after, axis=1)
    answered, right = (runs != MISSING).sum(axis=0), (runs == 1).sum(axis=0)
    known = (first != MISSING) & (answered > 0)
    alone = {
        "forgotten_items": (first == 1, right + (first == 1) == 1),
        "fixed_items": (first == 0, answered - right + (first == 0) == 1),
    }
    return {
        name: _test(name, int((of_zero_shot & of_one & known).sum()), 1.0 / (answered[of_one & known] + 1.0))
        for name, (of_zero_shot, of_one) in alone.items()
    }


def _test(name: str, count: int, chance: FloatArray) -> Summary:
    forgotten = name == "forgotten_items"
    p_value = guessing_p_value(count, chance) if len(chance) else 1.0
    found = p_value < _SIGNIFICANT
    what = "zero-shot right, every training wrong" if forgotten else "zero-shot wrong, every training right"
    than = "more than" if found else "no more than"
    sentence = (
        f"{counted(count, 'item')} {'was' if count == 1 else 'were'} {'forgotten' if forgotten else 'fixed'} "
        f"({what}), {than} chance would make were zero-shot one more of the runs ({chance.sum():.1f} expected, "
        f"{p_words(p_value)})."
    )
    direction = (-1 if forgotten else 1) if found else 0
    return Summary(sentence, float(count), direction=direction, p_value=p_value)
