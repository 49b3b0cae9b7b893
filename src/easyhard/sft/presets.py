"""Recipes of fine-tuning as tables of values. A setting that is given overrides the preset's."""

from __future__ import annotations

from typing import Any, Literal

Preset = Literal["small", "paper"]

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

# LoRA for models of some hundred million parameters and some dozen to a few hundred examples. Rank, learning rate
# and epochs are ours, kept after a sweep (docs/training.md); betas, weight decay, warm-up and length as in ``paper``.
SMALL: dict[str, Any] = {
    "method": "lora",
    "optimiser": "adamw",
    "learning_rate": 3e-4,
    "adam_betas": (0.9, 0.99),
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,  # 0.1 there; with few steps that barely moves an adapter
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "epochs": 3,
    "batch_size": 8,
    "max_length": 4096,
    "dtype": "float32",
    "rank": 16,
    "alpha": None,  # as large as the rank, the ratio of ``paper``
    "dropout": 0.0,
    "targets": "all-linear",
}

# The released training code of arXiv:2511.21692. It trains all weights; rank, alpha, dropout and targets are those
# of its LoRA option. Two examples on each of eight devices are one batch of 16, however many devices there are here.
# For MMLU-Pro, MuSR and IFEval it takes one example a device and gradient checkpointing: for these set
# ``batch_size: 8, per_device_batch_size: 1, gradient_checkpointing: true``.
PAPER: dict[str, Any] = {
    "method": "full",
    "optimiser": "adamw_8bit",
    "learning_rate": 5e-6,
    "adam_betas": (0.9, 0.99),
    "weight_decay": 0.1,
    "max_grad_norm": 0.1,
    "schedule": "cosine",
    "warmup_ratio": 0.1,
    "epochs": 5,
    "batch_size": 16,
    "per_device_batch_size": 2,
    "max_length": 4096,
    "dtype": "bfloat16",
    "rank": 64,
    "alpha": 64.0,
    "dropout": 0.0,
    "targets": PROJECTIONS,
}

PRESETS: dict[Preset, dict[str, Any]] = {"small": SMALL, "paper": PAPER}
