"""Evaluation by our own engine: prompts computed once for all their choices, short texts generated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from easyhard.benchmarks import BenchmarkSpec, candidates, prompts
from easyhard.evaluation.choices import choice_log_likelihoods
from easyhard.evaluation.config import OWN_SCORINGS
from easyhard.evaluation.generation import greedy_answers, is_correct
from easyhard.evaluation.outcome import Evaluation
from easyhard.llm import LanguageModel, answer_tokens, prompt_tokens
from easyhard.schema import InputError, Items, Progress, Responses
from easyhard.wording import shown


def evaluate_here(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    respondent: str,
    progress: Progress | None = None,
    examples: Sequence[Sequence[tuple[str, str]]] | None = None,
) -> Evaluation:
    """Ask ``model`` every item, greedily. Raises InputError for a prompt longer than the context."""
    if spec.scoring not in OWN_SCORINGS:
        raise InputError(
            f"engine easyhard does not score {spec.scoring!r}; it knows {', '.join(OWN_SCORINGS)}. "
            "Leave the engine at auto, or name lm_eval."
        )
    before = examples or [()] * items.table.height
    asked = [prompt_tokens(model, spec, p, pairs) for p, pairs in zip(prompts(items, spec), before, strict=True)]
    _refuse_too_long(items, asked, model)
    if spec.scoring == "choices":
        given = _chosen(model, asked, items, spec, progress)
        correct = [g == a for g, a in zip(given, items.table["answer"], strict=True)]
    else:
        given = greedy_answers(model, asked, spec.max_new_tokens, progress)
        correct = [is_correct(g, a, spec.scoring) for g, a in zip(given, items.table["answer"], strict=True)]
    row = np.array([correct], dtype=np.int8)
    names = tuple(items.table["item"])
    answers = pl.DataFrame({"item": names, "given": given, "answer": items.table["answer"], "correct": row[0]})
    return Evaluation(Responses(row, (respondent,), names), answers)


def _chosen(
    model: LanguageModel,
    asked: list[list[int]],
    items: Items,
    spec: BenchmarkSpec,
    progress: Progress | None,
) -> list[str]:
    options = candidates(items, spec)
    tokens = [[answer_tokens(model, spec, option) for option in row] for row in options]
    likelihoods = choice_log_likelihoods(model, asked, tokens, progress)
    return [
        choices[int(np.argmax(scores / [len(option) for option in row]))]
        for choices, row, scores in zip(items.table["choices"], options, likelihoods, strict=True)
    ]


def _refuse_too_long(items: Items, asked: Sequence[list[int]], model: LanguageModel) -> None:
    for name, prompt in zip(items.table["item"], asked, strict=True):
        if len(prompt) >= model.context_length:
            raise InputError(
                f"item {shown(name)} has a prompt of {len(prompt)} tokens, but the model's context holds "
                f"{model.context_length}. Drop long items, show fewer examples, or take a model with a longer context."
            )
