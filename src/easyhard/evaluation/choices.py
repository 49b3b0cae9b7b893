"""Multiple choice by log-likelihood, each prompt computed once.

The work goes in three steps over one key-value cache: what all prompts begin with (system prompt,
examples) once per model; the rest of each prompt once per item; and each choice on top of its item's
prompt. Only the positions that predict an answer are projected on the vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from easyhard.llm import LanguageModel
from easyhard.schema import FloatArray, Progress

TOKENS_PER_BATCH = 1024  # of prompts, padding included: where two CPU cores reach their best pace


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

    shared = _common_prefix(prompts)
    found: list[FloatArray] = [np.empty(0)] * len(prompts)
    done = 0
    with torch.inference_mode():
        prefix = _prefix_cache(model, prompts[0][:shared]) if shared else None
        sizes = [(max(map(len, c)), len(p) - shared) for p, c in zip(prompts, choices, strict=True)]
        for batch in _batches(sizes):
            scores = _score(model, prefix, shared, [prompts[i] for i in batch], [choices[i] for i in batch])
            for i, score in zip(batch, scores, strict=True):
                found[i] = score
            done += len(batch)
            if progress:
                progress(done, len(prompts))
    return found


def _common_prefix(prompts: Sequence[list[int]]) -> int:
    """Length of what all prompts share, leaving every prompt at least one token of its own."""
    first, last = min(prompts), max(prompts)
    limit = min(len(p) for p in prompts) - 1
    shared = 0
    while shared < limit and first[shared] == last[shared]:
        shared += 1
    return shared


def _batches(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Indices in batches of like sizes (longest choice, prompt), so that little is padded in either step."""
    batches: list[list[int]] = [[]]
    for i in sorted(range(len(sizes)), key=lambda i: sizes[i]):
        longest_choice, prompt = sizes[i]
        full = (len(batches[-1]) + 1) * max(prompt, 4 * longest_choice) > TOKENS_PER_BATCH
        if batches[-1] and (full or sizes[batches[-1][0]][0] != longest_choice):
            batches.append([])
        batches[-1].append(i)
    return batches


def _prefix_cache(model: LanguageModel, tokens: list[int]) -> Any:
    import torch

    ids = torch.tensor([tokens], device=model.network.device)
    return model.network(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values


def _score(
    model: LanguageModel,
    prefix: Any,
    shared: int,
    prompts: list[list[int]],
    choices: list[Sequence[list[int]]],
) -> list[FloatArray]:
    import torch

    cache = copy.deepcopy(prefix)  # a forward pass grows the cache it is given
    if cache is not None:
        cache.batch_repeat_interleave(len(prompts))
    ids, mask = _padded([p[shared:] for p in prompts], side="left", device=model.network.device)
    mask = torch.cat([mask.new_ones(len(prompts), shared), mask], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    output = model.network(
        input_ids=ids, attention_mask=mask, position_ids=positions[:, shared:], past_key_values=cache,
        use_cache=True, logits_to_keep=1,
    )  # fmt: skip
    first = output.logits[:, -1].float().log_softmax(-1)
    flat = [(row, choice) for row, options in enumerate(choices) for choice in options]
    rows = torch.tensor([row for row, _ in flat], device=ids.device)
    total = first[rows, torch.tensor([choice[0] for _, choice in flat], device=ids.device)]
    longer = [k for k, (_, choice) in enumerate(flat) if len(choice) > 1]
    if longer:
        chosen = torch.tensor(longer, device=ids.device)
        rest = _continuation(model, output.past_key_values, mask, rows[chosen], [flat[k][1] for k in longer])
        total = total.index_add(0, chosen, rest)
    ends = np.cumsum([len(options) for options in choices])[:-1]
    return [np.asarray(part, dtype=np.float64) for part in np.split(total.cpu().numpy(), ends)]


def _continuation(model: LanguageModel, cache: Any, mask: Any, rows: Any, choices: list[list[int]]) -> Any:
    """Log-likelihood of each choice's second and later tokens, given its prompt (``rows``) and first."""
    import torch

    cache.batch_select_indices(rows)
    inputs, input_mask = _padded([c[:-1] for c in choices], side="right", device=rows.device)
    targets, _ = _padded([c[1:] for c in choices], side="right", device=rows.device)
    whole = torch.cat([mask[rows], input_mask], dim=1)
    positions = (whole.cumsum(1) - 1).clamp(min=0)[:, -inputs.shape[1] :]
    logits = model.network(
        input_ids=inputs, attention_mask=whole, position_ids=positions, past_key_values=cache, use_cache=True
    ).logits
    logits = logits.float()
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
