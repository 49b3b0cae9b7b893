"""What supervised fine-tuning needs to know, with the reason for each default."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """Settings of one fine-tuning; the same for every bin, so that only the items differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["lora"] = "lora"
    rank: int = Field(16, ge=1)  # 8 to 16 moved a 135M model by up to 35 points on 40 to 72 items
    alpha: float | None = Field(None, gt=0)  # as large as the rank, the ratio of arXiv:2511.21692
    learning_rate: float = Field(3e-4, gt=0)  # usual for LoRA on small models; 5e-6 there is for full training
    epochs: int = Field(3, ge=1)
    batch_size: int = Field(8, ge=1)
    warmup_ratio: float = Field(0.1, ge=0, lt=1)  # as in arXiv:2511.21692
    weight_decay: float = Field(0.1, ge=0)  # as in arXiv:2511.21692
    adam_betas: tuple[float, float] = (0.9, 0.99)  # as in arXiv:2511.21692
    max_grad_norm: float = Field(1.0, gt=0)  # 0.1 there; with few steps that barely moves an adapter
    max_length: int = Field(4096, ge=8)  # tokens, as in arXiv:2511.21692; a longer example is refused
    max_items: int | None = Field(None, ge=1)  # train on at most so many items a bin, the same number in each
