"""The types of a benchmark: where its rows are, what of a row is the item, how it is asked, who may publish it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from easyhard.benchmarks.known_tasks import AnswerForm
from easyhard.benchmarks.spec import BenchmarkSpec
from easyhard.schema import InputError

Take = Literal["text", "boxed", "count", "instructions"]
Order = Literal["given", "by content"]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set of the Hugging Face hub, or the user's own file or folder at ``path``.

    ``revision`` is a commit; ``main`` where none is known. ``files`` gives the files of each subset as a pattern
    (``*`` matches anything), below the data set's root; a data set without subsets has the one ``""``. ``rows`` is
    how many of its rows belong to the benchmark, as far as is known.
    """

    dataset: str = ""
    revision: str = "main"
    split: str = "test"
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"": "*"}))
    rows: int | None = None
    path: Path | None = None

    @property
    def subsets(self) -> tuple[str, ...]:
        """Names of the subsets; empty where there are none."""
        return tuple(name for name in self.files if name)


@dataclass(frozen=True, slots=True)
class Text:
    """A text taken from the columns of a raw row: joined, searched, and cleaned, in this order.

    ``take``: ``text`` as it is; ``boxed``, what the last LaTeX ``\\boxed{}`` holds; ``count``, the length of a list;
    ``instructions``, two columns (names of instructions, their arguments) as the JSON list that IFEval's checkers
    read. ``find`` is a regular expression of which the last match's first group is taken; what one of ``remove``
    matches is taken out. White space at the ends goes. Expressions are Rust's, whose time grows with the text alone.
    """

    columns: tuple[str, ...]
    join: str = "\n\n"
    take: Take = "text"
    find: str = ""
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """What of a raw row is the item.

    ``answer`` gives the right choice's text, its label (the row's own labels, else A is the first) or its place
    (0 is the first), as ``answer_is`` says. ``choices`` names one column with a list, or a column for each choice;
    ``no_choice`` are texts that fill a place and are none. ``order`` is that of the row, or ``by content``: shuffled
    in a way that depends on the item alone, for sources that always put the right choice first. A row is an item
    only if the columns of ``only`` have these values.
    """

    question: Text
    answer: Text
    answer_is: AnswerForm = "text"
    choices: tuple[str, ...] = ()
    no_choice: tuple[str, ...] = ()
    order: Order = "given"
    solution: Text | None = None
    covariates: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))
    only: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark, as data.

    ``task`` is a task of the lm-evaluation-harness (``{subset}`` in it is the row's subset): items have the names
    that readers give to the items of its logs; without one they are named by question, answer and choices.
    ``metric`` is what the Open LLM Leaderboard counts. Where ``republish`` is False the item text must stay in the
    study's own folder; see ``refuse_to_publish``.
    """

    spec: BenchmarkSpec
    source: Source
    fields: Fields
    task: str = ""
    metric: str | None = None
    licence: str = ""
    republish: bool = True
    homepage: str = ""
    citation: str = ""

    @property
    def name(self) -> str:
        """Of the benchmark, and before the slash of its items' names where it has no subsets."""
        return self.spec.name


def refuse_to_publish(benchmark: Benchmark, what: str) -> None:
    """Raise InputError if ``what``, which holds item text, may not be made of this benchmark.

    To be asked by whatever writes questions, answers or choices to where others may read them.
    """
    if not benchmark.republish:
        raise InputError(
            f"{what} would hold the item text of {benchmark.name}, which may not be republished "
            f"({benchmark.licence or 'see its licence'}). Leave the text out: names, difficulties and figures may be "
            "shown."
        )
