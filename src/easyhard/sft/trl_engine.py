"""TRL's SFTTrainer on exactly our tokens: full fine-tuning, and whatever needs several processes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel
from easyhard.schema import InputError, Items, Progress
from easyhard.sft.adapter import with_adapter
from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.examples import Example, notes_on, training_examples
from easyhard.sft.log import StepLog, TrainingLog, step_log
from easyhard.sft.pace import batches
from easyhard.sft.saving import save_whole

NOT_LEARNED = -100  # torch's label of a token that has no part in the loss
SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}  # transformers' names


def train_with_trl(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    config: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
    settings: Any = None,
) -> TrainingLog:
    """Fine-tune with TRL and save an adapter, or the whole model and its tokenizer, in ``folder``.

    Safetensors only. ``model`` is changed: load it anew for the next training. Raises InputError for what is not
    installed, WorkError when the loss or the gradient is no longer a finite number; the log up to there is then
    in the folder. In each of several processes, started by accelerate, it does that process's share; these give
    the ``settings`` that they made, by ``trainer_settings``, before loading the model.
    """
    refuse_absent_parts(config)
    examples = training_examples(model, items, spec, config)
    settings = settings or trainer_settings(config, seed, folder)
    network = with_adapter(model, config, seed) if config.method == "lora" else model.network.train()
    total, is_first = n_steps(len(examples), config), settings.process_index == 0
    with step_log(folder, total, progress, writes=is_first) as log:
        trainer = _trainer(network, model.tokenizer, laid_out(examples, config, seed), settings, log)
        trainer.train()
    _save(trainer, config, folder)
    return log.finished(len(examples), "trl", notes_on(model, spec))


def refuse_absent_parts(config: TrainingConfig) -> None:
    """Raise InputError if a setting needs a package or a GPU that is not there."""
    import torch

    asked = {"trl": True, "accelerate": True, "datasets": True, "liger_kernel": config.liger}
    asked |= {"bitsandbytes": config.optimiser == "adamw_8bit"}
    asked |= {"deepspeed": config.processes > 1 and config.launch == "zero3"}
    absent = [name for name, is_asked in asked.items() if is_asked and find_spec(name) is None]
    if absent:
        raise InputError(
            f"these training settings need {', '.join(absent)}, not installed here. Install it, or set "
            "training.optimiser: adamw, training.liger: false, training.launch: fsdp or training.engine: easyhard."
        )
    if not torch.cuda.is_available() and (config.liger or config.optimiser == "adamw_8bit"):
        raise InputError(
            "training.optimiser: adamw_8bit and training.liger need a GPU, and torch sees none. "
            "Set training.optimiser: adamw and training.liger: false."
        )


def laid_out(examples: Sequence[Example], config: TrainingConfig, seed: int) -> dict[str, list[list[int]]]:
    """All epochs one after another, in the order of learning: ``input_ids`` and ``labels`` of every row.

    A last batch of an epoch that is smaller than the others is filled up with rows of which nothing is learned, so
    that every step has the examples that our own engine gives it, whatever the number of processes.
    """
    blank = Example([examples[0].prompt[0]] * 2, [])
    rows = []
    for batch in batches(len(examples), config, seed):
        rows += [examples[i] for i in batch] + [blank] * (config.batch_size - len(batch))
    return {
        "input_ids": [row.prompt + row.completion for row in rows],
        "labels": [[NOT_LEARNED] * len(row.prompt) + row.completion for row in rows],
    }


def trainer_settings(config: TrainingConfig, seed: int, folder: Path) -> Any:
    """SFTConfig of a training; in several processes it must exist before the model is loaded."""
    from trl import SFTConfig

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of names that TRL and transformers are changing
        settings = SFTConfig(**_plain_settings(config, seed, folder))
    if config.processes == 1 and settings.n_gpu > 1:
        settings._n_gpu = 1  # else a copy of the model on each GPU that is seen, which TRL refuses
    return settings


def _plain_settings(config: TrainingConfig, seed: int, folder: Path) -> dict[str, Any]:
    import torch

    return {
        "output_dir": str(folder),
        "seed": seed,
        "num_train_epochs": 1,  # of rows laid out for all epochs, in order
        "train_sampling_strategy": "sequential",
        "per_device_train_batch_size": config.at_once,
        "gradient_accumulation_steps": config.gradient_accumulation,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": SCHEDULES[config.schedule],
        "warmup_steps": config.warmup_ratio,  # below 1: a share of the steps
        "optim": "paged_adamw_8bit" if config.optimiser == "adamw_8bit" else "adamw_torch",
        "adam_beta1": config.adam_betas[0],
        "adam_beta2": config.adam_betas[1],
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "bf16": config.dtype == "bfloat16",
        "gradient_checkpointing": config.gradient_checkpointing,
        "use_liger_kernel": config.liger,
        "use_cpu": config.launch == "ddp-cpu" if config.processes > 1 else not torch.cuda.is_available(),
        "report_to": list(config.report_to) or "none",
        "max_length": None,  # too long ones were refused; nothing is cut
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def _trainer(network: Any, tokenizer: Any, rows: dict[str, Any], settings: Any, log: StepLog) -> Any:
    from datasets import Dataset  # type: ignore[import-untyped]
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTTrainer

    class Recorder(TrainerCallback):  # type: ignore[misc]
        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            if "loss" in logs:
                log.add(logs["loss"], float(logs["grad_norm"]), logs["learning_rate"])

    trainer = SFTTrainer(
        model=network,
        args=settings,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        callbacks=[Recorder()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _save(trainer: Any, config: TrainingConfig, folder: Path) -> None:
    """Weights of all processes together, written by the first: an adapter, or the model with its tokenizer."""
    import torch

    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not trainer.is_world_process_zero():
        return
    network = trainer.accelerator.unwrap_model(trainer.model)

    def save(place: Path) -> None:
        if config.method == "lora":
            network.save_pretrained(str(place), state_dict=weights)
            return
        dtype = getattr(torch, config.dtype)
        network.save_pretrained(str(place), state_dict=_rounded(weights, dtype))
        network.config.dtype = dtype
        network.config.save_pretrained(str(place))  # which names the type of the network, not of what was saved
        trainer.processing_class.save_pretrained(str(place))

    save_whole(folder, save)


def _rounded(weights: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Weights in the type of the arithmetic; two names of one weight stay two names of one."""
    made: dict[tuple[int, Any], Any] = {}
    for weight in weights.values():
        made.setdefault((weight.data_ptr(), weight.shape), weight.to(dtype) if weight.is_floating_point() else weight)
    return {name: made[weight.data_ptr(), weight.shape] for name, weight in weights.items()}
