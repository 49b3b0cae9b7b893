"""One training as a process of its own: load the model, train an adapter on one bin with TRL, save it.

python train_with_trl.py TASK.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import load_model
from easyhard.schema import Items
from easyhard.sft import TrainingConfig, train


def main() -> None:
    """Train as the task says."""
    task = json.loads(Path(sys.argv[1]).read_text())
    config = TrainingConfig.model_validate({**task["training"], "engine": "trl"})
    items = Items(pl.read_parquet(task["items"]))
    train(load_model(task["model"]), items, BenchmarkSpec(**task["spec"]), config, task["seed"], Path(task["adapter"]))


if __name__ == "__main__":
    main()
