"""A benchmark and its items as tasks of lm-evaluation-harness: pure data, for memory and for YAML alike.

The prompt is not made again by a template of the harness: it is a column of the data, rendered where training's is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from easyhard.benchmarks import BenchmarkSpec, candidates, prompts
from easyhard.benchmarks.known_tasks import OWN
from easyhard.evaluation.harness_scoring import KINDS, SCORINGS, AnswerKind, kind_of, letters_of
from easyhard.schema import InputError, Items
from easyhard.wording import shown

SPLIT = "test"


@dataclass(frozen=True, slots=True)
class HarnessTask:
    """One task: its ``config`` without the data, and the data as ``rows``, one per item.

    An answer is right where ``metric`` is 1 after ``filter``. Every row has ``item, prompt, target`` and what the
    grader reads.
    """

    name: str
    config: dict[str, Any]
    rows: list[dict[str, Any]]
    metric: str
    filter: str


def harness_tasks(items: Items, spec: BenchmarkSpec, rendered: Sequence[str] | None = None) -> list[HarnessTask]:
    """One task, or with answers of several kinds (scoring ``typed``) one for each kind that occurs.

    ``rendered`` are prompts with all that a chat template and examples put around them, where the harness is to
    add nothing. Raises InputError for an item that cannot be scored so.
    """
    rows = list(_rows(items, spec, rendered))
    name = task_name(spec)
    if spec.scoring != "typed":
        return [_task(name, rows, spec, rendered is not None)]
    of_kind: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of_kind.setdefault(_kind(row).name, []).append(row)
    return [
        _task(f"{name}_{kind.name}", of_kind[kind.name], spec, rendered is not None, kind)
        for kind in KINDS
        if kind.name in of_kind
    ]


def task_name(spec: BenchmarkSpec) -> str:
    """What the harness calls a benchmark: ``easyhard_`` and its name, as a file may be called."""
    return OWN + (re.sub(r"\W+", "_", spec.name).strip("_").lower() or "items")


def _task(
    name: str, rows: list[dict[str, Any]], spec: BenchmarkSpec, rendered: bool, kind: AnswerKind | None = None
) -> HarnessTask:
    scoring = SCORINGS[spec.scoring]
    config: dict[str, Any] = {
        "task": name,
        "test_split": SPLIT,
        "doc_to_text": "prompt",
        "doc_to_target": "target",
        "target_delimiter": _delimiter(spec, rendered),
        "num_fewshot": 0,
        **deepcopy(dict(scoring.config)),
        "metadata": {"version": 1.0},
    }
    if config["output_type"] == "multiple_choice":
        config["doc_to_choice"] = "choices"
    else:
        config["generation_kwargs"] = {  # greedy, up to the end token or the limit
            "until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": spec.max_new_tokens,
        }  # fmt: skip
    if spec.system and not rendered:
        config["description"] = "system"
    if kind:
        config["filter_list"][0]["filter"][0] = dict(kind.filter)
    if spec.scoring == "first_letter":
        config["filter_list"][0]["filter"][0]["regex_pattern"] = letters_of(max(row["n_choices"] for row in rows))
    return HarnessTask(name, config, rows, scoring.metric, scoring.filter)


def _delimiter(spec: BenchmarkSpec, rendered: bool) -> str:
    """What stands between prompt and choice in plain text; the harness leaves it out after a chat template."""
    return "" if spec.prompt[-1].isspace() or (rendered and spec.chat) else " "


def _rows(items: Items, spec: BenchmarkSpec, rendered: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    columns = ["item", "question", "answer", "choices"]
    if spec.scoring in ("choices", "first_letter"):
        _refuse_without_right_choice(items)
    options = candidates(items, spec) if spec.scoring == "choices" else None
    for place, (prompt, (name, question, answer, choices)) in enumerate(
        zip(rendered or prompts(items, spec), items.table.select(columns).iter_rows(), strict=True)
    ):
        row: dict[str, Any] = {"item": name, "prompt": prompt}
        if spec.system and rendered is None:
            row["system"] = spec.system
        if options is not None:
            row |= {"target": choices.index(answer), "choices": _no_empty(name, options[place])}
            yield row
            continue
        row["target"] = answer.strip()
        if spec.scoring == "first_letter":
            row |= {"target": ascii_uppercase[choices.index(answer)], "n_choices": len(choices)}
        elif spec.scoring == "typed":
            row["input"] = question  # where the filter for letters looks up the choices
        elif spec.scoring == "instructions":
            row["question"] = question  # two instructions compare the answer with it
        yield row


def _refuse_without_right_choice(items: Items) -> None:
    for name, answer, choices in items.table.select("item", "answer", "choices").iter_rows():
        if not choices or answer not in choices[: len(ascii_uppercase)]:
            raise InputError(
                f"item {shown(name)} has no choice from A to Z that is its answer, {shown(answer)}, so none is right. "
                "Fill the column 'choices', or choose a scoring of free text: exact | last_number | math."
            )


def _no_empty(name: str, options: list[str]) -> list[str]:
    if not all(options):
        raise InputError(f"item {shown(name)} has an empty choice, which has no likelihood. Fill it, or drop the item.")
    return options


def _kind(row: dict[str, Any]) -> AnswerKind:
    kind = kind_of(row["target"])
    if kind is None:
        raise InputError(
            f"item {shown(row['item'])} has the answer {shown(row['target'])}, which is none of the kinds that scoring "
            f"'typed' reads: {', '.join(one.name for one in KINDS)}. Drop such items, or choose the scoring exact."
        )
    return kind
