"""Low-rank adapters on a frozen base: one training loop for the many small fine-tunings of a sweep.

A trainer made for one large run spends most of a one-minute run elsewhere; here only the tokens of a batch
and the vocabulary scores of its completions are computed. Loss, schedule, clipping and weight decay are those of
TRL's trainer, step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel
from easyhard.schema import Items, Progress
from easyhard.sft.adapter import save_memory, with_adapter
from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.examples import Example, notes_on, training_examples
from easyhard.sft.log import StepLog, TrainingLog, step_log
from easyhard.sft.pace import batches, rate_factor
from easyhard.sft.saving import save_whole


def train_adapter(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    config: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
) -> TrainingLog:
    """Fine-tune a new adapter on ``items`` and save it in ``folder`` (safetensors, peft's layout).

    ``model`` is changed: load it anew for the next training. Raises WorkError when the loss or the gradient
    is no longer a finite number; the log up to there is then in the folder.
    """
    import torch

    examples = training_examples(model, items, spec, config)
    network = with_adapter(model, config, seed)
    if config.gradient_checkpointing:
        save_memory(network)
    with step_log(folder, n_steps(len(examples), config), progress) as log, torch.random.fork_rng():
        torch.manual_seed(seed)  # of the dropout
        _learn(network, examples, config, seed, log)
    save_whole(folder, lambda place: network.save_pretrained(str(place)))
    return log.finished(len(examples), "easyhard", notes_on(model, spec))


def _learn(network: Any, examples: Sequence[Example], config: TrainingConfig, seed: int, log: StepLog) -> None:
    import torch

    weights = [w for w in network.parameters() if w.requires_grad]
    optimiser = torch.optim.AdamW(
        weights, lr=config.learning_rate, betas=config.adam_betas, weight_decay=config.weight_decay
    )
    for step, batch in enumerate(batches(len(examples), config, seed)):
        rate = config.learning_rate * rate_factor(step, log.total, config)
        optimiser.param_groups[0]["lr"] = rate
        loss = _backward(network, [examples[i] for i in batch], config)
        norm = torch.nn.utils.clip_grad_norm_(weights, config.max_grad_norm)
        log.add(loss, norm.item(), rate)
        optimiser.step()
        optimiser.zero_grad()


def _backward(network: Any, batch: Sequence[Example], config: TrainingConfig) -> float:
    """The loss of a batch, and its gradient on the weights; in parts if not all of it is to be held at once."""
    n_learned = sum(len(example.completion) for example in batch)
    loss = 0.0
    for part in _parts(batch, config.at_once):
        with _arithmetic(network, config):
            share = _summed_loss(network, part) / n_learned
        share.backward()
        loss += share.item()
    return loss


def _parts(batch: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def _arithmetic(network: Any, config: TrainingConfig) -> AbstractContextManager[Any]:
    import torch

    if config.dtype == "float32":
        return nullcontext()
    return torch.autocast(network.device.type, dtype=torch.bfloat16)


def _summed_loss(network: Any, batch: Sequence[Example]) -> Any:
    """Negative log-likelihood of all completion tokens of a batch, summed.

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
    told = ids[:, width - keep :][learned]
    return torch.nn.functional.cross_entropy(logits[learned].float(), told, reduction="sum")
