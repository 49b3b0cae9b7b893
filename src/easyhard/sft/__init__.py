"""Supervised fine-tuning: items in, adapter or checkpoint out. The only importer of peft and trl."""

from __future__ import annotations

from easyhard.sft.adapter import load_adapter
from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.dispatch import load_trained, train
from easyhard.sft.examples import subset
from easyhard.sft.log import TrainingLog
from easyhard.sft.lora import train_adapter

__all__ = [
    "TrainingConfig",
    "TrainingLog",
    "load_adapter",
    "load_trained",
    "n_steps",
    "subset",
    "train",
    "train_adapter",
]
