"""Functions that exported tasks need beyond YAML; each calls the grader of lm-evaluation-harness itself.

This file is written beside exported tasks as ``utils.py``, so it imports nothing but the harness.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def mathematically_equal(doc: dict[str, Any], answers: list[str]) -> dict[str, Any]:
    """``math_verify`` as the harness' minerva_math calls it, with the answer boxed as MATH writes it."""
    from lm_eval.tasks.minerva_math.utils import normalize_final_answer, process_results

    known = {"solution": f"$\\boxed{{{doc['target']}}}$", "answer": normalize_final_answer(doc["target"])}
    return {"math_verify": process_results(known, answers)["math_verify"]}


def follows_instructions(doc: dict[str, Any], answers: list[str]) -> dict[str, Any]:
    """The harness' checkers of IFEval; ``target`` is a JSON list of ``{"id": ..., "kwargs": {...}}``."""
    from langdetect import DetectorFactory  # type: ignore[import-untyped,unused-ignore]
    from lm_eval.tasks.ifeval.utils import process_results

    DetectorFactory.seed = 0  # it tells languages apart by chance: one text could be right once, and wrong again
    instructions = json.loads(doc["target"])
    known = {
        "key": 0,
        "prompt": doc["question"],
        "instruction_id_list": [one["id"] for one in instructions],
        "kwargs": [one.get("kwargs") or {} for one in instructions],
    }
    found: dict[str, Any] = process_results(known, answers)
    return found


def rows(file: str, bin: int | None = None, **_: Any) -> dict[str, Any]:
    """The items of a task as a data set: the JSON lines of ``file`` beside this one, of one bin or all.

    Read from beside this file, so that the folder can be moved.
    """
    from datasets import Dataset  # type: ignore[import-untyped,unused-ignore]

    with (Path(__file__).parent / file).open(encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    return {"test": Dataset.from_list([row for row in every if bin is None or row["bin"] == bin])}
