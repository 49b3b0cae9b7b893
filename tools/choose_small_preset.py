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
import numpy.typing as npt
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
PRESET = (3e-4, 16, 3)  # what all others are compared with
N_TRAINED, N_HELD_OUT = 48, 150
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
    """First what differs from the preset in one thing, with every seed, then the rest of the grid.

    An interrupted sweep then still says what each of the three does.
    """
    grid = list(product(RATES, RANKS, EPOCHS))
    near = [setting for setting in grid if sum(a != b for a, b in zip(setting, PRESET, strict=True)) <= 1]
    near.sort(key=lambda setting: setting != PRESET)
    for settings in (near, [setting for setting in grid if setting not in near]):
        yield from product(SEEDS, settings)


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
    """Mean gain over zero-shot in points, and the difference from the preset with its standard error.

    The difference is over the seeds that both have; its standard error is that of the mean over items of the
    difference, each averaged over these seeds, and so holds the scatter of items and of seeds alike.
    """
    answers: dict[Setting, dict[int, npt.NDArray[np.int64]]] = {}
    for rate, rank, epochs, seed, _, correct in rows.iter_rows():
        answers.setdefault((rate, rank, epochs), {})[seed] = np.array([int(c) for c in correct])
    zero_shot = answers.pop(ZERO_SHOT[:3])[0]
    lines = [
        f"{len(zero_shot)} items, zero-shot {100 * zero_shot.mean():.1f}%.",
        "",
        "| learning rate | rank | epochs | seeds | gain, points | beside the preset |",
        "|---|---|---|---|---|---|",
    ]
    for setting, found in sorted(answers.items()):
        gain = np.mean(list(found.values())) - zero_shot.mean()
        cells = [f"{setting[0]:g}", str(setting[1]), str(setting[2]), str(len(found)), f"{100 * gain:+.1f}"]
        lines.append(f"| {' | '.join(cells)} | {beside(found, answers[PRESET])} |".replace("-", "−"))
    return "\n".join(lines)


def beside(found: dict[int, npt.NDArray[np.int64]], preset: dict[int, npt.NDArray[np.int64]]) -> str:
    """Difference from the preset in points, with its standard error."""
    if found is preset:
        return "the preset"
    shared = sorted(set(found) & set(preset))
    difference = np.mean([found[seed] - preset[seed] for seed in shared], axis=0)
    return f"{100 * difference.mean():+.1f} ± {100 * difference.std(ddof=1) / len(difference) ** 0.5:.1f}"


if __name__ == "__main__":
    main()
