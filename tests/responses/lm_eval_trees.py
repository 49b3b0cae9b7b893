"""Simulated sample logs of lm-evaluation-harness in every layout of its versions. The questions are ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATE = "2024-06-16T23-15-52.736695"
STARTED = "2024-06-16T23:15:52.736695"
MODEL = "Org/Model-1_b"
FOLDER = "Org__Model-1_b"
FILTERS = {"strict-match": (1.0, 0.0, 0.0), "flexible-extract": (1.0, 1.0, 0.0)}

Row = dict[str, Any]


def document(number: int) -> Row:
    """The question with this number."""
    return {"question": f"Twice {number}?", "answer": "A", "options": [f"{2 * number}", f"{2 * number + 1}"]}


def choice_row(number: int, **more: Any) -> Row:
    """A row of a task with choices, as version 0.4.13 writes it; right if ``number`` is even."""
    prompt = {f"gen_args_{n}": {"arg_0": f"Twice {number}?", "arg_1": choice} for n, choice in enumerate("AB")}
    row = {
        "doc_id": number,
        "doc": document(number),
        "target": "0",
        "arguments": prompt,
        "resps": [[["-0.5", "False"]], [["-1.5", "False"]]],
        "filtered_resps": [["-0.5", "False"], ["-1.5", "False"]],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": "0a",
        "prompt_hash": "0b",
        "target_hash": "0c",
        "acc": 1.0 - number % 2,
    }
    return row | more


def text_rows(named: bool) -> list[Row]:
    """Rows of a task whose answers are taken out by two filters, which have names in the newer versions."""
    rows = []
    for filter_, values in FILTERS.items():
        for number, value in enumerate(values):
            row = choice_row(number, filter=filter_, metrics=["exact_match"], exact_match=value)
            rows.append({key: cell for key, cell in row.items() if key != "acc"})
    return rows if named else [first_version(row) for row in rows]


def first_version(row: Row) -> Row:
    """The row as version 0.4.0 had it: no hashes, no filter, arguments as lists."""
    later = ("filter", "metrics", "doc_hash", "prompt_hash", "target_hash")
    arguments = [list(one.values()) for one in row["arguments"].values()]
    return {key: cell for key, cell in row.items() if key not in later} | {"arguments": arguments}


def lines(rows: Sequence[Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def array(rows: Sequence[Any]) -> str:
    """One array with an indent."""
    return json.dumps(rows, indent=2)


def results(task: str = "twice", values: Mapping[str, float] | None = None, **config: Any) -> Row:
    """A file of results."""
    model_args = f"pretrained={MODEL},dtype=float32"
    scores: Row = {"alias": task, **(values or {"acc,none": 0.5, "acc_stderr,none": "N/A"})}
    return {"results": {task: scores}, "config": {"model": "hf", "model_args": model_args, **config}}


def filter_results(task: str = "twice") -> Row:
    """A file of results that names the two filters."""
    names = (f"exact_match{end},{name}" for name in FILTERS for end in ("", "_stderr"))
    return results(task, dict.fromkeys(names, 0.5))


def put(text: str, file: Path) -> Path:
    """Write ``text``, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def log_file(folder: Path, task: str = "twice", end: str = "jsonl") -> Path:
    """Where the harness writes the samples of a run."""
    return folder / FOLDER / f"samples_{task}_{DATE}.{end}"


def put_results(found: Row, log: Path) -> Path:
    """Write the results beside a log."""
    return put(json.dumps(found, indent=2), log.parent / f"results_{DATE}.json")
