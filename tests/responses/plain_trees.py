"""The same few responses as text in every plain format. All of it is simulated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from easyhard.schema import Responses

RESPONDENTS = ("ann", "org/bob, 7B", 'cyd "the" 2nd')
ITEMS = ("007", "i, 2", "what's 3?")
CORRECT = np.array([[1, 0, -1], [0, 1, 1], [1, 1, 0]], dtype=np.int8)
TRUTH = {
    (respondent, item): int(CORRECT[r, i])
    for r, respondent in enumerate(RESPONDENTS)
    for i, item in enumerate(ITEMS)
    if CORRECT[r, i] != -1
}


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def csv_text(*rows: Iterable[object]) -> str:
    return "".join(",".join(cell(str(value)) for value in row) + "\n" for row in rows)


def json_lines(*rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def value(respondent: str, item: str) -> object:
    return TRUTH.get((respondent, item), "")


def sample(model: str, item: str, correct: object, **more: Any) -> dict[str, Any]:
    """A sample of Every Eval Ever with text, as a converter would write it."""
    return {
        "schema_version": "0.2.1",
        "evaluation_id": f"quiz/{model}/1",
        "model_id": model,
        "evaluation_name": "quiz",
        "sample_id": f"quiz_{item}",
        "interaction_type": "single_turn",
        "input": {"raw": f"Question {item}", "reference": ["yes"], "choices": ["no", "yes"]},
        "output": {"raw": ["yes"]},
        "answer_attribution": [],
        "evaluation": {"score": float(bool(correct)), "is_correct": bool(correct)},
        **more,
    }


LONG_ROWS = [(respondent, item, correct) for (respondent, item), correct in TRUTH.items()]

TEXTS: dict[str, tuple[str, str]] = {  # what it is -> (format's name, content); items keep their names
    "long csv": ("long", csv_text(("respondent", "item", "correct"), *LONG_ROWS)),
    "long json lines": (
        "long",
        json_lines(*({"respondent": r, "item": i, "correct": c} for r, i, c in LONG_ROWS)),
    ),
    "long json array": (
        "long",
        json.dumps([{"respondent": r, "item": i, "correct": c} for r, i, c in LONG_ROWS], indent=1),
    ),
    "irw": ("irw", csv_text(("id", "item", "resp", "cov_size"), *((*row, 7) for row in LONG_ROWS))),
    "wide": (
        "wide",
        csv_text(("model", *ITEMS), *((r, *(value(r, i) for i in ITEMS)) for r in RESPONDENTS)),
    ),
    "wide, items down": (
        "wide",
        csv_text(("item", *RESPONDENTS), *((i, *(value(r, i) for r in RESPONDENTS)) for i in ITEMS)),
    ),
    "py-irt": (
        "py-irt",
        json_lines(
            *({"subject_id": r, "responses": {i: TRUTH[r, i] for i in ITEMS if (r, i) in TRUTH}} for r in RESPONDENTS)
        ),
    ),
}


def put(folder: Path, content: str | bytes, name: str = "log.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(responses: Responses) -> dict[tuple[str, str], int]:
    """The observed responses."""
    return {
        (responses.respondents[r], responses.items[i]): int(responses.correct[r, i])
        for r, i in zip(*np.nonzero(responses.correct != -1), strict=True)
    }
