"""One of several processes of a training: ``accelerate launch -m easyhard.sft.worker job.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.atomic import write_bytes
from easyhard.llm import LanguageModel, converted_gguf, model_fingerprint
from easyhard.schema import EasyhardError, Items
from easyhard.sft.config import TrainingConfig
from easyhard.sft.processes import OUTCOME, TICK, Job, outcome_of
from easyhard.sft.trl_engine import train_with_trl, trainer_settings


def main(job_file: str) -> int:
    """Do this process's share of the job; the first that knows leaves the outcome beside the file."""
    place = Path(job_file)
    job = Job.load(place.read_text(encoding="utf-8"))
    try:
        settings = trainer_settings(job.config, job.seed, job.folder)  # before the model: it may be loaded in parts
        is_first = settings.process_index == 0
        items = Items(pl.read_parquet(place.with_name("items.parquet")))
        model, tick = _loaded(job), _report if is_first else None
        log = train_with_trl(model, items, job.spec, job.config, job.seed, job.folder, tick, settings=settings)
    except EasyhardError as error:
        _leave(place, {"error": str(error), "kind": type(error).__name__})
        return 1
    if is_first:
        _leave(place, outcome_of(log))
    return 0


def _loaded(job: Job) -> LanguageModel:
    """The model where it loads, which the trainer then places; safetensors only and no code of a repository."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(converted_gguf(Path(job.model))) if job.model.endswith(".gguf") else job.model
    network = AutoModelForCausalLM.from_pretrained(
        folder,
        revision=job.revision,
        dtype=getattr(torch, _kept_in(job.config)),
        use_safetensors=True,
        trust_remote_code=False,
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, revision=job.revision, trust_remote_code=False)
    return LanguageModel(job.model, model_fingerprint(job.model, job.revision), network, tokenizer)


def _kept_in(config: TrainingConfig) -> str:
    """Weights that are trained are kept in float32, a frozen base in the type of the arithmetic."""
    return config.dtype if config.method == "lora" else "float32"


def _report(done: int, total: int) -> None:
    print(TICK, done, total, flush=True)


def _leave(place: Path, outcome: dict[str, Any]) -> None:
    write_bytes(json.dumps(outcome).encode(), place.with_name(OUTCOME))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
