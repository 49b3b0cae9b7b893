"""Examples of different lengths as one row of tokens: nothing is padded, and what all begin with is there once.

All layers but attention treat each token by itself, so they take the row as it is. Attention sees the examples apart:
each token attends to tokens of its own example, and to the beginning that it shares with the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PLAIN = ("llama", "qwen2")  # kinds of model whose attention is what is written here
NAME = "easyhard_packed"  # what transformers calls this way to attend


@dataclass(frozen=True, slots=True)
class Packing:
    """Where the parts of each example stand in a row of tokens. All positions count from 0.

    ``shared``: of the beginning, ``[groups, tokens]``, empty if it is in the cache that the network is given, where it
    is one for all; ``own``: of each example's further tokens, ``[examples, longest]``, and ``is_own``, which of these
    are any, the others being some token of the same group, so that no number passes from one group to another;
    ``mask``: which of the beginning and of its own example's tokens a token attends to,
    ``[longest, beginning + longest]``, or one such for each example and a dimension of one for the heads.
    """

    shared: Any
    own: Any
    is_own: Any
    mask: Any


def can_pack(network: Any) -> bool:
    """Whether a network's attention is of the plain kind that is written here: Llama's and Qwen2's, over all tokens."""
    config = network.config
    kinds = getattr(config, "layer_types", None) or []
    plain = config.model_type in PLAIN and not getattr(config, "attention_dropout", 0.0)
    return plain and all(kind == "full_attention" for kind in kinds)


@contextmanager
def packed_attention(network: Any) -> Iterator[None]:
    """Let a network attend as the ``Packing`` says that it is called with, until the block ends."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attend)
    before = network.config._attn_implementation
    network.set_attn_implementation(NAME)
    try:
        yield
    finally:
        network.set_attn_implementation(before)


def _attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *, scaling: float, packing: Packing, **_: Any
) -> tuple[Any, None]:
    """Attention as transformers calls it: ``[1, heads, tokens, size]`` in, ``[1, tokens, heads, size]`` out."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    repeats = query.shape[1] // key.shape[1]
    queries, keys, values = (x[0].transpose(0, 1) for x in (query, key, value))  # [tokens, heads, size]
    cached = len(keys) - len(queries)
    begun = torch.arange(cached, device=keys.device)[None] if cached else packing.shared
    found = torch.zeros_like(queries)

    def heads(x: Any, places: Any) -> Any:
        """[rows, heads, tokens, size] of the tokens at ``places``, with as many heads as the queries have."""
        taken = x[places].transpose(1, 2)
        return taken if x is queries or repeats == 1 else taken.repeat_interleave(repeats, dim=1)

    seen_keys, seen_values = (heads(x, packing.own + cached) for x in (keys, values))
    if begun.shape[1]:
        begun_keys, begun_values = (heads(x, begun) for x in (keys, values))
        n = len(packing.own) // len(begun)
        seen_keys, seen_values = (
            torch.cat([part.repeat_interleave(n, dim=0), own], dim=2)
            for part, own in ((begun_keys, seen_keys), (begun_values, seen_values))
        )
        if not cached:
            asking = heads(queries, begun)
            first = attend(asking, begun_keys, begun_values, is_causal=True, scale=scaling).transpose(1, 2)
            found = found.index_copy(0, begun.flatten(), first.flatten(0, 1))
    rest = attend(heads(queries, packing.own), seen_keys, seen_values, attn_mask=packing.mask, scale=scaling)
    found = found.index_copy(0, packing.own[packing.is_own], rest.transpose(1, 2)[packing.is_own])
    return found[None], None
