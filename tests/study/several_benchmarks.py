"""A study of two benchmarks in miniature: sums, and the same sums asked in another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml
from small_study import small_study

from tiny_model import save_tiny_model


def several_benchmarks(folder: Path, **changes: Any) -> Path:
    """Write tables, two models and study.yaml below ``folder``; ``changes`` replace top-level keys."""
    for name in ("plain", "other"):
        (folder / name).mkdir(parents=True)
        small_study(folder / name)
    items = pl.read_parquet(folder / "other" / "items.parquet")
    items.with_columns(question=pl.lit("Say: ") + pl.col("question")).write_parquet(folder / "other" / "items.parquet")
    config: dict[str, Any] = {
        "name": "two",
        "models": [
            {"path": str(save_tiny_model(folder / f"model-{name}", seed)), "name": name}
            for seed, name in enumerate(("a", "b"))
        ],
        "bins": {"count": 3, "held_out": 0.4},
        "training": {"epochs": 4, "batch_size": 4, "max_items": 8, "rank": 2, "learning_rate": 0.05},
        "benchmarks": [
            {"name": "plain", "responses": {"path": "plain/responses.csv"}, "items": {"path": "plain/items.parquet"}},
            {
                "name": "other",
                "responses": {"path": "other/responses.csv"},
                "items": {"path": "other/items.parquet"},
                "bins": {"count": 2},
            },
        ],
        "out": "run",
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**config, **changes}))
    return path


def alone(path: Path, name: str) -> Path:
    """The study of one of the benchmarks, as a file of its own."""
    raw = yaml.safe_load(path.read_text())
    entry = next(one for one in raw.pop("benchmarks") if one["name"] == name)
    whole = {**raw, **entry, "bins": {**raw["bins"], **entry.get("bins", {})}, "out": f"alone-{name}"}
    single = path.with_name(f"{name}.yaml")
    single.write_text(yaml.safe_dump(whole))
    return single
