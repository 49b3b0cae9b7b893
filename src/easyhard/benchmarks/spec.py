"""A benchmark as data: how an item becomes a prompt, what answers it, how an answer is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from easyhard.schema import InputError, Items

Scoring = Literal["choices", "last_number", "exact"]
FREE_GUESS = 0.03  # chance of a right free answer that anyone could give


@dataclass(frozen=True, slots=True)
class BenchmarkSpec:
    """How the items of one benchmark are asked and scored. The prompt exists here once, for all uses.

    ``prompt`` holds ``{question}``. ``system`` is the system message where the model has a chat template;
    by default none is sent and the template's own applies, as in arXiv:2511.21692. ``scoring``:

    - ``choices``: the choice with the largest log-likelihood per character (``acc_norm`` of the
      lm-evaluation-harness); the choices themselves are not shown.
    - ``last_number``: greedy text, its last number equals the answer's (``flexible-extract`` for GSM8K).
    - ``exact``: greedy text, its first line equals the answer but for case and outer white space.

    ``chat`` puts the prompt into the model's chat template where it has one; otherwise it is plain text.
    ``completion`` is what training teaches after the prompt: ``answer`` or the worked ``solution``.
    ``examples`` are (question, answer) pairs shown before the item.
    """

    name: str
    scoring: Scoring
    prompt: str = "Question: {question}\nAnswer:"
    system: str | None = None
    chat: bool = True
    completion: Literal["answer", "solution"] = "answer"
    examples: tuple[tuple[str, str], ...] = ()
    max_new_tokens: int = 256

    def __post_init__(self) -> None:
        if "{question}" not in self.prompt:
            raise InputError(
                f"the prompt {self.prompt!r} does not contain {{question}}, so every item would look alike. "
                "Write {question} where the item's text belongs."
            )

    def text(self, question: str) -> str:
        """The prompt of one item, without examples and chat template."""
        return self.prompt.replace("{question}", question)


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
    if scoring == "choices":
        return {n: 1 / len(c) for n, c in zip(names, items.table["choices"].to_list(), strict=True)}
    answers = items.table["answer"].to_list()
    share = Counter(answers).most_common(1)[0][1] / len(answers)
    return dict.fromkeys(names, max(share, FREE_GUESS))


def completions(items: Items, spec: BenchmarkSpec) -> list[str]:
    """What training teaches after each prompt. Raises InputError where the item table lacks it."""
    values: Sequence[str | None] = items.table[spec.completion].to_list()
    for name, value in zip(items.table["item"], values, strict=True):
        if not value:
            raise InputError(
                f"item {name!r} has no {spec.completion} to train on. "
                f"Fill the column {spec.completion!r}, or choose another with completion: answer | solution."
            )
    return [value for value in values if value]


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
