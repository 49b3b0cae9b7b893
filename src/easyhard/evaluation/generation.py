"""Greedy answers as text, and whether they are right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from easyhard.benchmarks import Scoring, number
from easyhard.llm import LanguageModel
from easyhard.schema import Progress

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
SEQUENCES_PER_BATCH = 32


def greedy_answers(
    model: LanguageModel, prompts: Sequence[list[int]], max_new_tokens: int, progress: Progress | None = None
) -> list[str]:
    """The most likely continuation of each prompt, token by token, up to the end token or the limit."""
    import torch

    tokenizer, device = model.tokenizer, model.network.device
    texts = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), SEQUENCES_PER_BATCH):
        batch = order[start : start + SEQUENCES_PER_BATCH]
        width = max(len(prompts[i]) for i in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long, device=device)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(batch):
            ids[row, width - len(prompts[i]) :] = torch.tensor(prompts[i], device=device)
            mask[row, width - len(prompts[i]) :] = 1
        with torch.inference_mode():
            output = model.network.generate(
                input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=max_new_tokens,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )  # fmt: skip
        for row, i in enumerate(batch):
            texts[i] = tokenizer.decode(output[row, width:], skip_special_tokens=True)
        if progress:
            progress(min(start + SEQUENCES_PER_BATCH, len(order)), len(order))
    return texts


def is_correct(text: str, answer: str, scoring: Scoring) -> bool:
    """Whether a generated text gives ``answer``, by the rule named in BenchmarkSpec."""
    if scoring == "last_number":
        found = _NUMBER.findall(text)
        return bool(found) and number(found[-1]) == number(answer)
    lines = text.strip().splitlines()
    return bool(lines) and lines[0].strip().casefold() == answer.strip().casefold()
