"""What supervised fine-tuning needs to know; the values that nothing overrides come from a preset."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from easyhard.sft.presets import PRESETS, SMALL, Preset

Engine = Literal["easyhard", "trl"]
Order = Literal["shuffled", "given"]


class TrainingConfig(BaseModel):
    """Settings of one fine-tuning; the same for every bin, so that only the items differ.

    ``batch_size`` counts the examples of one optimiser step over all processes, so that what is learned does not
    depend on the number of GPUs; ``per_device_batch_size`` of them pass through a model at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Preset = "small"  # see presets.py for every value and where it comes from
    method: Literal["lora", "full"] = SMALL["method"]
    engine: Literal["auto", "easyhard", "trl"] = "auto"
    optimiser: Literal["adamw", "adamw_8bit"] = SMALL["optimiser"]  # 8 bit: paged, by bitsandbytes, on a GPU
    learning_rate: float = Field(SMALL["learning_rate"], gt=0)
    adam_betas: tuple[float, float] = SMALL["adam_betas"]
    weight_decay: float = Field(SMALL["weight_decay"], ge=0)
    max_grad_norm: float = Field(SMALL["max_grad_norm"], gt=0)
    schedule: Literal["cosine", "linear", "constant"] = SMALL["schedule"]  # after the warm-up
    warmup_ratio: float = Field(SMALL["warmup_ratio"], ge=0, lt=1)
    epochs: int = Field(SMALL["epochs"], ge=1)
    batch_size: int = Field(SMALL["batch_size"], ge=1)
    per_device_batch_size: int | None = Field(None, ge=1)  # None: all of a batch that one process has
    processes: int = Field(1, ge=1)  # one for each GPU; more than one are started through accelerate
    launch: Literal["ddp-cpu", "fsdp", "zero3"] = "zero3"  # how several processes share the model
    max_length: int = Field(SMALL["max_length"], ge=8)  # tokens; a longer example is refused
    order: Order = "shuffled"  # given: every epoch as the items stand, for a curriculum
    max_items: int | None = Field(None, ge=1)  # train on at most so many items a bin, the same number in each
    dtype: Literal["float32", "bfloat16"] = SMALL["dtype"]  # of the arithmetic; what is trained stays in float32
    gradient_checkpointing: bool = False  # less memory for about a third more time
    liger: bool = False  # Liger's kernels for the layers, on a GPU
    rank: int = Field(SMALL["rank"], ge=1)
    alpha: float | None = Field(SMALL["alpha"], gt=0)
    dropout: float = Field(SMALL["dropout"], ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = SMALL["targets"]
    report_to: tuple[str, ...] = ()  # experiment trackers that transformers knows, such as trackio or wandb

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        preset = given.get("preset", "small")
        return {**PRESETS[preset], **given} if isinstance(preset, str) and preset in PRESETS else given

    @model_validator(mode="after")
    def _possible(self) -> TrainingConfig:
        needs = self._needs_trl()
        if self.engine == "easyhard" and needs:
            raise ValueError(f"the engine easyhard does not do {needs[0]}; choose engine: auto")
        share = self.processes * (self.per_device_batch_size or 1)
        if self.batch_size % share:
            raise ValueError(
                f"a batch of {self.batch_size} examples does not divide into {self.processes} process(es) with "
                f"{self.per_device_batch_size or 1} at once; make batch_size a multiple of {share}"
            )
        return self

    @property
    def chosen_engine(self) -> Engine:
        """``engine``, or what ``auto`` stands for: our own for LoRA in one process, TRL for the rest."""
        if self.engine != "auto":
            return self.engine
        return "trl" if self._needs_trl() else "easyhard"

    @property
    def at_once(self) -> int:
        """Examples that pass through the model of one process together."""
        return self.per_device_batch_size or self.batch_size // self.processes

    @property
    def gradient_accumulation(self) -> int:
        """Passes of each process for one optimiser step."""
        return self.batch_size // (self.at_once * self.processes)

    def _needs_trl(self) -> list[str]:
        asked = {
            "method: full": self.method == "full",
            "processes above 1": self.processes > 1,
            "optimiser: adamw_8bit": self.optimiser == "adamw_8bit",
            "liger": self.liger,
            "report_to": bool(self.report_to),
        }
        return [name for name, is_asked in asked.items() if is_asked]


def n_steps(n_items: int, config: TrainingConfig) -> int:
    """Optimiser steps of one training. The last batch of an epoch may be smaller than the others."""
    return config.epochs * math.ceil(n_items / config.batch_size)
