"""Simulated trees of per-example details, in every generation of columns. The questions are ours, no benchmark's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

TIME = "2023-09-15T09-53-02.418861"
QUESTIONS = [f"What is {n} + {n}?" for n in range(4)]
CHOICES = [[f"{2 * n}", f"{2 * n + 1}"] for n in range(4)]
CORRECT = [1, 0, 1, 1]


def flat(generation: str, as_text: bool = False) -> pl.DataFrame:
    """``columns``, ``dotted`` or ``struct``: where the metrics are. ``as_text``: lists written as text."""
    choices: list[Any] = [str(one) for one in CHOICES] if as_text else CHOICES
    table = pl.DataFrame(
        {
            "example": QUESTIONS,
            "full_prompt": [f"Shots.\n{one}" for one in QUESTIONS],
            "predictions": [[-1.0, -2.0]] * 4,
            "choices": choices,
            "gold_index": ["[0]"] * 4 if as_text else [[0]] * 4,
        }
    )
    scores: dict[str, list[Any]] = {"acc": CORRECT, "acc_norm": [1.0 * one for one in CORRECT]}
    if generation == "struct":
        return table.with_columns(pl.DataFrame(scores).to_struct("metrics"))
    prefix = "metrics." if generation == "dotted" else ""
    return table.with_columns(*(pl.Series(prefix + name, values) for name, values in scores.items()))


def structs(method: str = "LOGPROBS") -> pl.DataFrame:
    """The three structs of lighteval since 0.11."""
    rows = [
        {
            "doc": {
                "query": question,
                "choices": choices,
                "gold_index": 0,
                "id": str(n),
                "sampling_methods": [method],
            },
            "metric": {"acc": CORRECT[n]},
            "model_response": {"input": question},
        }
        for n, (question, choices) in enumerate(zip(QUESTIONS, CHOICES, strict=True))
    ]
    return pl.DataFrame(rows)


def put(table: pl.DataFrame, file: Path) -> Path:
    """Write ``table``, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(file)
    return file


def leaderboard_file(folder: Path, task: str = "harness|arc:challenge|25", time: str = TIME) -> Path:
    """Where the leaderboard's repository of Org/Model has the details of a run."""
    return folder / "details_Org__Model" / time / f"details_{task}_{time}.parquet"


def lighteval_file(folder: Path, task: str = "leaderboard|arc:challenge|25|0") -> Path:
    """Where lighteval saves the details of a run of Org/Model."""
    return folder / "details" / "Org" / "Model" / TIME / f"details_{task}_{TIME}.parquet"
