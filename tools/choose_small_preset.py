"""The sweep behind the ``small`` preset: learning rate x rank x epochs on a small model, scored on items held out.

    python tools/choose_small_preset.py RESULTS.jsonl            run what is not in the file yet
    python tools/choose_small_preset.py RESULTS.jsonl --table    print the table of docs/training.md

Every setting trains SmolLM2-135M-Instruct on the same items, drawn anew for each seed, and answers the same held-out
items. All are questions of the demo's families drawn with another seed; those that the demo itself asks are left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from easyhard.benchmarks import BenchmarkSpec
from easyhard.chance import cell_rng
from easyhard.demo.items import demo_items
from easyhard.demo.model import smollm2_gguf
from easyhard.evaluation import evaluate
from easyhard.llm import LanguageModel, load_model
from easyhard.schema import Items
from easyhard.sft import TrainingConfig, load_trained, subset, train

RATES, RANKS, EPOCHS = (1e-4, 3e-4, 1e-3), (8, 16, 64), (1, 3, 5)
SEEDS = (0, 1, 2)
N_TRAINED, N_HELD_OUT = 60, 250  # 60: what the demo trains on
SPEC = BenchmarkSpec("sweep", "choices", chat=False)  # plain text, as in the demo
Setting = tuple[float, int, int]  # learning rate, rank, epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(table(pl.read_ndjson(arguments.results)))
        return
    pool, held_out = split()
    done = finished(arguments.results)
    if ZERO_SHOT not in done:
        keep(arguments.results, ZERO_SHOT, 0.0, answered(load_model(str(smollm2_gguf())), held_out))
    for seed, setting in wanted():
        if (*setting, seed) not in done:
            start = time.monotonic()
            model = trained(setting, seed, pool)
            keep(arguments.results, (*setting, seed), time.monotonic() - start, answered(model, held_out))


ZERO_SHOT = (0.0, 0, 0, 0)


def split() -> tuple[Items, Items]:
    """Items to train on and items to ask, none of them the demo's."""
    asked_in_demo = set(demo_items().table["question"])
    items = demo_items(per_family=25, seed=4096, name="sweep")
    table = items.table.filter(~pl.col("question").is_in(list(asked_in_demo)))
    order = cell_rng(0, "sweep-held-out").permutation(table.height)
    return Items(table[np.sort(order[N_HELD_OUT:])]), Items(table[np.sort(order[:N_HELD_OUT])])


def wanted() -> Iterator[tuple[int, Setting]]:
    """Every setting with one seed before any with the next, so that an interrupted sweep still compares."""
    for seed in SEEDS:
        for setting in product(RATES, RANKS, EPOCHS):
            yield seed, setting


def trained(setting: Setting, seed: int, pool: Items) -> LanguageModel:
    rate, rank, epochs = setting
    config = TrainingConfig(learning_rate=rate, rank=rank, epochs=epochs)
    path = str(smollm2_gguf())
    with tempfile.TemporaryDirectory() as folder:
        train(load_model(path), subset(pool, N_TRAINED, seed), SPEC, config, seed, Path(folder))
        return load_trained(load_model(path), Path(folder))


def answered(model: LanguageModel, held_out: Items) -> list[int]:
    return [int(right) for right in evaluate(model, held_out, SPEC, "sweep").responses.correct[0]]


def keep(path: Path, cell: tuple[float, int, int, int], seconds: float, correct: list[int]) -> None:
    names = ("learning_rate", "rank", "epochs", "seed")
    row = {**dict(zip(names, cell, strict=True)), "seconds": round(seconds, 1), "correct": "".join(map(str, correct))}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(row | {"correct": round(float(np.mean(correct)), 3)}, flush=True)


def finished(path: Path) -> set[tuple[float, int, int, int]]:
    if not path.is_file():
        return set()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(float(r["learning_rate"]), r["rank"], r["epochs"], r["seed"]) for r in rows}


def table(rows: pl.DataFrame) -> str:
    """Mean gain over zero-shot in points, and the difference from the best setting with its standard error.

    The standard error is that of the mean over items of the difference between two settings, each averaged over
    the seeds that both have; it holds the scatter of items and of seeds alike.
    """
    answers = {
        key: np.array([[int(c) for c in text] for text in group["correct"]])
        for key, group in rows.group_by("learning_rate", "rank", "epochs", maintain_order=True)
    }
    zero_shot = answers.pop((0.0, 0, 0)).mean()
    n_seeds = min(len(found) for found in answers.values())
    means = {key: found[:n_seeds].mean(0) for key, found in answers.items()}
    best = max(means, key=lambda key: float(means[key].mean()))
    lines = [
        f"{len(means)} settings, {n_seeds} seed(s), {len(means[best])} items; zero-shot {100 * zero_shot:.1f}%.",
        "",
        "| learning rate | rank | epochs | gain | behind the best |",
        "|---|---|---|---|---|",
    ]
    for (rate, rank, epochs), found in sorted(means.items(), key=lambda pair: -float(pair[1].mean())):
        behind = found - means[best]
        error = float(behind.std(ddof=1)) / len(behind) ** 0.5
        last = f"{100 * behind.mean():+.1f} ± {100 * error:.1f}" if error else "the best"
        lines.append(f"| {rate:g} | {rank} | {epochs} | {100 * (found.mean() - zero_shot):+.1f} | {last} |")
    return "\n".join(lines).replace("-", "−").replace("−−−", "---")


if __name__ == "__main__":
    main()
