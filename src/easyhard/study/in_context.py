"""Examples of a bin in the prompt, instead of training on them."""

from __future__ import annotations

from collections.abc import Sequence

from easyhard.benchmarks import BenchmarkSpec, completions, prompts
from easyhard.benchmarks.near_duplicates import near_duplicates
from easyhard.chance import cell_rng
from easyhard.schema import InputError, Items


def shown_examples(
    pool: Items, asked: Items, spec: BenchmarkSpec, count: int, seed: int
) -> list[list[tuple[str, str]]]:
    """For each asked item, at most ``count`` pairs of a prompt and its completion from ``pool``, in one fixed order.

    The order is drawn by ``seed`` and does not depend on the item, so that all items see the same examples but for
    what is left out: the item itself and whatever asks nearly the same. Raises InputError if nothing is left for
    an item, which would turn it into zero-shot in silence.
    """
    pairs = list(zip(prompts(pool, spec), completions(pool, spec), strict=True))
    order: Sequence[int] = cell_rng(seed, "in-context").permutation(len(pairs)).tolist()
    names = pool.table["item"].to_list()
    alike = near_duplicates(asked.table["question"].to_list(), pool.table["question"].to_list())
    found = []
    for name, close in zip(asked.table["item"], alike, strict=True):
        chosen = [pairs[place] for place in order if names[place] != name and place not in close][:count]
        if not chosen:
            raise InputError(
                f"item {name!r} has no example left to show: all {len(pairs)} ask nearly the same. "
                "Cut fewer bins, so that each holds other items too."
            )
        found.append(chosen)
    return found
