"""Responses as the data store of Every Eval Ever wants them: a folder for each benchmark and model.

In it are two files of one name: the samples, as JSON lines, and the record of the evaluation, which points to them.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from easyhard.atomic import whole_folder
from easyhard.responses.table import PathLike
from easyhard.schema import MISSING, Items, Responses

SCHEMA = "0.3.0"  # of Every Eval Ever, for records and samples alike
ITEM_KEY = "easyhard_item"  # in a sample's metadata: the item's name here, whatever its text
NO_TEXT = {"easyhard_input": "the text is not known: input.raw is the item's name"}
NAMED_BY_CONTENT = re.compile(r"(.+)/[0-9a-f]{12}", re.DOTALL)  # see item_id: what comes first is the benchmark
OTHER = "easyhard-export"  # the benchmark of items whose names do not tell one
NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
NO_NAMES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9]|data)(\..*)?", re.IGNORECASE)  # of Windows; of the store
LONGEST = 60  # characters of a folder's name: at four bytes each, still one
BREAKS = {one.encode(): f"\\u{ord(one):04x}".encode() for one in "\x85\u2028\u2029"}  # some take them for line ends


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One respondent on one benchmark. ``samples`` are the lines without what all of them share."""

    respondent: str
    benchmark: str
    retrieved: str
    samples: Sequence[bytes]
    accuracy: float

    @property
    def id(self) -> str:
        return f"{self.benchmark}/{self.respondent}/{self.retrieved}"


def write_tree(responses: Responses, path: PathLike, items: Items | None) -> None:
    """Write the tree to ``path``, which takes the place of the store's folder ``data``, and must be new or empty."""
    texts = _texts(items)
    columns = sorted(range(len(responses.items)), key=responses.items.__getitem__)
    groups: dict[str, list[int]] = {}
    for column in columns:
        groups.setdefault(_benchmark(responses.items[column]), []).append(column)
    parts = {name: _parts([responses.items[column] for column in group], texts) for name, group in groups.items()}
    retrieved = str(int(time.time()))
    with whole_folder(path, replaceable=lambda old: False) as folder:
        for row in sorted(range(len(responses.respondents)), key=responses.respondents.__getitem__):
            for name, group in groups.items():
                correct = responses.correct[row, group]
                seen = np.flatnonzero(correct != MISSING)
                if len(seen):
                    samples = parts[name][correct[seen], seen].tolist()
                    accuracy = float(correct[seen].mean())
                    _write(_Evaluation(responses.respondents[row], name, retrieved, samples, accuracy), folder)


def _benchmark(item: str) -> str:
    found = NAMED_BY_CONTENT.fullmatch(item)
    return found[1] if found else OTHER


def _parts(names: Sequence[str], texts: Mapping[str, Mapping[str, Any]]) -> Any:
    """Lines of each item answered wrong (row 0) and right (row 1), from the comma on that ends what they share."""
    parts = np.empty((2, len(names)), dtype=object)
    for place, name in enumerate(names):
        for correct in (0, 1):
            parts[correct, place] = _encoded(_sample(name, correct, texts.get(name)))[1:] + b"\n"
    return parts


def _encoded(value: Any) -> bytes:
    text = msgspec.json.encode(value)
    for sign, escaped in BREAKS.items():
        text = text.replace(sign, escaped)
    return text


def _write(evaluation: _Evaluation, folder: Path) -> None:
    shared = {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation.id,
        "model_id": evaluation.respondent,
        "evaluation_name": evaluation.benchmark,
        "evaluation_result_id": "accuracy",
    }
    start = _encoded(shared)[:-1] + b","
    samples = b"".join(start + part for part in evaluation.samples)
    place = PurePosixPath(*_folders(evaluation.benchmark, evaluation.respondent))
    digest = hashlib.sha256(msgspec.json.encode([evaluation.benchmark, evaluation.respondent])).digest()
    name = str(UUID(bytes=digest[:16], version=4))
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / f"{name}_samples.jsonl").write_bytes(samples)
    record = _record(evaluation) | {
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": f"data/{place}/{name}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(samples).hexdigest(),
            "total_rows": len(evaluation.samples),
        }
    }
    (folder / place / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")


def _folders(benchmark: str, respondent: str) -> tuple[str, str, str]:
    """Of the benchmark, the model's developer and the model, as the store looks for them."""
    developer, slash, model = respondent.partition("/")
    return _folder(benchmark), _folder(developer if slash else "unknown"), _folder(model if slash else respondent)


def _folder(text: str) -> str:
    name = NOT_IN_NAMES.sub("_", text)[:LONGEST].strip(". ") or "unknown"  # a dot first would hide it
    return f"{name}_" if NO_NAMES.fullmatch(name) else name


def _record(evaluation: _Evaluation) -> dict[str, Any]:
    """What the store asks of an evaluation, and "unknown" wherever responses do not say it."""
    result = {
        "evaluation_result_id": "accuracy",
        "evaluation_name": evaluation.benchmark,
        "source_data": {"dataset_name": evaluation.benchmark, "source_type": "other"},
        "metric_config": {
            "metric_id": "accuracy",
            "metric_name": "Accuracy",
            "metric_kind": "accuracy",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1,
        },
        "score_details": {
            "score": evaluation.accuracy,
            "uncertainty": {"num_samples": len(evaluation.samples)},
        },
    }
    return {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation.id,
        "retrieved_timestamp": evaluation.retrieved,
        "source_metadata": {
            "source_name": "easyhard export",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "unknown", "version": "unknown"},
        "model_info": {
            "name": evaluation.respondent,
            "id": evaluation.respondent,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "evaluation_results": [result],
    }


def _sample(item: str, correct: int, text: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a sample is the same for all respondents."""
    asked = {"raw": item, "reference": []}
    if text is not None:
        choices: Sequence[str] | None = text["choices"]
        asked = {"raw": text["question"], "reference": [text["answer"]]} | ({"choices": choices} if choices else {})
    return {
        "sample_id": item,
        "interaction_type": "single_turn",
        "input": asked,
        "output": {"raw": []},
        "answer_attribution": [],
        "evaluation": {"score": float(correct), "is_correct": bool(correct)},
        "metadata": {ITEM_KEY: item} | (NO_TEXT if text is None else {}),
    }


def _texts(items: Items | None) -> dict[str, dict[str, Any]]:
    if items is None:
        return {}
    return {row["item"]: row for row in items.table.select("item", "question", "answer", "choices").to_dicts()}
