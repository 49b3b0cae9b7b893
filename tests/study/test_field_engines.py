"""A study with the field's own engines, TRL and the lm-evaluation-harness: the same cells, the same tables."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("torch")
pytest.importorskip("trl")
pytest.importorskip("lm_eval")

from small_study import small_study

from easyhard.responses import Asked, ingest_logs
from easyhard.study import read_config, run_study


def test_trl_and_the_harness_give_what_our_own_engines_give(tmp_path: Path) -> None:
    path = small_study(tmp_path, bins={"count": 2, "held_out": 0.4})
    own = run_study(read_config(path))
    field = run_study(read_config(path, ["training.engine=trl", "evaluation.engine=lm_eval", "out=field"]))
    columns = ["train_bin", "eval_bin", "accuracy", "zero_shot_accuracy", "n", "status"]
    assert field.matrix.cells.select(columns).equals(own.matrix.cells.select(columns))
    logs = [
        (folder / "models/tiny/bin-01/seed-0/training/training.jsonl").read_text().splitlines()
        for folder in (own.folder, field.folder)
    ]
    losses = [[json.loads(line)["loss"] for line in log] for log in logs]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_the_harness_own_log_of_a_cell_says_the_same(tmp_path: Path) -> None:
    config = read_config(small_study(tmp_path, bins={"count": 2}, evaluation={"engine": "lm_eval"}))
    folder = run_study(config).folder / "models" / "tiny" / "zero-shot"
    (log,) = folder.rglob("samples_*.jsonl")
    again, _ = ingest_logs([log], Asked(metric="acc_norm"))
    ours = pl.read_parquet(folder / "responses.parquet")
    assert again.frame()["correct"].sum() == ours["correct"].sum() and again.frame().height == ours.height
