"""The choices of many questions in one row of tokens: each question's own tokens once, its choices as its branches."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from easyhard.llm import forward
from easyhard.packing import Packing
from easyhard.schema import FloatArray


@dataclass(frozen=True, slots=True)
class Question:
    """One item in tokens: a prompt, the ``opening`` that all choices share, and the rest of each choice."""

    prompt: list[int]
    opening: list[int]
    rests: list[list[int]]  # none empty

    @property
    def trunk(self) -> list[int]:
        """What all choices follow."""
        return self.prompt + self.opening

    @property
    def tokens(self) -> list[int]:
        """All that is computed: the trunk, then each rest but its last token, which only has to be predicted."""
        return self.trunk + [token for rest in self.rests for token in rest[:-1]]

    @property
    def branches(self) -> list[int]:
        """Of each of ``tokens``, the choice that it belongs to; -1 for the trunk."""
        return [-1] * len(self.trunk) + [k for k, rest in enumerate(self.rests) for _ in rest[:-1]]

    @property
    def depths(self) -> list[int]:
        """Of each of ``tokens``, how many tokens of the question stand before it."""
        start = len(self.trunk)
        return [*range(start), *(start + k for rest in self.rests for k in range(len(rest) - 1))]

    @property
    def n_scored(self) -> int:
        """How many of ``tokens`` are projected on the vocabulary."""
        return len(self.opening) + 1 + sum(len(rest) - 1 for rest in self.rests)

    @property
    def told(self) -> list[tuple[int, int, int]]:
        """Of each token of each choice: the place in ``tokens`` that predicts it, the token, and the choice."""
        found, place, last = [], len(self.trunk), len(self.trunk) - 1
        for k, rest in enumerate(self.rests):
            found += [(last - len(self.opening) + i, token, k) for i, token in enumerate(self.opening)]
            before = [last, *range(place, place + len(rest) - 1)]
            found += [(at, token, k) for at, token in zip(before, rest, strict=True)]
            place += len(rest) - 1
        return found


def packed_scores(network: Any, prefix: Any, start: int, batch: Sequence[Question]) -> list[FloatArray]:
    """Log-likelihood (natural log, summed over tokens) of each choice of each question, in one pass.

    ``prefix`` is the cache of the ``start`` tokens that all prompts begin with, or None; the network attends as
    ``packing.packed_attention`` lets it.
    """
    import torch

    device = network.device
    sizes = [len(question.tokens) for question in batch]
    first = [0, *itertools.accumulate(sizes)][:-1]
    ids = torch.tensor([[token for question in batch for token in question.tokens]], device=device)
    depths = torch.tensor([[start + depth for question in batch for depth in question.depths]], device=device)
    told = [(at + place, token, k, q) for q, at in enumerate(first) for place, token, k in batch[q].told]
    places, index = np.unique([place for place, *_ in told], return_inverse=True)
    logits, _ = forward(
        network, copy.deepcopy(prefix),  # a pass grows the cache it is given
        input_ids=ids, position_ids=depths, logits_to_keep=torch.tensor(places, device=device),
        packing=_packing(batch, first, start, device),
    )  # fmt: skip
    scores = logits[0].float()
    rows, tokens = torch.tensor(index, device=device), torch.tensor([token for _, token, _, _ in told], device=device)
    each = (scores[rows, tokens] - scores.logsumexp(-1)[rows]).cpu().numpy().astype(np.float64)
    found = [np.zeros(len(question.rests)) for question in batch]
    for (_, _, k, q), score in zip(told, each, strict=True):
        found[q][k] += score
    return found


def _packing(batch: Sequence[Question], first: Sequence[int], start: int, device: Any) -> Packing:
    import torch

    longest = max(len(question.tokens) for question in batch)
    branches = np.full((len(batch), longest), -2)  # what is no token of its question attends to itself alone
    own = np.zeros_like(branches)
    for q, question in enumerate(batch):
        size = len(question.tokens)
        branches[q, :size] = question.branches
        own[q, :size] = first[q] + np.arange(size)
    asking, asked = branches[:, :, None], branches[:, None, :]
    seen = ((asked == asking) | (asked == -1)) & np.tri(longest, dtype=bool)
    mask = np.concatenate([np.ones((len(batch), longest, start), dtype=bool), seen], axis=2)
    empty = np.zeros((1, 0), dtype=np.int64)
    return Packing(*(torch.tensor(part, device=device) for part in (empty, own, branches > -2, mask[:, None])))
