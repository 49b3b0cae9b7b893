"""Evaluation: a model and items in, Responses out. A checkpoint is just another respondent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from easyhard.benchmarks import BenchmarkSpec
from easyhard.evaluation.choices import choice_log_likelihoods
from easyhard.evaluation.config import EvaluationConfig
from easyhard.evaluation.generation import greedy_answers, is_correct
from easyhard.evaluation.harness import evaluate_with_harness
from easyhard.evaluation.outcome import Evaluation
from easyhard.evaluation.own import evaluate_here
from easyhard.llm import LanguageModel
from easyhard.schema import Items, Progress

__all__ = [
    "Evaluation",
    "EvaluationConfig",
    "choice_log_likelihoods",
    "evaluate",
    "evaluate_here",
    "evaluate_with_harness",
    "greedy_answers",
    "is_correct",
]


def evaluate(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    respondent: str,
    progress: Progress | None = None,
    examples: Sequence[Sequence[tuple[str, str]]] | None = None,
    config: EvaluationConfig | None = None,
    folder: Path | None = None,
    adapter: Path | None = None,
) -> Evaluation:
    """Ask ``model`` every item, scored as ``spec`` says; greedy, so the same call gives the same answers.

    ``examples`` are shown before each item: its pairs of a prompt and a completion; none by default. ``config``
    chooses the engine. Where that is lm-evaluation-harness, ``folder`` gets its own results and sample log, and
    ``adapter`` may name a LoRA that vLLM puts on the model. Raises InputError for an item that does not fit into
    the model's context, WorkError if the model or its server fails.
    """
    config = config or EvaluationConfig()
    if config.engine_for(spec.scoring) == "easyhard":
        return evaluate_here(model, items, spec, respondent, progress, examples)
    return evaluate_with_harness(model, items, spec, respondent, config, folder, progress, examples, adapter)
