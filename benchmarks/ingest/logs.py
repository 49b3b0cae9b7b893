"""Simulated sample logs in the shape of real ones: MMLU-Pro under lm-evaluation-harness 0.4.13, five shots.

Each row has the document, and the whole prompt once for every choice. A row is 8 to 9 KB, most of it prompts. The
words are made up; items and prompts are the same for all models, answers and log-likelihoods are not.

Run as ``python logs.py FOLDER MODELS ITEMS``, in a process of its own, so that its memory is not counted.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

SEED = 20_260_101
DATE = "2025-01-28T10-22-20.980995"
TASK = "leaderboard_mmlu_pro"
CHOICES = 10


def main(folder: Path, models: int, items: int) -> None:
    """Write the logs of ``models`` models, one file each, unless they are there already."""
    rows = list(_shared(random.Random(SEED), items))
    for model in range(models):
        log = folder / f"Simulated__model-{model:03}" / f"samples_{TASK}_{DATE}.jsonl"
        if log.exists():
            continue
        log.parent.mkdir(parents=True, exist_ok=True)
        part = log.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            file.writelines(_lines(rows, random.Random(SEED + 1 + model)))
        part.rename(log)


def _shared(draw: random.Random, items: int) -> Iterator[tuple[str, str]]:
    """What all models have alike: each row up to its responses, and its hashes."""
    words = ["".join(draw.choices("etaoinshrdlucmfw", k=draw.randint(2, 9))) for _ in range(4000)]
    for number in range(items):
        question, shots = _text(draw, words, 40), _text(draw, words, 8)
        options = [_text(draw, words, 5) for _ in range(CHOICES)]
        listed = "\n".join(f"{chr(65 + place)}. {option}" for place, option in enumerate(options))
        prompt = f"{shots}\n{question}\n{listed}\nAnswer:"
        document = {
            "question_id": number,
            "question": question,
            "options": options,
            "answer": "A",
            "answer_index": 0,
            "cot_content": "",
            "category": "simulated",
            "src": "simulated",
        }
        arguments = {f"gen_args_{place}": {"arg_0": prompt, "arg_1": f" {chr(65 + place)}"} for place in range(CHOICES)}
        start = {"doc_id": number, "doc": document, "target": "A", "arguments": arguments}
        hashes = {name: f"{draw.getrandbits(256):064x}" for name in ("doc_hash", "prompt_hash", "target_hash")}
        yield json.dumps(start)[:-1], json.dumps(hashes)[1:-1]


def _lines(rows: list[tuple[str, str]], draw: random.Random) -> Iterator[str]:
    for start, hashes in rows:
        answers = [[f"{-9 * draw.random()}", "False"] for _ in range(CHOICES)]
        responses = json.dumps({"resps": [[one] for one in answers], "filtered_resps": answers})[1:-1]
        correct = float(draw.random() < 0.4)
        yield f'{start}, {responses}, "filter": "none", "metrics": ["acc"], {hashes}, "acc": {correct}}}\n'


def _text(draw: random.Random, words: list[str], count: int) -> str:
    return " ".join(draw.choices(words, k=count))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
