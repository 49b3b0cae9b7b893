"""IFEval's instructions, checked before a model is asked: afterwards it would be too late to find them unknown."""

from __future__ import annotations

import json
from typing import Any

from easyhard.schema import InputError, Items
from easyhard.wording import did_you_mean, shown

COUNT_SENTENCES = ("length_constraints:number_sentences", "change_case:capital_word_frequency")  # by NLTK's punkt_tab


def refuse_unknown_instructions(items: Items) -> None:
    """Raise InputError for an item whose answer is no list of instructions that the harness' checkers know.

    Also where an instruction needs NLTK's ``punkt_tab`` and it is not here: the harness would fetch it.
    """
    known = _known()
    for item, answer in items.table.select("item", "answer").iter_rows():
        for name in _names(item, answer):
            if name not in known:
                raise InputError(
                    f"item {shown(item)} has the instruction {shown(name)}, which IFEval's checkers do not know."
                    f"{did_you_mean(name, known)} Mend the item, or drop it."
                )
            if name in COUNT_SENTENCES and not _has_sentences():
                raise InputError(
                    f"item {shown(item)} has the instruction {shown(name)}, which is checked with NLTK's punkt_tab, "
                    "and that is not here. Fetch it once: python -m nltk.downloader punkt_tab"
                )


def _names(item: str, answer: str) -> list[str]:
    try:
        instructions: Any = json.loads(answer)
        names = [one["id"] for one in instructions]
        if names and all(isinstance(one.get("kwargs") or {}, dict) for one in instructions):
            return names
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise InputError(
        f"item {shown(item)} has the answer {shown(answer)}, which is no list of instructions. Write it as JSON: "
        '[{"id": "punctuation:no_comma", "kwargs": {}}].'
    )


def _known() -> list[str]:
    """Names of all instructions, read without the download that the harness begins when it first loads them."""
    import nltk  # type: ignore[import-untyped,unused-ignore]

    download = nltk.download
    nltk.download = lambda *_, **__: False
    try:
        from lm_eval.tasks.ifeval.instructions_registry import INSTRUCTION_DICT
    finally:
        nltk.download = download
    return list(INSTRUCTION_DICT)


def _has_sentences() -> bool:
    import nltk  # type: ignore[import-untyped,unused-ignore]

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError:
        return False
    return True
