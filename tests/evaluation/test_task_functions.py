"""The graders that exported tasks call give one answer to one text."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("lm_eval")
pytest.importorskip("langdetect")

from easyhard.evaluation.task_functions import follows_instructions


def test_the_language_of_one_text_is_told_alike_each_time() -> None:
    """Without a seed the checker of languages gives this text both verdicts within a few dozen calls."""
    text = 'Lame: "Lemba, lame, lemba, lemba, lemba, lemba, lemba, lemba, lemba, lemba, lemba, lemba'
    instruction = {"id": "language:response_language", "kwargs": {"language": "sw"}}
    document = {"target": json.dumps([instruction]), "question": "Write in Swahili."}
    verdicts = {follows_instructions(document, [text])["prompt_level_strict_acc"] for _ in range(40)}
    assert len(verdicts) == 1
