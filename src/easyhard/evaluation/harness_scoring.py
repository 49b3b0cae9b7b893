"""How each scoring is said in lm-evaluation-harness: its own graders, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from types import MappingProxyType
from typing import Any

from easyhard.benchmarks import Scoring

BBH = "lm_eval.tasks.bbh.zeroshot.utils"  # the harness' filters for BIG-Bench Hard
EXTRACT = "flexible-extract"  # what the harness calls a filter that finds the answer in a text


@dataclass(frozen=True, slots=True)
class Function:
    """A function named by its module, as ``!function`` in YAML; ``utils`` is the file beside an exported task."""

    path: str


@dataclass(frozen=True, slots=True)
class HarnessScoring:
    """One scoring as fragments of a task: ``metric`` after ``filter`` is what says whether an answer is right."""

    metric: str
    filter: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer in BIG-Bench Hard: what its gold answers look like, and the filter that reads it."""

    name: str
    looks_like: re.Pattern[str]
    filter: Mapping[str, Any]


def _means(*metrics: str) -> list[dict[str, Any]]:
    return [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in metrics]


def _read_from_text(filter_: Mapping[str, Any], **comparison: Any) -> HarnessScoring:
    """Generated text: a filter finds the answer, which then is compared letter by letter."""
    config = {
        "output_type": "generate_until",
        "filter_list": [{"name": EXTRACT, "filter": [dict(filter_), {"function": "take_first"}]}],
        "metric_list": [{**_means("exact_match")[0], **comparison}],
    }
    return HarnessScoring("exact_match", EXTRACT, MappingProxyType(config))


def _judged(function: str, metric: str, metric_list: Sequence[dict[str, Any]]) -> HarnessScoring:
    """Generated text that a function judges as a whole."""
    config = {
        "output_type": "generate_until",
        "process_results": Function(f"utils.{function}"),
        "metric_list": list(metric_list),
    }
    return HarnessScoring(metric, "none", MappingProxyType(config))


_BY_INSTRUCTION = {"aggregation": Function("lm_eval.tasks.ifeval.utils.agg_inst_level_acc"), "higher_is_better": True}
_REGEX = {"function": "regex", "group_select": 0}
_LINE_ENDS = r"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where str.splitlines ends a line

SCORINGS: Mapping[Scoring, HarnessScoring] = MappingProxyType(
    {
        "choices": HarnessScoring(
            "acc_norm",
            "none",
            MappingProxyType({"output_type": "multiple_choice", "metric_list": _means("acc", "acc_norm")}),
        ),
        # As the harness' own gsm8k reads and compares.
        "last_number": _read_from_text(
            {"function": "regex", "group_select": -1, "regex_pattern": r"(-?[$0-9.,]{2,})|(-?[0-9]+)"},
            ignore_case=True,
            ignore_punctuation=False,
            regexes_to_ignore=[",", r"\$", "(?s).*#### ", r"\.$"],
        ),
        "exact": _read_from_text({**_REGEX, "regex_pattern": rf"\A\s*(\S[^{_LINE_ENDS}]*)"}, ignore_case=True),
        "first_letter": _read_from_text({**_REGEX, "regex_pattern": rf"\b([{ascii_uppercase}])\b"}),
        # The filter is the answer kind's, see KINDS; compared as the harness' own bbh does.
        "typed": _read_from_text({}, ignore_case=True, regexes_to_ignore=[r"\.$", ",", "\n", r"\\", '"']),
        "math": _judged("mathematically_equal", "math_verify", _means("math_verify")),
        "instructions": _judged(
            "follows_instructions",
            "prompt_level_strict_acc",
            [
                *_means("prompt_level_strict_acc"),
                {"metric": "inst_level_strict_acc", **_BY_INSTRUCTION},
                *_means("prompt_level_loose_acc"),
                {"metric": "inst_level_loose_acc", **_BY_INSTRUCTION},
            ],
        ),
    }
)

# The filters of the harness' own bbh_zeroshot tasks.
KINDS = (
    AnswerKind("boolean", re.compile("True|False"), {**_REGEX, "regex_pattern": r"\b(True|False)\b"}),
    AnswerKind(
        "letter",
        re.compile(r"\([A-Z]\)"),
        {
            "function": Function(f"{BBH}.MultiChoiceRegexFilter"),
            "group_select": 0,
            "ignore_case": True,
            "ignore_punctuation": True,
            "regex_pattern": r"(\([A-Z]\))",
        },
    ),
    AnswerKind("yes_no", re.compile("yes|no", re.IGNORECASE), {**_REGEX, "regex_pattern": r"\b(Yes|No|yes|no)\b"}),
    AnswerKind(
        "number",
        re.compile(r"-?\d+"),
        {
            "function": Function(f"{BBH}.NumberParseRegexFilter"),
            "group_select": 0,
            "regex_pattern": "([-0-9]+)",
        },
    ),
    AnswerKind("validity", re.compile("valid|invalid"), {**_REGEX, "regex_pattern": r"\b(valid|invalid)\b"}),
)


def kind_of(answer: str) -> AnswerKind | None:
    """The kind of a gold answer; None if it is of no kind that is known."""
    return next((kind for kind in KINDS if kind.looks_like.fullmatch(answer.strip())), None)


def letters_of(count: int) -> str:
    """A pattern of the letters of so many choices, for the filter of ``first_letter``."""
    return rf"\b([{ascii_uppercase[: max(count, 1)]}])\b"
