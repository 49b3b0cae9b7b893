"""The pace of a whole small study: the published way, one process a training and a harness run a checkpoint, and ours.

    python benchmarks/pace/run.py

Both train adapters on the same items of three bins in the same order and number of steps, and ask the untouched model
and each trained one the same items. Prints seconds, tokens a second, peak memory, accuracies, and how far our way is
from the arithmetic that it cannot do without. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all of it is on this disk
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

import polars as pl
import yaml
from floor import evaluation_work, training_work
from measure import Taken, multiply_rate, timed

from easyhard.benchmarks import BenchmarkSpec
from easyhard.demo import demo_items, demo_responses
from easyhard.demo.model import smollm2_gguf
from easyhard.evaluation.export import export_tasks
from easyhard.llm import converted_gguf, load_model
from easyhard.schema import Items
from easyhard.sft import TrainingConfig

FOLDER = Path(__file__).resolve().parent
BINS, TRAINED, ASKED = 3, 40, 40  # items of a bin
NAME = "SmolLM2-135M-Instruct"
TRAINING = {"rank": 8, "batch_size": 4, "epochs": 3}


def main() -> None:
    """Run both ways, and print the tables."""
    options = _options()
    work: Path = options.work
    model = str(converted_gguf(smollm2_gguf()))
    rows = [_ours(work / "ours", model, {})]
    study = work / "ours" / "run"
    rows.append(_published(work / "published", model, study, options.batch_size))
    rows += [_ours(work / f"ours-{dtype}", model, {"dtype": dtype}) for dtype in options.also]
    table = "\n\n".join([_table(rows), _floor(rows[0], model, study)])
    machine = {"platform": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    (work / "results.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2))
    (work / "table.md").write_text(table + "\n")
    print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The pace of a whole small study.")
    parser.add_argument("--work", default=Path(".benchmarks/pace"), type=Path, help="folder for runs and results")
    parser.add_argument("--batch-size", default=16, type=int, help="sequences at once in the harness")
    parser.add_argument("--also", default=[], type=lambda text: text.split(","), help="types of arithmetic: bfloat16")
    return parser.parse_args()


def _ours(folder: Path, model: str, training: dict[str, Any]) -> dict[str, Any]:
    """A study from its YAML to its report, in one process."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    items = demo_items()
    names = items.table["item"].to_list()[:: len(items.table) // (BINS * (TRAINED + ASKED))]
    items.select(names[: BINS * (TRAINED + ASKED)]).table.write_parquet(folder / "items.parquet")
    study = {
        "name": "pace",
        "responses": {"path": str(demo_responses())},
        "items": {"path": "items.parquet"},
        "models": [{"path": model, "name": NAME}],
        "bins": {"count": BINS, "held_out": ASKED / (TRAINED + ASKED)},
        "training": {**TRAINING, **training},
        "out": "run",
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    whole = timed([sys.executable, "-m", "easyhard", "run", folder / "study.yaml"], folder / "log.txt")
    records = {place.parent: json.loads(place.read_text()) for place in folder.rglob("record.json")}
    seconds = {kind: sum(r["seconds"] for place, r in records.items() if _kind(place) == kind) for kind in KINDS}
    return _row(f"easyhard, {training.get('dtype', 'float32')}", whole.seconds, whole.memory, seconds, _right(folder))


KINDS = ("train", "evaluate")


def _kind(place: Path) -> str:
    return {"training": "train", "evaluation": "evaluate", "zero-shot": "evaluate"}.get(place.name, "")


def _right(folder: Path) -> dict[str, float]:
    found = {}
    for file in sorted(folder.glob("run/models/*/**/answers.parquet")):
        name = "zero-shot" if file.parent.name == "zero-shot" else file.parts[-4]
        found[name] = float(pl.read_parquet(file)["correct"].mean())  # type: ignore[arg-type]
    return found


def _published(folder: Path, model: str, study: Path, batch_size: int) -> dict[str, Any]:
    """A process for each training, and one for each evaluation, with the items and settings of our study."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table, spec = pl.read_parquet(study / "bins" / "items.parquet"), BenchmarkSpec("pace", "choices")
    trained: list[tuple[str, Path | None, Taken | None]] = [("zero-shot", None, None)]
    for place in sorted(study.glob("models/*/bin-*/seed-0/training")):
        name = place.parts[-3]
        saved = folder / name
        chosen = pl.read_parquet(place / "items.parquet")["item"].to_list()
        Items(table).select(chosen).table.write_parquet(folder / f"{name}.parquet")
        task = {"model": model, "items": str(folder / f"{name}.parquet"), "adapter": str(saved), "seed": 0,
                "training": TRAINING, "spec": {"name": "pace", "scoring": "choices"}}  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(task))
        command = [sys.executable, FOLDER / "train_with_trl.py", folder / f"{name}.json"]
        trained.append((name, saved, timed(command, folder / "logs" / f"{name}-train.txt")))
    asked = pl.read_parquet(next(study.glob("models/*/zero-shot/answers.parquet")))["item"].to_list()
    (task_name, *_) = export_tasks(Items(table).select(asked), spec, folder / "tasks")
    evaluated = {}
    for name, adapter, _ in trained:
        given = f"pretrained={model},dtype=float32,add_bos_token=False" + (f",peft={adapter}" if adapter else "")
        command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--model_args", given, "--tasks", task_name,
                   "--include_path", folder / "tasks", "--apply_chat_template", "--batch_size", batch_size,
                   "--device", "cpu", "--output_path", folder / "results" / name]  # fmt: skip
        evaluated[name] = timed(command, folder / "logs" / f"{name}-evaluate.txt")
    trainings = [taken for _, _, taken in trained if taken]
    seconds = {
        "train": sum(t.seconds for t in trainings),
        "evaluate": sum(t.seconds for t in evaluated.values()),
    }
    memory = max(taken.memory for taken in [*trainings, *evaluated.values()])
    return _row("published, float32", sum(seconds.values()), memory, seconds, _harness_accuracies(folder, task_name))


def _harness_accuracies(folder: Path, task: str) -> dict[str, float]:
    found = {}
    for file in sorted((folder / "results").glob("*/**/results*.json")):
        scores = json.loads(file.read_text())["results"][task]
        found[file.relative_to(folder / "results").parts[0]] = next(
            value for name, value in scores.items() if name.startswith(("acc_norm,", "acc_tokens,"))
        )
    return found


def _row(way: str, seconds: float, memory: int, parts: dict[str, float], right: dict[str, float]) -> dict[str, Any]:
    return {"way": way, "seconds": seconds, "memory": memory, "parts": parts, "accuracy": dict(sorted(right.items()))}


def _table(rows: list[dict[str, Any]]) -> str:
    names = sorted(rows[0]["accuracy"])
    lines = [
        f"| way | train, s | evaluate, s | all, s | times faster | memory, GB | {' | '.join(names)} |",
        "|---" * (6 + len(names)) + "|",
    ]
    slowest = next(row for row in rows if row["way"].startswith("published"))
    for row in rows:
        right = " | ".join(f"{row['accuracy'][name]:.3f}" for name in names)
        lines.append(
            f"| {row['way']} | {row['parts']['train']:.0f} | {row['parts']['evaluate']:.0f} | {row['seconds']:.0f} "
            f"| {slowest['seconds'] / row['seconds']:.1f} | {row['memory'] / 1e9:.1f} | {right} |"
        )
    return "\n".join(lines)


def _floor(row: dict[str, Any], path: str, study: Path) -> str:
    """What the work of one of our runs needs at the least, and how far from it the run was."""
    model, spec = load_model(path), BenchmarkSpec("pace", "choices")
    table = Items(pl.read_parquet(study / "bins" / "items.parquet"))
    config = TrainingConfig.model_validate(TRAINING)
    places = sorted(study.glob("models/*/bin-*/seed-0/training/items.parquet"))
    trainings = [table.select(pl.read_parquet(place)["item"].to_list()) for place in places]
    asked = table.select(pl.read_parquet(next(study.glob("models/*/zero-shot/answers.parquet")))["item"].to_list())
    shape = model.network.config
    vocabulary = shape.vocab_size * shape.hidden_size
    linear = sum(weight.numel() for weight in model.network.parameters()) - vocabulary
    rate = multiply_rate("float32")
    lines = ["| part | tokens as written | tokens needed | floor, s | taken, s | tokens as written a second |",
             "|---" * 6 + "|"]  # fmt: skip
    train, written = training_work(model, trainings, spec, config, 0)
    one, asked_tokens = evaluation_work(model, asked, spec)
    models = len(trainings) + 1
    for name, tokens, needed, floor in (
        ("train", written, train.tokens, train.operations(linear, vocabulary, 2) / rate),
        ("evaluate", asked_tokens * models, one.tokens * models, one.operations(linear, vocabulary, 1) * models / rate),
    ):
        taken = row["parts"][name]
        lines.append(f"| {name} | {tokens:,} | {needed:,} | {floor:.1f} | {taken:.1f} | {tokens / taken:,.0f} |")
    return "\n".join([*lines, "", f"Matrix products here: {rate / 1e9:.0f} GFLOP/s in float32."])


if __name__ == "__main__":
    main()
