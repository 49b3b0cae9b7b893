"""The losses of training examples that are packed into one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from easyhard.packing import Packing
from easyhard.sft.examples import Example


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
