"""Evaluation: a model and items in, Responses out. A checkpoint is just another respondent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.benchmarks import BenchmarkSpec, candidates, prompts
from easyhard.evaluation.choices import choice_log_likelihoods
from easyhard.evaluation.generation import greedy_answers, is_correct
from easyhard.llm import LanguageModel, answer_tokens, prompt_tokens
from easyhard.schema import InputError, Items, Progress, Responses

__all__ = ["Evaluation", "choice_log_likelihoods", "evaluate", "greedy_answers", "is_correct"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model's answers: as ``responses`` with one respondent, and what it said, item by item.

    ``answers`` has the columns ``item, given, answer, correct``; ``given`` is the chosen option or the text.
    """

    responses: Responses
    answers: pl.DataFrame


def evaluate(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    respondent: str,
    progress: Progress | None = None,
    examples: Sequence[Sequence[tuple[str, str]]] | None = None,
) -> Evaluation:
    """Ask ``model`` every item, scored as ``spec`` says; greedy, so the same call gives the same answers.

    ``examples`` are shown before each item: its pairs of a prompt and a completion; none by default. Raises
    InputError for a prompt longer than the model's context.
    """
    shown = examples or [()] * items.table.height
    asked = [
        _within(prompt_tokens(model, spec, prompt, before), model)
        for prompt, before in zip(prompts(items, spec), shown, strict=True)
    ]
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


def _within(prompt: list[int], model: LanguageModel) -> list[int]:
    if len(prompt) >= model.context_length:
        raise InputError(
            f"a prompt has {len(prompt)} tokens, but the model's context holds {model.context_length}. "
            "Drop long items, show fewer examples, or take a model with a longer context."
        )
    return prompt
