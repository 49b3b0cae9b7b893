"""Several adapters over one frozen base, trained side by side: one pass through the base serves them all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from easyhard.llm import LanguageModel
from easyhard.packing import can_pack, packed_attention
from easyhard.sft.adapter import save_memory, spend_memory, with_adapter
from easyhard.sft.config import TrainingConfig
from easyhard.sft.examples import Example
from easyhard.sft.memory import shape_of, training_memory
from easyhard.sft.saving import save_whole

ADAPTER = "default"  # peft's name of an only adapter
MOST_TOGETHER = 16  # adapters; more would gain nothing
ENOUGH = {"cpu": 1024, "cuda": 8192}  # tokens in one pass beyond which it gets no faster; on GPUs not measured yet
SCORED = 12  # bytes of each vocabulary score: itself, its exponential and its gradient, in float32


@dataclass(slots=True)
class Stack:
    """LoRA weights of several adapters, those of one linear layer in one tensor with the adapters on its first axis.

    An input of the network has its tokens in as many equal groups, one after another, as there are ``active``
    adapters; each group is the business of one. Since nothing passes between groups, each adapter's loss
    and gradient are those that it would have alone.
    """

    network: Any  # a peft model whose own adapter is off; it gives the adapters their form on disk
    down: list[Any]  # [adapters, rank, inputs] of each linear layer; LoRA's A
    up: list[Any]  # [adapters, outputs, rank]; LoRA's B
    active: list[int]  # which adapters the next input is for
    dropout: float
    is_packed: bool  # whether the network takes ``packed.packed_losses``
    layers: list[Any] = field(default_factory=list)  # peft's, in the order of ``down`` and ``up``

    @property
    def base(self) -> Any:
        """The network to call: the base, whose linear layers the active adapters add to."""
        return self.network.get_base_model()

    @property
    def weights(self) -> list[Any]:
        """All that is trained."""
        return [*self.down, *self.up]

    def clip(self, max_norm: float) -> list[float]:
        """Scale each active adapter's gradient down to ``max_norm``; the norms before, as torch's own clipping."""
        import torch

        gradients = [weight.grad for weight in self.weights]
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        factors = (max_norm / (norms + 1e-6)).clamp(max=1.0)
        if bool((factors < 1.0).any()):
            for gradient in gradients:
                gradient.mul_(factors[:, None, None])
        return [float(norms[k]) for k in self.active]

    def save(self, adapter: int, folder: Path) -> None:
        """Write one adapter to ``folder``, in peft's layout (safetensors)."""
        for layer, down, up in zip(self.layers, self.down, self.up, strict=True):
            layer.lora_A[ADAPTER].weight.data.copy_(down.data[adapter])
            layer.lora_B[ADAPTER].weight.data.copy_(up.data[adapter])
        save_whole(folder, lambda place: self.network.save_pretrained(str(place)))

    def add(self, place: int, inputs: Any, output: Any) -> Any:
        """What the adapters make of a linear layer's ``output`` for its ``inputs``."""
        import torch

        down, up = self.down[place], self.up[place]
        if len(self.active) < len(down):
            down, up = down[self.active], up[self.active]
        groups = len(self.active)
        if self.dropout:
            inputs = torch.nn.functional.dropout(inputs, self.dropout)
        low = torch.bmm(inputs.reshape(groups, -1, inputs.shape[-1]), down.transpose(1, 2))
        scale = self.layers[place].scaling[ADAPTER]
        return torch.baddbmm(
            output.reshape(groups, -1, output.shape[-1]), low, up.transpose(1, 2), alpha=scale
        ).view_as(output)


@contextmanager
def stacked(model: LanguageModel, config: TrainingConfig, seeds: Sequence[int]) -> Iterator[Stack]:
    """A new adapter for each of ``seeds``, which draws its initial weights. The base is as before when it ends.

    But for its precision: for bfloat16 arithmetic the base is rounded.
    """
    network, drawn = _drawn(model, config, seeds)
    layers = _layers(network)
    down, up = ([_joined(part, drawn, seeds, k) for k in range(len(layers))] for part in (0, 1))
    is_packed = can_pack(model.network)
    stack = Stack(network, down, up, list(range(len(seeds))), config.dropout, is_packed, layers)
    network.base_model.disable_adapter_layers()
    hooks = [
        layer.base_layer.register_forward_hook(lambda _, given, output, k=k: stack.add(k, given[0], output))
        for k, layer in enumerate(layers)
    ]
    if config.gradient_checkpointing:
        save_memory(network)
    try:
        with packed_attention(model.network) if is_packed else nullcontext():
            yield stack
    finally:
        for hook in hooks:
            hook.remove()
        if config.gradient_checkpointing:
            spend_memory(network)
        network.unload().eval()


def _drawn(
    model: LanguageModel, config: TrainingConfig, seeds: Sequence[int]
) -> tuple[Any, dict[int, list[tuple[Any, Any]]]]:
    """A peft network, and each seed's initial weights of every layer as peft draws them for a training alone."""
    found: dict[int, list[tuple[Any, Any]]] = {}
    network = None
    for seed in dict.fromkeys(seeds):
        if network is not None:
            network.unload()
        network = with_adapter(model, config, seed)
        found[seed] = [
            (layer.lora_A[ADAPTER].weight.detach().clone(), layer.lora_B[ADAPTER].weight.detach().clone())
            for layer in _layers(network)
        ]
    return network, found


def _layers(network: Any) -> list[Any]:
    from peft.tuners.lora import LoraLayer

    return [module for module in network.modules() if isinstance(module, LoraLayer)]


def _joined(part: int, drawn: dict[int, list[tuple[Any, Any]]], seeds: Sequence[int], layer: int) -> Any:
    import torch

    return torch.nn.Parameter(torch.stack([drawn[seed][layer][part] for seed in seeds]))


def stack_size(model: LanguageModel, config: TrainingConfig, examples: Sequence[Example]) -> int:
    """How many adapters to train side by side, for trainings on examples like these; 1 is one after another.

    As many as fill a pass through the model, and as their activations and vocabulary scores leave room for: a quarter
    of this process's share of the machine's memory, or half of what the weights leave of a GPU's. One where a batch is
    to pass in parts, where dropout makes a training differ from one alone, and where the model's memory is not known.
    """
    shape = shape_of(model.network.config.to_dict())
    if shape is None or config.dropout or config.at_once < config.batch_size:
        return 1
    lengths = [len(example.prompt) + len(example.completion) for example in examples]
    completion = max(len(example.completion) for example in examples)
    scores = SCORED * shape.vocabulary * completion * config.batch_size
    bytes_ = training_memory(shape, config, max(lengths)).activations + scores
    tokens = config.batch_size * sum(lengths) / len(lengths)
    enough = ENOUGH[model.network.device.type] / tokens if model.network.device.type in ENOUGH else 1
    return int(max(1, min(MOST_TOGETHER, enough, _room(model.network.device) / bytes_)))


def _room(device: Any) -> float:
    """Bytes that activations may take. A process has a share of the memory like that of the cores."""
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free / 2
    share = min(1.0, torch.get_num_threads() / (os.cpu_count() or 1))
    return share * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 4
