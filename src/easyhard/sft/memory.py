"""Memory that a training needs on each GPU, from the shape of a model: counted where it can be, else estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easyhard.sft.config import TrainingConfig

_BYTES = {"float32": 4, "bfloat16": 2}
_LIVE = 1_000_000_000  # parameters that DeepSpeed's ZeRO-3 may hold gathered at a time, its default


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What decides the size of a Llama or Qwen2 model, as its ``config.json`` has it."""

    name: str
    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    tied: bool  # one matrix for input and output embeddings
    biased: bool  # queries, keys and values have a bias, as in Qwen2

    @property
    def projections(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of the seven linear layers of one transformer layer."""
        queries, keys = self.heads * self.head_size, self.key_value_heads * self.head_size
        attention = ((self.hidden, queries), (self.hidden, keys), (self.hidden, keys), (queries, self.hidden))
        wide = (self.hidden, self.intermediate)
        return (*attention, wide, wide, (self.intermediate, self.hidden))

    @property
    def embedding(self) -> int:
        """Parameters of the input embedding."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters."""
        biases = (self.heads + 2 * self.key_value_heads) * self.head_size if self.biased else 0
        layer = sum(inputs * outputs for inputs, outputs in self.projections) + biases + 2 * self.hidden
        return self.layers * layer + self.hidden + self.embedding * (1 if self.tied else 2)

    def adapter_parameters(self, rank: int) -> int:
        """Parameters of a LoRA adapter on the seven linear layers."""
        return self.layers * rank * sum(inputs + outputs for inputs, outputs in self.projections)


def _qwen(size: str, hidden: int, layers: int, heads: int, kv: int, wide: int, words: int, tied: bool) -> ModelShape:
    return ModelShape(f"Qwen2.5-{size}-Instruct", hidden, layers, heads, kv, 128, wide, words, tied, True)


# The models of arXiv:2511.21692, from their published config.json.
PAPER_MODELS = (
    _qwen("1.5B", 1536, 28, 12, 2, 8960, 151936, True),
    _qwen("3B", 2048, 36, 16, 2, 11008, 151936, True),
    _qwen("7B", 3584, 28, 28, 4, 18944, 152064, False),
    _qwen("14B", 5120, 48, 40, 8, 13824, 152064, False),
    ModelShape("Llama-3.2-1B-Instruct", 2048, 16, 32, 8, 64, 8192, 128256, True, False),
    ModelShape("Llama-3.2-3B-Instruct", 3072, 28, 24, 8, 128, 8192, 128256, True, False),
    ModelShape("Llama-3.1-8B-Instruct", 4096, 32, 32, 8, 128, 14336, 128256, False, False),
)


def shape_of(config: Mapping[str, Any], name: str = "") -> ModelShape | None:
    """The shape that a ``config.json`` describes; None for another kind of model than Llama and Qwen2."""
    if config.get("model_type") not in ("llama", "qwen2"):
        return None
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    return ModelShape(
        name=name,
        hidden=hidden,
        layers=config["num_hidden_layers"],
        heads=heads,
        key_value_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or hidden // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        tied=bool(config.get("tie_word_embeddings", False)),
        biased=config["model_type"] == "qwen2",
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on each GPU. ``activations`` and ``working`` are estimates, the other three are counted."""

    weights: float
    gradients: float
    optimiser: float
    working: float  # copies of weights that arithmetic needs for a moment
    activations: float

    @property
    def total(self) -> float:
        """All of it; leave a tenth more for what torch and the libraries hold."""
        return self.weights + self.gradients + self.optimiser + self.working + self.activations


def training_memory(shape: ModelShape, config: TrainingConfig, tokens: int) -> Memory:
    """Memory of one training on each GPU, with examples of ``tokens`` tokens.

    Trained weights are kept in float32: 4 bytes each, with 4 of gradient, and 8 of AdamW's two moments or 2 in
    8 bit (of all but the embeddings). Arithmetic in bfloat16 adds a copy in 2 bytes, a frozen base is kept in the
    type of the arithmetic. ZeRO-3 and FSDP divide all this among the GPUs, and gather a part at a time.
    """
    activations = _activations(shape, config) * tokens * config.at_once
    small, sharing = _BYTES[config.dtype], config.processes if config.launch != "ddp-cpu" else 1
    trained = float(shape.parameters)
    base = 0.0
    if config.method == "lora":
        trained = float(shape.adapter_parameters(config.rank))
        base = shape.parameters * small
    embeddings = 0 if config.method == "lora" else shape.embedding * (1 if shape.tied else 2)
    moments = 8 * trained if config.optimiser == "adamw" else 2 * (trained - embeddings) + 8 * embeddings
    copied = 0.0 if config.dtype == "float32" else 2 * trained
    if sharing == 1:
        return Memory(base + 4 * trained, 4 * trained, moments, copied, activations)
    if config.launch == "zero3":
        # With bfloat16 DeepSpeed keeps weights and gradients in 2 bytes, and a third copy of the weights in 4.
        master = 4 * trained if config.dtype == "bfloat16" else 0.0
        kept, gathered = base + small * trained, min(_LIVE, shape.parameters) * small
        return Memory((kept + master) / sharing, small * trained / sharing, moments / sharing, gathered, activations)
    gathered = 2 * _largest_part(shape) * small
    return Memory((base + 4 * trained) / sharing, 4 * trained / sharing, moments / sharing, gathered, activations)


def _largest_part(shape: ModelShape) -> int:
    """Parameters of a transformer layer or of an embedding, whichever is larger: what FSDP gathers at a time."""
    return max(shape.embedding, sum(inputs * outputs for inputs, outputs in shape.projections))


def _activations(shape: ModelShape, config: TrainingConfig) -> float:
    """Estimated bytes a token that the backward pass needs, attention in a kernel that keeps no score matrix.

    A layer keeps about six vectors of the hidden size (two of them in float32, where norms are computed), queries,
    keys and values, and four of the intermediate size; with gradient checkpointing every layer keeps its input
    alone, and one layer at a time the rest.
    """
    small = _BYTES[config.dtype]
    heads = (shape.heads + 2 * shape.key_value_heads) * shape.head_size
    layer = small * (4 * shape.hidden + heads + 4 * shape.intermediate) + 4 * 2 * shape.hidden
    if config.gradient_checkpointing:
        return shape.layers * small * shape.hidden + layer
    return float(shape.layers * layer)


def memory_table(tokens: int = 1024) -> str:
    """Gigabytes a GPU for the models of arXiv:2511.21692, as a table in Markdown: docs/memory.md holds it."""
    columns: dict[str, dict[str, Any]] = {
        "full, float32": {"dtype": "float32", "optimiser": "adamw"},
        "full, bfloat16": {"optimiser": "adamw"},
        "the same, 8-bit AdamW": {},
        "ZeRO-3, 2 GPUs": {"processes": 2, "optimiser": "adamw"},
        "ZeRO-3, 8 GPUs": {"processes": 8, "optimiser": "adamw"},
        "ZeRO-3, 8 GPUs, 8-bit AdamW": {"processes": 8},
        "LoRA, bfloat16": {"method": "lora", "optimiser": "adamw"},
    }
    shared: dict[str, Any] = {"preset": "paper", "gradient_checkpointing": True, "per_device_batch_size": 2}
    configs = [TrainingConfig.model_validate({**shared, **column}) for column in columns.values()]
    lines = [f"| model | parameters | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for shape in PAPER_MODELS:
        sizes = [f"{training_memory(shape, config, tokens).total / 1e9:.1f}" for config in configs]
        lines.append(f"| {shape.name} | {shape.parameters:,} | {' | '.join(sizes)} |")
    return "\n".join(lines)
