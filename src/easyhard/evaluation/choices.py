"""Multiple choice by log-likelihood, each prompt computed once.

The work goes in three steps over one key-value cache: what all prompts begin with (system prompt,
examples) once per model; the rest of each prompt, with what all its choices begin with, once per item; and
the rest of each choice on top of that. Only the positions that predict an answer are projected on the
vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from easyhard.llm import LanguageModel, beginning, common_length, forward
from easyhard.schema import FloatArray, Progress

TOKENS_PER_BATCH = 1024  # of prompts, padding included: where two CPU cores reach their best pace


@dataclass(frozen=True, slots=True)
class _Question:
    """One item in tokens: a prompt, the ``opening`` that all choices share, and the rest of each choice."""

    prompt: list[int]
    opening: list[int]
    rests: list[list[int]]  # none empty

    @property
    def size(self) -> tuple[int, int, int]:
        """What decides the batch: questions of equal opening and longest rest go together."""
        return len(self.opening), max(map(len, self.rests)), len(self.prompt)


def choice_log_likelihoods(
    model: LanguageModel,
    prompts: Sequence[list[int]],
    choices: Sequence[Sequence[list[int]]],
    progress: Progress | None = None,
) -> list[FloatArray]:
    """Log-likelihood (natural log, summed over tokens) of each choice after its prompt.

    ``prompts[i]`` and ``choices[i][j]`` are token lists, none empty. Returns one array ``[choices]`` per
    prompt. Padding is masked by length, so a pad token that is also the end token does no harm.
    """
    import torch

    shared = common_length(prompts)
    questions = [_question(prompt[shared:], row) for prompt, row in zip(prompts, choices, strict=True)]
    found: list[FloatArray] = [np.empty(0)] * len(prompts)
    done = 0
    with torch.inference_mode():
        prefix = beginning(model.network, [prompts[0][:shared]]) if shared else None
        for batch in _batches(questions):
            scores = _score(model, prefix, shared, [questions[i] for i in batch])
            for i, score in zip(batch, scores, strict=True):
                found[i] = score
            done += len(batch)
            if progress:
                progress(done, len(prompts))
    return found


def _question(prompt: list[int], choices: Sequence[list[int]]) -> _Question:
    opening = common_length(choices)
    return _Question(prompt, choices[0][:opening], [choice[opening:] for choice in choices])


def _batches(questions: Sequence[_Question]) -> list[list[int]]:
    """Indices in batches of like sizes, so that little is padded in either step."""
    batches: list[list[int]] = [[]]
    for i in sorted(range(len(questions)), key=lambda i: questions[i].size):
        opening, longest, prompt = questions[i].size
        full = (len(batches[-1]) + 1) * max(prompt + opening, 4 * longest) > TOKENS_PER_BATCH
        if batches[-1] and (full or questions[batches[-1][0]].size[:2] != (opening, longest)):
            batches.append([])
        batches[-1].append(i)
    return batches


def _score(model: LanguageModel, prefix: Any, shared: int, batch: list[_Question]) -> list[FloatArray]:
    import torch

    cache = copy.deepcopy(prefix)  # a forward pass grows the cache it is given
    if cache is not None:
        cache.batch_repeat_interleave(len(batch))
    device, opening = model.network.device, len(batch[0].opening)
    ids, mask = _padded([q.prompt + q.opening for q in batch], side="left", device=device)
    mask = torch.cat([mask.new_ones(len(batch), shared), mask], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    logits, cache = forward(
        model.network, cache, input_ids=ids, attention_mask=mask, position_ids=positions[:, shared:],
        logits_to_keep=opening + 1,
    )  # fmt: skip
    logits = logits[:, -opening - 1 :].float().log_softmax(-1)
    openings = logits[:, :-1].gather(2, ids[:, ids.shape[1] - opening :, None]).sum((1, 2))
    flat = [(row, rest) for row, question in enumerate(batch) for rest in question.rests]
    rows = torch.tensor([row for row, _ in flat], device=device)
    total = openings[rows] + logits[rows, -1, torch.tensor([rest[0] for _, rest in flat], device=device)]
    longer = [k for k, (_, rest) in enumerate(flat) if len(rest) > 1]
    if longer:
        chosen = torch.tensor(longer, device=device)
        later = _continuation(model, cache, mask, rows[chosen], [flat[k][1] for k in longer])
        total = total.index_add(0, chosen, later)
    ends = np.cumsum([len(question.rests) for question in batch])[:-1]
    return [np.asarray(part, dtype=np.float64) for part in np.split(total.cpu().numpy(), ends)]


def _continuation(model: LanguageModel, cache: Any, mask: Any, rows: Any, choices: list[list[int]]) -> Any:
    """Log-likelihood of each choice's second and later tokens, given its prompt (``rows``) and first."""
    import torch

    cache.batch_select_indices(rows)
    inputs, input_mask = _padded([c[:-1] for c in choices], side="right", device=rows.device)
    targets, _ = _padded([c[1:] for c in choices], side="right", device=rows.device)
    whole = torch.cat([mask[rows], input_mask], dim=1)
    positions = (whole.cumsum(1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
    logits = forward(model.network, cache, input_ids=inputs, attention_mask=whole, position_ids=positions)[0].float()
    each = logits.gather(2, targets[:, :, None])[:, :, 0] - logits.logsumexp(-1)
    return (each * input_mask).sum(1)


def _padded(rows: Sequence[list[int]], *, side: str, device: Any) -> tuple[Any, Any]:
    """Token matrix and 0/1 mask; the mask comes from the lengths, never from the pad token."""
    import torch

    width = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        place = slice(width - len(row), width) if side == "left" else slice(0, len(row))
        ids[i, place] = torch.tensor(row, device=device)
        mask[i, place] = 1
    return ids, mask
