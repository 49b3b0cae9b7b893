"""A benchmark as data: how an item becomes a prompt, what answers it, how an answer is scored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from easyhard.schema import InputError, Items
from easyhard.wording import did_you_mean, shown

Scoring = Literal["choices", "last_number", "exact", "first_letter", "typed", "math", "instructions"]
FREE_GUESS = 0.03  # chance of a right free answer that anyone could give

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """How the items of one benchmark are asked and scored. The prompt exists here once, for all uses.

    ``prompt``, ``choice`` and ``completion`` are templates; what stands in braces is filled in:

    - ``prompt``: ``{question}``, and ``{choices}``: one line per choice, each made by ``choice``.
    - ``choice``: ``{answer}`` (the choice's text), ``{letter}`` (A is the first), ``{number}`` (1 is the first).
    - ``completion`` is what training teaches after the prompt: the same three for the right answer, and
      ``{solution}``, the worked one.

    ``system`` is the system message where the model has a chat template; by default none is sent and the
    template's own applies, as in arXiv:2511.21692. ``chat`` puts the prompt into the model's chat template
    where it has one; otherwise it is plain text. ``scoring``:

    - ``choices``: every choice is put where the completion stands, and the one with the largest log-likelihood
      per character is taken (``acc_norm`` of the lm-evaluation-harness).
    - ``last_number``: greedy text, its last number equals the answer's (``flexible-extract`` for GSM8K).
    - ``exact``: greedy text, its first line equals the answer but for case and outer white space.
    - ``first_letter``: greedy text, its first lone capital letter names the right choice.
    - ``typed``: greedy text, of which the answer's own kind is read: True or False, a letter in brackets, yes or
      no, a number, valid or invalid (the kinds of BIG-Bench Hard).
    - ``math``: greedy text, mathematically equal to the answer as ``math_verify`` judges.
    - ``instructions``: greedy text that follows all instructions; the answer is a JSON list of
      ``{"id": ..., "kwargs": {...}}`` as IFEval's checkers know them.

    The last four are read by the lm-evaluation-harness alone.
    """

    name: str
    scoring: Scoring
    prompt: str = "Question: {question}\nAnswer:"
    choice: str = "{letter}) {answer}"
    completion: str = "{answer}"
    system: str | None = None
    chat: bool = True
    max_new_tokens: int = 256

    def __post_init__(self) -> None:
        if "{question}" not in self.prompt:
            raise InputError(
                f"the prompt {self.prompt!r} does not contain {{question}}, so every item would look alike. "
                "Write {question} where the item's text belongs."
            )
        _refuse_unknown(self.prompt, "prompt", ("question", "choices"))
        _refuse_unknown(self.choice, "choice", ("answer", "letter", "number"))
        _refuse_unknown(self.completion, "completion", ("answer", "letter", "number", "solution"))
        if not _PLACEHOLDER.search(self.completion):
            raise InputError(
                f"the completion {self.completion!r} is the same for every item. Write {{answer}}, {{letter}}, "
                "{number} or {solution} where the item's own part belongs."
            )
        if self.scoring == "choices" and "{solution}" in self.completion:
            raise InputError(
                f"the completion {self.completion!r} holds a solution, which only the right choice has, but scoring "
                "is choices. Teach the answer ({answer} or {letter}), or choose a scoring of generated text."
            )


def prompts(items: Items, spec: BenchmarkSpec) -> list[str]:
    """The prompt of each item, without examples and chat template.

    Raises InputError for an item without choices where the prompt shows them.
    """
    found = []
    for name, question, choices in items.table.select("item", "question", "choices").iter_rows():
        if "{choices}" in spec.prompt and not choices:
            raise InputError(
                f"item {shown(name)} has no choices, but the prompt of {spec.name} shows them. "
                "Fill the column 'choices', or leave {choices} out of the prompt."
            )
        lines = [_filled(spec.choice, _parts(choice, place)) for place, choice in enumerate(choices or ())]
        found.append(_filled(spec.prompt, {"question": question, "choices": "\n".join(lines)}))
    return found


def completions(items: Items, spec: BenchmarkSpec) -> list[str]:
    """What training teaches after each prompt. Raises InputError where the item table lacks it."""
    columns = items.table.select("item", "answer", "choices", "solution").iter_rows()
    return [_completion(name, answer, choices, solution, spec) for name, answer, choices, solution in columns]


def candidates(items: Items, spec: BenchmarkSpec) -> list[list[str]]:
    """The completions that scoring by choices compares: one per choice, in the item's order.

    Of the right choice it is the very text that training teaches.
    """
    rows: Sequence[Sequence[str]] = items.table["choices"].to_list()
    return [[_filled(spec.completion, _parts(choice, place)) for place, choice in enumerate(row)] for row in rows]


def _completion(
    name: str, answer: str, choices: Sequence[str] | None, solution: str | None, spec: BenchmarkSpec
) -> str:
    values = {"answer": answer, "solution": solution or ""}
    if choices and answer in choices:
        values |= _parts(answer, choices.index(answer))
    wanted = _PLACEHOLDER.findall(spec.completion)
    lacking = next((part for part in wanted if not values.get(part)), None)
    if lacking:
        column = "solution" if lacking == "solution" else "choices"
        raise InputError(
            f"item {shown(name)} has no {lacking} to train on. "
            f"Fill the column {column!r}, or choose another completion: '{{answer}}' is the bare answer."
        )
    return _filled(spec.completion, values)


def _parts(choice: str, place: int) -> dict[str, str]:
    """What can be said of a choice: its text, its letter, its number."""
    letter = ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1)
    return {"answer": choice, "letter": letter, "number": str(place + 1)}


def _filled(template: str, values: Mapping[str, str]) -> str:
    """``template`` with its placeholders filled in one pass, so that braces in an item's text stay as they are."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def _refuse_unknown(template: str, what: str, known: Sequence[str]) -> None:
    strange = next((name for name in _PLACEHOLDER.findall(template) if name not in known), None)
    if strange:
        raise InputError(
            f"the {what} {template!r} contains {{{strange}}}, which nothing fills.{did_you_mean(strange, known)} "
            f"It can contain {', '.join('{' + name + '}' for name in known)}."
        )


def scoring_for(items: Items) -> Scoring:
    """The natural scoring of an item table: by choices where it has them, else by number or text."""
    if items.table["choices"].null_count() == 0:
        return "choices"
    return "last_number" if all(number(a) is not None for a in items.table["answer"]) else "exact"


def guessing_rates(items: Items, scoring: Scoring) -> dict[str, float]:
    """Chance that an answer given without reading the item is right, per item.

    With choices: one over their number. Without: the share of the most frequent answer, which a model
    reaches that always says the same, but at least 0.03: on few items with all different answers that share
    says nothing, and the commonest answer solves 3% of GSM8K and of MATH.
    """
    names = items.table["item"].to_list()
    if scoring in ("choices", "first_letter"):
        return {n: 1 / len(c) for n, c in zip(names, items.table["choices"].to_list(), strict=True)}
    answers = items.table["answer"].to_list()
    share = Counter(answers).most_common(1)[0][1] / len(answers)
    return dict.fromkeys(names, max(share, FREE_GUESS))


def answer_forms(items: Items) -> dict[str, str]:
    """The form of each item's answer: one of so many choices, a number, one word, or a text."""
    found = {}
    for name, answer, choices in items.table.select("item", "answer", "choices").iter_rows():
        if choices:
            found[name] = f"{len(choices)} choices"
        else:
            found[name] = "number" if number(answer) is not None else "text" if len(answer.split()) > 1 else "one word"
    return found


def number(text: str) -> float | None:
    """The number that ``text`` writes, thousands commas and a dollar sign aside; None if it is none."""
    try:
        return float(text.replace(",", "").lstrip("$"))
    except ValueError:
        return None


def refuse_other_than_numbers(items: Items) -> None:
    """Raise InputError if an answer is no number, so that ``last_number`` could never be right."""
    for name, answer in items.table.select("item", "answer").iter_rows():
        if number(answer) is None:
            raise InputError(
                f"item {name!r} has the answer {answer!r}, which is no number, but scoring is last_number. "
                "Write the answer as a number, or choose another scoring: exact | choices."
            )
