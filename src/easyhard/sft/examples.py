"""Items as token sequences, with everything refused that could not be learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyhard.benchmarks import BenchmarkSpec, completions, prompts
from easyhard.chance import cell_rng
from easyhard.llm import LanguageModel, answer_tokens, prompt_tokens
from easyhard.schema import InputError, Items
from easyhard.sft.config import TrainingConfig
from easyhard.wording import shown


@dataclass(frozen=True, slots=True)
class Example:
    """One training example in tokens. Only the completion, which ends with the end token, is learned."""

    prompt: list[int]
    completion: list[int]


def training_examples(
    model: LanguageModel, items: Items, spec: BenchmarkSpec, config: TrainingConfig | None = None
) -> list[Example]:
    """Items as token sequences: the prompt that evaluation uses, then completion and end token.

    Raises InputError, which names the item, for an empty completion and for an example longer than the model's
    context or ``config.max_length``. Nothing is ever cut: the completion stands at the end, where a cut would
    take it, and a prompt without its beginning is another question.
    """
    end = end_token(model)
    limit = min(config.max_length if config else model.context_length, model.context_length)
    texts = zip(items.table["item"], prompts(items, spec), completions(items, spec), strict=True)
    found = []
    for name, prompt, completion in texts:
        answer = answer_tokens(model, spec, completion) if completion.strip() else []
        if not answer:
            raise InputError(
                f"item {shown(name)} has an empty completion, so there is nothing to learn from it. "
                "Give it an answer, or leave it out."
            )
        example = Example(prompt_tokens(model, spec, prompt), [*answer, end])
        _refuse_long(example, name, limit, model)
        found.append(example)
    return found


def end_token(model: LanguageModel) -> int:
    """What ends every completion. Raises InputError for a tokenizer without one."""
    if model.tokenizer.eos_token_id is None:
        raise InputError(
            f"the tokenizer of {model.name!r} has no end token, so a model could not learn to stop. "
            "Set eos_token in its tokenizer_config.json."
        )
    return int(model.tokenizer.eos_token_id)


def notes_on(model: LanguageModel, spec: BenchmarkSpec) -> tuple[str, ...]:
    """What a reader should know of how a model's examples are written, as sentences."""
    found = []
    if spec.chat and model.tokenizer.chat_template is None:
        found.append("The tokenizer has no chat template, so prompts and completions are plain text.")
    if model.tokenizer.pad_token_id == model.tokenizer.eos_token_id:
        found.append("The pad token is the end token; the end of each completion is learned all the same.")
    return tuple(found)


def _refuse_long(example: Example, name: str, limit: int, model: LanguageModel) -> None:
    length = len(example.prompt) + len(example.completion)
    if length <= limit:
        return
    raise InputError(
        f"item {shown(name)} has {length} tokens as a training example, more than the limit of {limit}; cutting it "
        f"would lose its answer. The context of {model.name!r} holds {model.context_length}: raise "
        "training.max_length up to there, or drop long items."
    )


def subset(items: Items, n_items: int | None, seed: int) -> Items:
    """At most ``n_items`` of the items, drawn by ``seed``; all of them if ``n_items`` is None."""
    if n_items is None or n_items >= items.table.height:
        return items
    chosen = np.sort(cell_rng(seed, "training-subset").choice(items.table.height, size=n_items, replace=False))
    return Items(items.table[chosen], items.covariates)
