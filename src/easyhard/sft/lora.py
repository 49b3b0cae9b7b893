"""Low-rank adapters on a frozen base: one training loop for the many small fine-tunings of a sweep.

A trainer made for one large run spends most of a one-minute run elsewhere. Here only the tokens of a batch and the
vocabulary scores of its completions are computed, what all prompts begin with once a step, and several adapters learn
from one pass through their base. Loss, schedule, clipping and weight decay are those of TRL's trainer, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel, common_length
from easyhard.schema import Items, Progress, WorkError
from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.examples import Example, notes_on, training_examples
from easyhard.sft.log import StepLog, TrainingLog, step_log
from easyhard.sft.pace import batches, rate_factor
from easyhard.sft.packed import packed_losses
from easyhard.sft.stack import Stack, stacked


@dataclass(frozen=True, slots=True)
class Training:
    """One of several trainings: what it learns from, in which order, and where it is saved."""

    items: Items
    seed: int
    folder: Path
    progress: Progress | None = None


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

    The weights of ``model`` are as before when it ends, but rounded where ``config.dtype`` says so. Raises WorkError
    when the loss or the gradient is no longer a finite number; the log up to there is then in the folder.
    """
    (found,) = train_adapters(model, [Training(items, seed, folder, progress)], spec, config)
    if isinstance(found, WorkError):
        raise found
    return found


def train_adapters(
    model: LanguageModel, trainings: Sequence[Training], spec: BenchmarkSpec, config: TrainingConfig
) -> list[TrainingLog | WorkError]:
    """Fine-tune several new adapters side by side, each as ``train_adapter`` would alone, up to rounding.

    All with equally many items. Gives the log of each, or the error that ended it; the others go on. More than one
    need ``config.dropout`` to be 0, since what is dropped would differ from a training alone.
    """
    import torch

    examples = [training_examples(model, one.items, spec, config) for one in trainings]
    if len({len(one) for one in examples}) > 1 or (config.dropout and len(trainings) > 1):
        raise ValueError("adapters that are trained together need equally many items, and no dropout")
    total = n_steps(len(examples[0]), config)
    with ExitStack() as opened:
        logs = [opened.enter_context(step_log(one.folder, total, one.progress)) for one in trainings]
        stack = opened.enter_context(stacked(model, config, [one.seed for one in trainings]))
        opened.enter_context(torch.random.fork_rng())
        torch.manual_seed(trainings[0].seed)  # of the dropout
        errors = _learn(stack, examples, config, [one.seed for one in trainings], logs)
        found: list[TrainingLog | WorkError] = []
        for k, error in enumerate(errors):
            if error is None:
                stack.save(k, trainings[k].folder)
            found.append(error or logs[k].finished(len(examples[k]), "easyhard", notes_on(model, spec)))
    return found


def _learn(
    stack: Stack, examples: Sequence[list[Example]], config: TrainingConfig, seeds: Sequence[int], logs: list[StepLog]
) -> list[WorkError | None]:
    import torch

    errors: list[WorkError | None] = [None] * len(logs)
    total, shared = logs[0].total, _shared(examples, config) if stack.is_packed else None
    optimiser = torch.optim.AdamW(
        stack.weights, lr=config.learning_rate, betas=config.adam_betas, weight_decay=config.weight_decay, fused=True
    )
    plans = [batches(len(own), config, seed) for own, seed in zip(examples, seeds, strict=True)]
    for step, chosen in enumerate(zip(*plans, strict=True)):
        rate = config.learning_rate * rate_factor(step, total, config)
        optimiser.param_groups[0]["lr"] = rate
        batch = [[examples[k][i] for i in chosen[k]] for k in stack.active]
        losses = _backward(stack.base, batch, config, shared)
        norms = stack.clip(config.max_grad_norm)
        for k, loss, norm in zip(stack.active, losses, norms, strict=True):
            try:
                logs[k].add(loss, norm, rate)
            except WorkError as error:
                errors[k] = error
        stack.active = [k for k in stack.active if errors[k] is None]
        if not stack.active:
            break
        optimiser.step()
        optimiser.zero_grad()
    return errors


def _shared(examples: Sequence[list[Example]], config: TrainingConfig) -> list[int]:
    """Tokens that all prompts begin with, such as a chat's system prompt: what they come to need be computed once."""
    prompts = [example.prompt for own in examples for example in own]
    return [] if config.dropout else prompts[0][: common_length(prompts)]  # dropout falls on each example by itself


def _backward(
    network: Any, groups: Sequence[Sequence[Example]], config: TrainingConfig, shared: Sequence[int] | None
) -> list[float]:
    """Each group's loss, and its gradient on its adapter; in parts if not all of a batch is to be held at once.

    ``shared`` is what all prompts begin with, or None for a network that cannot be given packed examples.
    """
    import torch

    counts = torch.tensor([sum(len(e.completion) for e in group) for group in groups], device=network.device)
    losses = torch.zeros(len(groups), device=network.device)
    for start in range(0, len(groups[0]), config.at_once):
        part = [group[start : start + config.at_once] for group in groups]
        with _arithmetic(network, config):
            sums = padded_losses(network, part) if shared is None else packed_losses(network, part, shared)
            shares = sums / counts
        shares.sum().backward()
        losses += shares.detach()
    return [float(loss) for loss in losses]


def _arithmetic(network: Any, config: TrainingConfig) -> AbstractContextManager[Any]:
    import torch

    if config.dtype == "float32":
        return nullcontext()
    return torch.autocast(network.device.type, dtype=torch.bfloat16)


def padded_losses(network: Any, groups: Sequence[Sequence[Example]]) -> Any:
    """As ``packed_losses``, for a network of any kind: one example a row.

    Rows are padded on the left, so that all completions end together and one slice holds every position that predicts
    one.
    """
    import torch

    rows = [example for group in groups for example in group]
    width, keep = max(len(e.prompt) + len(e.completion) for e in rows), max(len(e.completion) for e in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask, learned = torch.zeros_like(ids), torch.zeros(len(rows), keep, dtype=torch.bool)
    for i, example in enumerate(rows):
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
    each = torch.nn.functional.cross_entropy(logits[learned].float(), told, reduction="none")
    owners = torch.arange(len(groups), device=network.device).repeat_interleave(len(groups[0]))
    return each.new_zeros(len(groups)).index_add(0, owners[:, None].expand(-1, keep)[learned], each)
