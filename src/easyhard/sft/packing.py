"""Examples of different lengths as one row of tokens: nothing is padded, and what all begin with is there once a group.

All layers but attention treat each token by itself, so they take the row as it is. Attention sees the examples apart:
each token attends to its own example up to itself, and to the beginning that it shares with the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from easyhard.sft.examples import Example
from easyhard.sft.memory import shape_of

NAME = "easyhard_packed"  # what transformers calls this way to attend


@dataclass(frozen=True, slots=True)
class Packing:
    """Where the parts of each example stand in a row of tokens. All positions count from 0.

    ``shared``: of the beginning, ``[groups, tokens]``; ``own``: of each example's further tokens,
    ``[examples, longest]``, and ``is_own``, which of these are any, the others being some token of the same group, so
    that no number passes from one group to another; ``mask``: which keys a token attends to.
    """

    shared: Any
    own: Any
    is_own: Any
    mask: Any


def can_pack(network: Any) -> bool:
    """Whether a network's attention is of the plain kind that is written here: Llama's and Qwen2's, over all tokens."""
    config = network.config
    kinds = getattr(config, "layer_types", None) or []
    plain = shape_of(config.to_dict()) is not None and not getattr(config, "attention_dropout", 0.0)
    return plain and all(kind == "full_attention" for kind in kinds)


@contextmanager
def packed_attention(network: Any) -> Iterator[None]:
    """Let a network attend as ``Packing`` says until the block ends."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attend)
    before = network.config._attn_implementation
    network.set_attn_implementation(NAME)
    try:
        yield
    finally:
        network.set_attn_implementation(before)


def packed_losses(network: Any, groups: Sequence[Sequence[Example]], shared: Sequence[int]) -> Any:
    """Negative log-likelihood of all completion tokens of each group, in nats, summed: one number a group.

    The groups have equally many examples, all of which begin with ``shared``. Each is padded to the longest group's
    number of tokens, so that one product with a stack's weights serves all.
    """
    import torch

    n, start = len(groups[0]), len(shared)
    lengths = [[len(e.prompt) + len(e.completion) - 1 - start for e in group] for group in groups]  # the last predicts
    width, longest = start + max(map(sum, lengths)), max(map(max, lengths))
    ids = torch.zeros(len(groups), width, dtype=torch.long)
    positions = torch.zeros_like(ids)
    own = (width * torch.arange(len(groups) * n).div(n, rounding_mode="floor"))[:, None].repeat(1, longest)
    is_own = torch.zeros_like(own, dtype=torch.bool)
    kept: list[int] = []
    for g, group in enumerate(groups):
        ids[g, :start] = torch.tensor(list(shared), dtype=torch.long)
        positions[g, :start] = torch.arange(start)
        place = start
        for k, (example, length) in enumerate(zip(group, lengths[g], strict=True)):
            ids[g, place : place + length] = torch.tensor((example.prompt + example.completion)[start:-1])
            positions[g, place : place + length] = torch.arange(start, start + length)
            own[g * n + k, :length] = torch.arange(g * width + place, g * width + place + length)
            is_own[g * n + k, :length] = True
            place += length
            kept += range(g * width + place - len(example.completion), g * width + place)
    begun = torch.arange(start)[None] + width * torch.arange(len(groups))[:, None]
    mask = torch.ones(longest, start + longest, dtype=torch.bool).tril(diagonal=start)
    told = torch.tensor([token for group in groups for e in group for token in e.completion])
    owners = torch.tensor([g for g, group in enumerate(groups) for e in group for _ in e.completion])
    device = network.device
    packing = Packing(*(part.to(device) for part in (begun, own, is_own, mask)))
    logits = network(
        input_ids=ids.view(1, -1).to(device), position_ids=positions.view(1, -1).to(device), use_cache=False,
        logits_to_keep=torch.tensor(kept, device=device), packing=packing,
    ).logits[0]  # fmt: skip
    each = torch.nn.functional.cross_entropy(logits.float(), told.to(device), reduction="none")
    return each.new_zeros(len(groups)).index_add(0, owners.to(device), each)


def _attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *, scaling: float, packing: Packing, **_: Any
) -> tuple[Any, None]:
    """Attention as transformers calls it: ``[1, heads, tokens, size]`` in, ``[1, tokens, heads, size]`` out."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    repeats = query.shape[1] // key.shape[1]
    queries, keys, values = (x[0].transpose(0, 1) for x in (query, key, value))  # [tokens, heads, size]
    found = torch.zeros_like(queries)

    def heads(x: Any, places: Any) -> Any:
        """[rows, heads, tokens, size] of the tokens at ``places``, with as many heads as the queries have."""
        taken = x[places].transpose(1, 2)
        return taken if x is queries or repeats == 1 else taken.repeat_interleave(repeats, dim=1)

    own_keys, own_values = heads(keys, packing.own), heads(values, packing.own)
    if packing.shared.shape[1]:
        asking, begun_keys, begun_values = (heads(x, packing.shared) for x in (queries, keys, values))
        first = attend(asking, begun_keys, begun_values, is_causal=True, scale=scaling).transpose(1, 2)
        found = found.index_copy(0, packing.shared.flatten(), first.flatten(0, 1))
        n = len(packing.own) // len(packing.shared)
        own_keys, own_values = (
            torch.cat([part.repeat_interleave(n, dim=0), own], dim=2)
            for part, own in zip((begun_keys, begun_values), (own_keys, own_values), strict=True)
        )
    rest = attend(heads(queries, packing.own), own_keys, own_values, attn_mask=packing.mask, scale=scaling)
    found = found.index_copy(0, packing.own[packing.is_own], rest.transpose(1, 2)[packing.is_own])
    return found[None], None
