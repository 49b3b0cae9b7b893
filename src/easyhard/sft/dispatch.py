"""One call to train, whatever the engine, and one to load what was trained."""

from __future__ import annotations

import gc
from pathlib import Path

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel, load_model
from easyhard.schema import InputError, Items, Progress
from easyhard.sft.adapter import load_adapter
from easyhard.sft.config import TrainingConfig
from easyhard.sft.log import TrainingLog
from easyhard.sft.lora import train_adapter
from easyhard.sft.processes import train_in_processes
from easyhard.sft.trl_engine import train_with_trl


def train(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    config: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
) -> TrainingLog:
    """Fine-tune ``model`` on ``items`` with the engine that ``config`` asks for, and save it in ``folder``.

    An adapter in peft's layout, or a whole checkpoint; ``load_trained`` loads either. ``model`` is changed: load it
    anew for the next training. Raises InputError for what cannot be trained on or is not installed, WorkError when
    the loss or the gradient is no longer a finite number, with the log up to there in the folder.
    """
    if config.processes > 1:
        path, revision = _source(model)
        model.network.to("meta")  # each process loads its own
        return train_in_processes(path, revision, items, spec, config, seed, folder, progress)
    if config.chosen_engine == "easyhard":
        return train_adapter(model, items, spec, config, seed, folder, progress)
    return train_with_trl(model, items, spec, config, seed, folder, progress)


def _source(model: LanguageModel) -> tuple[str, str | None]:
    """Path or hub name and revision of a model, by which another process loads the same."""
    name, at, revision = model.fingerprint.partition("@")
    return (name, revision) if at else (model.name, None)


def is_adapter(folder: Path) -> bool:
    """Whether ``folder`` holds an adapter. Raises InputError for one whose weights are no safetensors."""
    if not (folder / "adapter_config.json").is_file():
        return False
    if not (folder / "adapter_model.safetensors").is_file():
        raise InputError(
            f"{folder} has an adapter_config.json, but no adapter_model.safetensors. "
            "Train it again, or save the adapter as safetensors: other formats can run code."
        )
    return True


def load_trained(model: LanguageModel, folder: Path) -> LanguageModel:
    """What ``train`` saved in ``folder``: ``model`` with the adapter merged into it, or the checkpoint.

    ``model`` is the untouched one, and used up. Raises InputError for a folder with neither, and for weights that
    are no safetensors.
    """
    if is_adapter(folder):
        return load_adapter(model, folder)
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} holds neither an adapter nor a checkpoint. Train it again.")
    name, fingerprint, tokenizer = model.name, model.fingerprint, model.tokenizer
    dtype = str(model.network.dtype).removeprefix("torch.")
    model.network.to("meta")  # its memory is needed for the checkpoint
    gc.collect()
    return LanguageModel(name, fingerprint, load_model(str(folder), dtype=dtype).network, tokenizer)
