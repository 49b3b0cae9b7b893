"""What is known of the tasks that public logs hold: their benchmark, their metric, and what of a document is the item.

A task that is not in the table is read all the same: its own name is its benchmark's, the whole document is the
item, and the metric is the only one its log has, or asked for.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from easyhard.benchmarks.identity import item_id

AnswerForm = Literal["text", "label", "place"]


@dataclass(frozen=True, slots=True)
class KnownTask:
    """One row: tasks whose name matches ``pattern`` (as file names do, letter case aside).

    ``benchmark`` begins the names of their items; ``{}`` in it stands for what the pattern's ``*`` matched.
    ``metric`` is what the leaderboard that runs the task counts. ``question``, ``answer`` and ``choices`` are
    the fields of a document that make the item; fields that are not named can change without making another.
    ``answer`` holds the right answer's text, its label (a letter), or its place among the choices, from 0.
    """

    pattern: str
    benchmark: str
    metric: str | None = None
    question: tuple[str, ...] = ()
    answer: str | None = None
    choices: tuple[str, ...] = ()
    answer_is: AnswerForm = "text"


GPQA = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")  # choice1 to choice4 are shuffled anew
MUSR = ("narrative", "question")

OWN = "easyhard_"  # begins the tasks that we make, whose documents hold the item's name

# Metrics: the Open LLM Leaderboard, version 2 (leaderboard_*) and 1 (harness|*).
KNOWN_TASKS = (
    KnownTask(f"{OWN}ifeval*", "ifeval", "prompt_level_strict_acc"),
    KnownTask(f"{OWN}*", "{}", "acc_norm"),  # where choices are scored; else there is but one
    KnownTask("leaderboard_bbh_*", "bbh_{}", "acc_norm", ("input",), "target"),
    KnownTask("bbh_*", "bbh_{}", None, ("input",), "target"),
    KnownTask("leaderboard_gpqa_*", "gpqa_{}", "acc_norm", ("Question",), "Correct Answer", GPQA),
    KnownTask("gpqa_*", "gpqa_{}", None, ("Question",), "Correct Answer", GPQA),
    KnownTask("leaderboard_math_*", "math", "exact_match", ("problem",)),
    KnownTask("hendrycks_math_*", "math", "exact_match", ("problem",)),
    KnownTask("minerva_math_*", "math", None, ("problem",)),
    KnownTask("leaderboard_musr_*", "musr_{}", "acc_norm", MUSR, "answer_index", ("choices",), "place"),
    KnownTask("leaderboard_mmlu_pro", "mmlu_pro", "acc", ("question",), "answer", ("options",), "label"),
    KnownTask("mmlu_pro*", "mmlu_pro", None, ("question",), "answer", ("options",), "label"),
    KnownTask("leaderboard_ifeval", "ifeval", "prompt_level_strict_acc", ("prompt",)),
    KnownTask("ifeval", "ifeval", "prompt_level_strict_acc", ("prompt",)),
    KnownTask(
        "leaderboard_arc_challenge", "arc_challenge", "acc_norm", ("question",), "answerKey", ("choices",), "label"
    ),
    KnownTask("arc_challenge*", "arc_challenge", "acc_norm", ("question",), "answerKey", ("choices",), "label"),
    KnownTask("arc_easy*", "arc_easy", "acc_norm", ("question",), "answerKey", ("choices",), "label"),
    KnownTask("gsm8k*", "gsm8k", None, ("question",)),
    KnownTask("mmlu_*", "mmlu_{}", "acc", ("question",), "answer", ("choices",), "place"),
    KnownTask("hellaswag", "hellaswag", "acc_norm", ("ctx",), "label", ("endings",), "place"),
    KnownTask("winogrande", "winogrande", "acc", ("sentence",), "answer", ("option1", "option2")),
    KnownTask("harness|arc:challenge|*", "arc_challenge", "acc_norm"),
    KnownTask("harness|hellaswag|*", "hellaswag", "acc_norm"),
    KnownTask("harness|truthfulqa:mc|*", "truthfulqa", "mc2"),
    KnownTask("harness|winogrande|*", "winogrande", "acc"),
    KnownTask("harness|gsm8k|*", "gsm8k", "acc"),
    KnownTask("harness|hendrycksTest-*|*", "mmlu_{}", "acc"),
)


@lru_cache(maxsize=4096)
def known_task(task: str) -> KnownTask:
    """The first row whose pattern ``task`` matches, with its benchmark's name filled in; else one of its own."""
    for known in KNOWN_TASKS:
        found = re.fullmatch(re.escape(known.pattern.casefold()).replace(r"\*", "(.*)"), task.casefold())
        if found:
            part = found.group(1) if "{}" in known.benchmark else ""
            return replace(known, benchmark=known.benchmark.replace("{}", part))
    return KnownTask(task, task)


def item_of(task: str, document: Mapping[str, Any]) -> str:
    """``<benchmark>/<12 hex digits>`` of a document, from the fields that make the item.

    A document that lacks one of these fields counts as a whole. Of tasks of our own it is the name that it holds.
    """
    if task.startswith(OWN) and isinstance(document.get("item"), str):
        return str(document["item"])
    known = known_task(task)
    named = (*known.question, *known.choices, *([known.answer] if known.answer else []))
    if not known.question or any(name not in document for name in named):
        return whole_item(known.benchmark, document)
    choices = choice_texts([document[name] for name in known.choices])
    answer = answer_text(document[known.answer], known.answer_is, document, choices) if known.answer else ""
    return item_id(known.benchmark, "\n".join(str(document[name]) for name in known.question), answer, choices)


def asked_item(task: str, question: str, answer: str, choices: Sequence[str] | None = None) -> str:
    """``<benchmark>/<12 hex digits>`` where a format gives the question, the right answer and the choices apart.

    Of a task whose question alone is the item, answer and choices are left out, so that it has the name that
    ``item_of`` gives it.
    """
    known = known_task(task)
    if known.question and known.answer is None:
        return item_id(known.benchmark, question, "")
    return item_id(known.benchmark, question, answer, choices)


def whole_item(benchmark: str, document: Any) -> str:
    """``<benchmark>/<12 hex digits>`` of all of ``document``, whatever the order of its fields."""
    return item_id(benchmark, json.dumps(document, sort_keys=True, ensure_ascii=False, default=str), "")


def choice_texts(values: Sequence[Any]) -> list[str]:
    """Texts of the choices: a list, a list written as text, ``{"text": [...]}``, or one field each."""
    if len(values) > 1:
        return [str(value) for value in values]
    value = values[0] if values else []
    if isinstance(value, Mapping):
        value = value.get("text", [])
    if isinstance(value, str):
        value = _literal(value)
    return [str(one) for one in value] if isinstance(value, Sequence) and not isinstance(value, str) else [str(value)]


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def answer_text(value: Any, form: AnswerForm, document: Mapping[str, Any], choices: Sequence[str]) -> str:
    """The right answer's text; what names no choice stays as it is."""
    if form == "text":
        return str(value)
    labels = _labels(document, len(choices)) if form == "label" else [str(place) for place in range(len(choices))]
    return choices[labels.index(str(value))] if str(value) in labels else str(value)


def _labels(document: Mapping[str, Any], count: int) -> list[str]:
    """What a document calls its choices: its own labels, else A, B, and so on."""
    own = document.get("choices")
    if isinstance(own, Mapping) and isinstance(own.get("label"), Sequence):
        return [str(label) for label in own["label"]][:count]
    return [chr(ord("A") + place) for place in range(min(count, 26))]
