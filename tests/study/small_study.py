"""A study in miniature: made-up responses and sums, and a model of a few thousand weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from easyhard.irt import simulate_rasch
from tiny_model import save_tiny_model

N_ITEMS, N_RESPONDENTS = 60, 80


def small_study(folder: Path, **changes: Any) -> Path:
    """Write responses, items, model and study.yaml below ``folder``; ``changes`` replace top-level keys."""
    rng = np.random.default_rng(0)
    names = [f"sum/{k:02d}" for k in range(N_ITEMS)]
    correct = simulate_rasch(N_RESPONDENTS, np.linspace(-2, 2, N_ITEMS), 0.0, 1.0, 0.0, rng)
    rows = [(f"llm-{r}", name, int(correct[r, k])) for r in range(N_RESPONDENTS) for k, name in enumerate(names)]
    pl.DataFrame(rows, schema=["respondent", "item", "correct"], orient="row").write_csv(folder / "responses.csv")
    pl.DataFrame(
        {
            "item": names,
            "question": [f"What is {k} + {k}?" for k in range(N_ITEMS)],
            "answer": [f"{2 * k:03d}" for k in range(N_ITEMS)],
            "choices": [[f"{2 * k + d:03d}" for d in (0, 1, 2, 3)] for k in range(N_ITEMS)],
            "digits": [len(str(2 * k)) for k in range(N_ITEMS)],
        }
    ).write_parquet(folder / "items.parquet")
    save_tiny_model(folder / "model")
    config: dict[str, Any] = {
        "name": "small",
        "responses": {"path": "responses.csv"},
        "items": {"path": "items.parquet"},
        "models": [{"path": "./model", "name": "tiny"}],
        "bins": {"count": 3, "held_out": 0.4},
        "training": {"epochs": 1, "max_items": 8, "rank": 2},
        "out": "run",
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**config, **changes}))
    return path
