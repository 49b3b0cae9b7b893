"""Multiple choice by log-likelihood, each prompt computed once.

What all prompts begin with (system prompt, examples) is computed once per model, into a cache of keys and values; then
the rest of each prompt, with what all its choices begin with, once per item, and the rest of each choice on top of
that: in one pass and without padding where the network can be given packed questions, else in a pass for each. Only
the positions that predict an answer are projected on the vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from easyhard.evaluation.packed_choices import Question, packed_scores
from easyhard.llm import LanguageModel, beginning, common_length, forward
from easyhard.packing import can_pack, packed_attention
from easyhard.schema import FloatArray, Progress

TOKENS_PER_BATCH = 1024  # where two CPU cores reach their best pace
SCORES_PER_BATCH = 2**26  # of the vocabulary, in one packed row: 256 MB in float32


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
    network, is_packed = model.network, can_pack(model.network)
    scored = packed_scores if is_packed else _padded_scores
    batches = _packed_batches(questions, network.config.vocab_size) if is_packed else _padded_batches(questions)
    with torch.inference_mode():
        prefix = beginning(network, [prompts[0][:shared]]) if shared else None
        with packed_attention(network) if is_packed else nullcontext():
            for batch in batches:
                scores = scored(network, prefix, shared, [questions[i] for i in batch])
                for i, score in zip(batch, scores, strict=True):
                    found[i] = score
                done += len(batch)
                if progress:
                    progress(done, len(prompts))
    return found


def _question(prompt: list[int], choices: Sequence[list[int]]) -> Question:
    opening = common_length(choices)
    return Question(prompt, choices[0][:opening], [choice[opening:] for choice in choices])


def _packed_batches(questions: Sequence[Question], vocabulary: int) -> list[list[int]]:
    """Indices in batches of like sizes, within what a pass may hold."""
    sizes = [(len(question.tokens), question.n_scored) for question in questions]
    batches: list[list[int]] = [[]]
    tokens = scored = 0
    for i in sorted(range(len(questions)), key=sizes.__getitem__):
        tokens, scored = tokens + sizes[i][0], scored + sizes[i][1]
        if batches[-1] and (tokens > TOKENS_PER_BATCH or scored * vocabulary > SCORES_PER_BATCH):
            batches.append([])
            tokens, scored = sizes[i]
        batches[-1].append(i)
    return batches


def _padded_batches(questions: Sequence[Question]) -> list[list[int]]:
    """Indices in batches of equal opening and longest rest, and like prompts: little is padded in either step."""
    sizes = [(len(q.opening), max(map(len, q.rests)), len(q.prompt)) for q in questions]
    batches: list[list[int]] = [[]]
    for i in sorted(range(len(questions)), key=sizes.__getitem__):
        opening, longest, prompt = sizes[i]
        full = (len(batches[-1]) + 1) * max(prompt + opening, 4 * longest) > TOKENS_PER_BATCH
        if batches[-1] and (full or sizes[batches[-1][0]][:2] != (opening, longest)):
            batches.append([])
        batches[-1].append(i)
    return batches


def _padded_scores(network: Any, prefix: Any, shared: int, batch: Sequence[Question]) -> list[FloatArray]:
    """As ``packed_scores``, for a network of any kind: one question a row, then one choice a row."""
    import torch

    cache = copy.deepcopy(prefix)  # a forward pass grows the cache it is given
    if cache is not None:
        cache.batch_repeat_interleave(len(batch))
    device, opening = network.device, len(batch[0].opening)
    ids, mask = _padded([q.trunk for q in batch], side="left", device=device)
    mask = torch.cat([mask.new_ones(len(batch), shared), mask], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    logits, cache = forward(
        network, cache, input_ids=ids, attention_mask=mask, position_ids=positions[:, shared:],
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
        later = _continuation(network, cache, mask, rows[chosen], [flat[k][1] for k in longer])
        total = total.index_add(0, chosen, later)
    ends = np.cumsum([len(question.rests) for question in batch])[:-1]
    return [np.asarray(part, dtype=np.float64) for part in np.split(total.cpu().numpy(), ends)]


def _continuation(network: Any, cache: Any, mask: Any, rows: Any, choices: list[list[int]]) -> Any:
    """Log-likelihood of each choice's second and later tokens, given its prompt (``rows``) and first."""
    import torch

    cache.batch_select_indices(rows)
    inputs, input_mask = _padded([c[:-1] for c in choices], side="right", device=rows.device)
    targets, _ = _padded([c[1:] for c in choices], side="right", device=rows.device)
    whole = torch.cat([mask[rows], input_mask], dim=1)
    positions = (whole.cumsum(1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
    logits = forward(network, cache, input_ids=inputs, attention_mask=whole, position_ids=positions)[0].float()
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
