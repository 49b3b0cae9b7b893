"""LoRA adapters through peft: a new one on a model, a saved one merged into it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from easyhard.llm import LanguageModel
from easyhard.schema import InputError
from easyhard.sft.config import TrainingConfig


def with_adapter(model: LanguageModel, config: TrainingConfig, seed: int) -> Any:
    """The network with a new adapter, whose initial weights ``seed`` draws; the base is frozen.

    For bfloat16 arithmetic the base is rounded to it, the adapter stays in float32: its small changes would
    be lost.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha or config.rank,
        lora_dropout=config.dropout,
        target_modules=config.targets if isinstance(config.targets, str) else list(config.targets),
        task_type="CAUSAL_LM",
    )
    if config.dtype == "bfloat16":
        model.network.to(torch.bfloat16)
    # DeepSpeed gathers all parameters of a layer in one type, and so wants base and adapter alike.
    in_float32 = not (config.processes > 1 and config.launch == "zero3")
    with torch.random.fork_rng(), old_names_allowed():
        torch.manual_seed(seed)
        try:
            return get_peft_model(model.network, settings, autocast_adapter_dtype=in_float32).train()
        except ValueError as error:
            raise InputError(
                f"no adapter fits {model.name!r}: {error} Set training.targets to names of its linear layers, "
                "or to all-linear."
            ) from error


def save_memory(network: Any) -> None:
    """Keep the activations at the layers' borders only, and compute the others again for the gradient."""
    network.enable_input_require_grads()  # else nothing frozen would let a gradient through
    with old_names_allowed():
        network.gradient_checkpointing_enable({"use_reentrant": False})


def spend_memory(network: Any) -> None:
    """Undo ``save_memory``."""
    with old_names_allowed():
        network.gradient_checkpointing_disable()
    network.disable_input_require_grads()


def load_adapter(model: LanguageModel, folder: Path) -> LanguageModel:
    """The model with a saved adapter merged into its weights; ``model`` itself is used up.

    Merged in the precision of the base: call it with a float32 model, since rounding the merged weights to
    bfloat16 can cost ten points of accuracy.
    """
    from peft import PeftModel

    with old_names_allowed():
        network = PeftModel.from_pretrained(model.network, str(folder)).merge_and_unload()
    return LanguageModel(model.name, model.fingerprint, network.eval(), model.tokenizer)


@contextmanager
def lent_adapter(model: LanguageModel, folder: Path) -> Iterator[LanguageModel]:
    """As ``load_adapter``, but ``model`` has its own weights again when the block ends.

    They are put aside on the CPU meanwhile, so that a GPU holds them once.
    """
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    with old_names_allowed():
        adapted = PeftModel.from_pretrained(model.network, str(folder))
        weights = [layer.base_layer.weight for layer in adapted.modules() if isinstance(layer, LoraLayer)]
        aside = [weight.detach().to("cpu", copy=True) for weight in weights]
        network = adapted.merge_and_unload()
    try:
        yield LanguageModel(model.name, model.fingerprint, network.eval(), model.tokenizer)
    finally:
        for weight, own in zip(weights, aside, strict=True):
            weight.data.copy_(own)


@contextmanager
def old_names_allowed() -> Iterator[None]:
    """No warning while peft asks transformers for an attribute by its old name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
