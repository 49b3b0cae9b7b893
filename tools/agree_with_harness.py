"""Do our evaluations agree with ``lm_eval`` called by hand, item by item? Prints the table of docs/evaluation.md.

For each benchmark: items are evaluated from Python through the harness (``evaluate``), then exported and evaluated by
``lm_eval`` in a process of its own, and where it can be by our own engine. What is done is kept in ``--out``, so that
the same command goes on. GPQA's items are written here: its own must not be shown.

    python tools/agree_with_harness.py --data ITEMS --model SmolLM2-135M-Instruct --out agreement
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.benchmarks import BenchmarkSpec
from easyhard.benchmarks.catalogue import BBH_SUBSETS, BENCHMARKS
from easyhard.evaluation import EvaluationConfig, evaluate
from easyhard.evaluation.config import OWN_SCORINGS
from easyhard.evaluation.export import export_tasks
from easyhard.evaluation.harness_scoring import SCORINGS
from easyhard.evaluation.instructions import COUNT_SENTENCES
from easyhard.llm import load_model
from easyhard.schema import Items

SCHEMA: dict[str, Any] = {
    "item": pl.String, "question": pl.String, "answer": pl.String, "choices": pl.List(pl.String), "solution": pl.String,
}  # fmt: skip

# Own items in the form of GPQA.
WRITTEN = [
    ("Which gas do plants take up for photosynthesis?", ["Carbon dioxide", "Oxygen", "Nitrogen", "Helium"]),
    ("Which of these numbers is prime?", ["29", "27", "33", "39"]),
    ("What is the unit of electric resistance?", ["Ohm", "Volt", "Ampere", "Watt"]),
    ("Which particle has a negative charge?", ["Electron", "Proton", "Neutron", "Photon"]),
    ("What is the derivative of x squared?", ["2x", "x", "x cubed", "2"]),
    ("Which planet is nearest to the Sun?", ["Mercury", "Venus", "Mars", "Jupiter"]),
]


@dataclass(frozen=True, slots=True)
class Case:
    """One benchmark here: the file, what of it is an item, how many are asked, and what makes it quick on a CPU."""

    file: str
    item: Callable[[Mapping[str, Any]], dict[str, Any] | None]
    count: int = 50
    max_new_tokens: int = 32
    batch_size: int = 8


def _lettered(row: Mapping[str, Any]) -> dict[str, Any] | None:
    choices = list(row["choices"])
    place = "ABCDEFGHIJ".index(row["answer"]) if row["answer"] in list("ABCDEFGHIJ") else int(row["answer"]) - 1
    return {"answer": choices[place], "choices": choices}


def _instructions(row: Mapping[str, Any]) -> dict[str, Any] | None:
    names = list(row["instruction_id_list"])
    if set(names) & set(COUNT_SENTENCES):
        return None
    pairs = zip(names, json.loads(row["kwargs"]), strict=True)
    return {"answer": json.dumps([{"id": name, "kwargs": kwargs} for name, kwargs in pairs])}


def _musr(row: Mapping[str, Any]) -> dict[str, Any]:
    choices = list(row["choices"])
    return {"question": f"{row['context']}\n\n{row['question']}", "choices": choices, "answer": choices[row["answer"]]}


CASES = {
    "bbh": Case("items/bbh.parquet", lambda row: {} if row["task"] in BBH_SUBSETS else None, 60, 8),
    "gsm8k": Case("items/gsm8k_test.parquet", lambda _: {}, max_new_tokens=40),
    "mmlu_pro": Case("mmlu_pro_29/items.parquet", _lettered, max_new_tokens=6),
    "math": Case("items/math_test.parquet", lambda row: {} if row["level"] == "Level 5" else None, max_new_tokens=40),
    "ifeval": Case("items/ifeval.parquet", _instructions, max_new_tokens=40),
    "arc_challenge": Case("items/arc_challenge_test.parquet", _lettered),
    "musr": Case("items/musr_small.parquet", _musr, 30, batch_size=1),
}


def items_of(name: str, data: Path) -> Items:
    """Items spread evenly over the file, so that all its parts take part."""
    if name == "gpqa_extended":
        rows = [
            {
                "item": f"written/{k}",
                "question": question,
                "answer": choices[0],
                "choices": choices[k % 4 :] + choices[: k % 4],
            }
            for k, (question, choices) in enumerate(WRITTEN)
        ]
    else:
        case, rows = CASES[name], []
        for row in pl.read_parquet(data / case.file).iter_rows(named=True):
            made = case.item(row)
            if made is not None:
                rows.append({"item": row["item"], "question": row["question"], "answer": row.get("answer"), **made})
        rows = [rows[k * len(rows) // case.count] for k in range(case.count)]
    return Items(pl.DataFrame([{**dict.fromkeys(SCHEMA), **row} for row in rows], schema=SCHEMA))


def by_hand(items: Items, spec: BenchmarkSpec, model: str, folder: Path, batch_size: int) -> dict[str, int]:
    """What ``lm_eval`` says of each item, run on the exported tasks in a process of its own."""
    names = export_tasks(items, spec, folder / "tasks")
    command = [
        sys.executable, "-m", "lm_eval", "--model", "hf", "--model_args",
        f"pretrained={model},dtype=float32,add_bos_token=False", "--include_path", str(folder / "tasks"),
        "--tasks", names[0], "--apply_chat_template", "--batch_size", str(batch_size), "--log_samples",
        "--output_path", str(folder / "by-hand"), "--device", "cpu",
    ]  # fmt: skip
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, **offline})
    scoring, found = SCORINGS[spec.scoring], {}
    for log in (folder / "by-hand").rglob("samples_*.jsonl"):
        for line in log.read_text(encoding="utf-8").splitlines():
            sample = json.loads(line)
            if sample["filter"] == scoring.filter:
                found[sample["doc"]["item"]] = int(sample[scoring.metric])
    return found


def compare(name: str, data: Path, model_path: str, folder: Path) -> dict[str, Any]:
    """Accuracies and the items that differ, of one benchmark."""
    case = CASES.get(name, Case("", lambda _: {}))
    items, started = items_of(name, data), time.perf_counter()
    spec = replace(BENCHMARKS[name].spec, max_new_tokens=case.max_new_tokens)
    config = EvaluationConfig(engine="lm_eval", batch_size=case.batch_size)
    model = load_model(model_path)
    ours = evaluate(model, items, spec, "model", config=config, folder=folder / "ours").answers
    own = evaluate(model, items, spec, "model").answers if spec.scoring in OWN_SCORINGS else None
    hand = by_hand(items, spec, model_path, folder, case.batch_size)
    right = dict(ours.select("item", "correct").iter_rows())
    assert set(hand) == set(right), "the harness answered other items"
    found = {
        "benchmark": name, "n": len(right), "scoring": spec.scoring,
        "ours": sum(right.values()) / len(right), "by_hand": sum(hand.values()) / len(hand),
        "differ": [item for item in right if right[item] != hand[item]], "seconds": time.perf_counter() - started,
    }  # fmt: skip
    if own is not None:
        table = ours.join(own, on="item", suffix="_own")
        other = table.filter(pl.col("correct") != pl.col("correct_own"))
        found |= {"own": own["correct"].mean(), "own_differ": other.to_dicts()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True, help="a folder made by save_pretrained")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("names", nargs="*", default=["gpqa_extended", *CASES])
    asked = parser.parse_args()
    print("| benchmark | scoring | items | ours | `lm_eval` by hand | differ | own engine | differ |")
    print("|---|---|---|---|---|---|---|---|")
    for name in asked.names:
        kept = asked.out / name / "agreement.json"
        if not kept.is_file():
            found = compare(name, asked.data, asked.model, asked.out / name)
            kept.write_text(json.dumps(found, indent=2, ensure_ascii=False), encoding="utf-8")
        row = json.loads(kept.read_text(encoding="utf-8"))
        own = f"{row['own']:.3f} | {len(row['own_differ'])}" if "own" in row else "– | –"
        print(
            f"| {name} | {row['scoring']} | {row['n']} | {row['ours']:.3f} | {row['by_hand']:.3f} "
            f"| {len(row['differ'])} | {own} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
