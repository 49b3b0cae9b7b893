"""Tokens that a study cannot do without, and the arithmetic that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from easyhard.benchmarks import BenchmarkSpec, candidates, prompts
from easyhard.llm import LanguageModel, answer_tokens, common_length, prompt_tokens
from easyhard.schema import Items
from easyhard.sft import TrainingConfig, training_examples
from easyhard.sft.pace import batches


@dataclass(frozen=True)
class Work:
    """Tokens through the model, and positions whose token is scored over the vocabulary."""

    tokens: int
    scored: int

    def operations(self, linear: int, vocabulary: int, passes: int) -> float:
        """Multiplications and additions: two for each weight and token, ``passes`` times."""
        return 2.0 * passes * (self.tokens * linear + self.scored * vocabulary)


def training_work(
    model: LanguageModel, trainings: Sequence[Items], spec: BenchmarkSpec, config: TrainingConfig, seed: int
) -> tuple[Work, int]:
    """The least that training needs, where a step reads what all prompts begin with once; and the tokens as written."""
    each = [training_examples(model, items, spec, config) for items in trainings]
    shared = common_length([example.prompt for one in each for example in one])
    tokens = scored = written = 0
    for examples in each:
        for batch in batches(len(examples), config, seed):
            lengths = [len(examples[i].prompt) + len(examples[i].completion) - 1 for i in batch]
            tokens += shared + sum(lengths) - shared * len(lengths)
            written += sum(lengths)
            scored += sum(len(examples[i].completion) for i in batch)
    return Work(tokens, scored), written


def evaluation_work(model: LanguageModel, items: Items, spec: BenchmarkSpec) -> tuple[Work, int]:
    """The least that one evaluation needs, where nothing is read twice; and the tokens as the harness writes them."""
    asked = [prompt_tokens(model, spec, prompt) for prompt in prompts(items, spec)]
    shared = common_length(asked)
    tokens, scored, written = shared, 0, 0
    for prompt, row in zip(asked, candidates(items, spec), strict=True):
        options = [answer_tokens(model, spec, option) for option in row]
        opening = common_length(options)
        rests = [len(option) - opening for option in options]
        tokens += len(prompt) - shared + opening + sum(rest - 1 for rest in rests)
        scored += opening + 1 + sum(rest - 1 for rest in rests)
        written += sum(len(prompt) + len(option) - 1 for option in options)
    return Work(tokens, scored), written
