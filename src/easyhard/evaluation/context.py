"""Whether what a model is asked fits into its context; the harness would cut it from the left without a word."""

from __future__ import annotations

from collections.abc import Sequence

from easyhard.benchmarks import BenchmarkSpec, candidates
from easyhard.llm import LanguageModel, answer_tokens
from easyhard.schema import InputError, Items
from easyhard.wording import shown


def refuse_too_long(
    model: LanguageModel, items: Items, spec: BenchmarkSpec, asked: Sequence[list[int]], context_length: int
) -> None:
    """Raise InputError for the first item whose prompt and answer are longer than the context, in tokens."""
    names = items.table["item"].to_list()
    if spec.scoring == "choices":
        rooms = [max(len(answer_tokens(model, spec, one)) for one in row) for row in candidates(items, spec)]
    else:
        rooms = [spec.max_new_tokens] * len(names)
    for name, prompt, room in zip(names, asked, rooms, strict=True):
        if len(prompt) + room > context_length:
            raise InputError(
                f"item {shown(name)} has a prompt of {len(prompt)} tokens and needs {room} more for the answer, but "
                f"the model's context holds {context_length}. Drop long items, show fewer examples, lower "
                "max_new_tokens, or take a model with a longer context."
            )
