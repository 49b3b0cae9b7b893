"""Low-rank adapters on a frozen base: one training loop for the many small fine-tunings of a sweep.

A trainer made for one large run spends most of a one-minute run elsewhere; here only the tokens of a batch
and the vocabulary scores of its completions are computed.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from easyhard.benchmarks import BenchmarkSpec, completions, prompts
from easyhard.chance import cell_rng
from easyhard.llm import LanguageModel, answer_tokens, prompt_tokens
from easyhard.schema import InputError, Items, Progress, WorkError
from easyhard.sft.config import TrainingConfig


@dataclass(frozen=True, slots=True)
class Example:
    """One training example in tokens. Only the completion, which ends with the end token, is learned."""

    prompt: list[int]
    completion: list[int]


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """What happened: one entry per optimiser step. ``loss`` is the mean over completion tokens, in nats."""

    n_items: int
    loss: tuple[float, ...]
    gradient_norm: tuple[float, ...]  # before clipping
    learning_rate: tuple[float, ...]


def train_adapter(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    config: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
    *,
    in_order: bool = False,
) -> TrainingLog:
    """Fine-tune a new adapter on ``items`` and save it in ``folder`` (safetensors, peft's layout).

    Each epoch sees the items in a random order, or with ``in_order`` as they stand, from the first to the last.
    ``model`` is changed: load it anew for the next training. Raises WorkError when the loss or the gradient
    is no longer a finite number; the log up to there is then in the folder.
    """
    import torch

    examples = [_within(example, config, model) for example in training_examples(model, items, spec)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the adapter's initial weights
        network = _with_adapter(model, config)
    log: list[tuple[float, float, float]] = []
    try:
        for entry in _steps(network, examples, config, None if in_order else seed):
            log.append(entry)
            if progress:
                progress(len(log), n_steps(len(examples), config))
    finally:
        _write_log(folder / "training.jsonl", log)
    network.save_pretrained(str(folder))
    loss, norm, rate = zip(*log, strict=True)
    return TrainingLog(len(examples), loss, norm, rate)


def load_adapter(model: LanguageModel, folder: Path) -> LanguageModel:
    """The model with a saved adapter merged into its weights; ``model`` itself is used up.

    Merged in the precision of the base: call it with a float32 model, since rounding the merged weights to
    bfloat16 can cost ten points of accuracy.
    """
    from peft import PeftModel

    with _old_names_allowed():
        network = PeftModel.from_pretrained(model.network, str(folder)).merge_and_unload()
    return LanguageModel(model.name, model.fingerprint, network.eval(), model.tokenizer)


def training_examples(model: LanguageModel, items: Items, spec: BenchmarkSpec) -> list[Example]:
    """Items as token sequences: the prompt that evaluation uses, then completion and end token."""
    end = [model.tokenizer.eos_token_id]
    return [
        Example(prompt_tokens(model, spec, prompt), answer_tokens(model, spec, completion) + end)
        for prompt, completion in zip(prompts(items, spec), completions(items, spec), strict=True)
    ]


def n_steps(n_items: int, config: TrainingConfig) -> int:
    """Optimiser steps of one training."""
    return config.epochs * math.ceil(n_items / config.batch_size)


def _within(example: Example, config: TrainingConfig, model: LanguageModel) -> Example:
    limit = min(config.max_length, model.context_length)
    length = len(example.prompt) + len(example.completion)
    if length > limit:
        raise InputError(
            f"a training example has {length} tokens, more than the limit of {limit}; cutting it would lose "
            "its answer. Raise training.max_length (if the model's context allows), or drop long items."
        )
    return example


def _with_adapter(model: LanguageModel, config: TrainingConfig) -> Any:
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha or config.rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with _old_names_allowed():
        return get_peft_model(model.network, settings).train()


@contextmanager
def _old_names_allowed() -> Iterator[None]:
    """No warning while peft asks transformers for an attribute by its old name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _steps(
    network: Any, examples: Sequence[Example], config: TrainingConfig, seed: int | None
) -> Iterator[tuple[float, float, float]]:
    import torch

    weights = [w for w in network.parameters() if w.requires_grad]
    optimiser = torch.optim.AdamW(
        weights, lr=config.learning_rate, betas=config.adam_betas, weight_decay=config.weight_decay
    )
    total = n_steps(len(examples), config)
    for step, batch in enumerate(_batches(len(examples), config, seed)):
        rate = config.learning_rate * _schedule(step, total, config.warmup_ratio)
        optimiser.param_groups[0]["lr"] = rate
        loss = _loss(network, [examples[i] for i in batch])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, config.max_grad_norm)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            raise WorkError(
                f"training stopped at step {step + 1} of {total}: loss {loss.item()}, gradient norm "
                f"{norm.item()}. Lower training.learning_rate, or look at training.jsonl for where it went."
            )
        optimiser.step()
        optimiser.zero_grad()
        yield loss.item(), norm.item(), rate


def _batches(n_items: int, config: TrainingConfig, seed: int | None) -> Iterator[list[int]]:
    """Places of the items of each step; every epoch in an order drawn by ``seed``, or as they stand."""
    rng = None if seed is None else cell_rng(seed, "training-order")
    for _ in range(config.epochs):
        order = np.arange(n_items) if rng is None else rng.permutation(n_items)
        for start in range(0, n_items, config.batch_size):
            yield [int(i) for i in order[start : start + config.batch_size]]


def _schedule(step: int, total: int, warmup_ratio: float) -> float:
    """Linear warm-up, then a cosine to zero; the factor of the learning rate at a step counted from 0."""
    warmup = max(1, round(warmup_ratio * total))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def _loss(network: Any, batch: Sequence[Example]) -> Any:
    """Mean negative log-likelihood of the completion tokens of a batch.

    Rows are padded on the left, so that all completions end together and one slice holds every position
    that predicts one.
    """
    import torch

    width = max(len(e.prompt) + len(e.completion) for e in batch)
    keep = max(len(e.completion) for e in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask, learned = torch.zeros_like(ids), torch.zeros(len(batch), keep, dtype=torch.bool)
    for i, example in enumerate(batch):
        tokens = example.prompt + example.completion
        ids[i, width - len(tokens) :] = torch.tensor(tokens)
        mask[i, width - len(tokens) :] = 1
        learned[i, keep - len(example.completion) :] = True
    ids, mask, learned = (t.to(network.device) for t in (ids, mask, learned))
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    logits = network(
        input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep + 1
    ).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits[learned].float(), ids[:, width - keep :][learned])


def _write_log(path: Path, log: Sequence[tuple[float, float, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("loss", "gradient_norm", "learning_rate")
    lines = [json.dumps({"step": k + 1, **dict(zip(names, entry, strict=True))}) for k, entry in enumerate(log)]
    path.write_text("".join(line + "\n" for line in lines))


def subset(items: Items, n_items: int | None, seed: int) -> Items:
    """At most ``n_items`` of the items, drawn by ``seed``; all of them if ``n_items`` is None."""
    if n_items is None or n_items >= items.table.height:
        return items
    chosen = np.sort(cell_rng(seed, "training-subset").choice(items.table.height, size=n_items, replace=False))
    return Items(items.table[chosen], items.covariates)
