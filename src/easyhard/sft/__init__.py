"""Supervised fine-tuning: items in, adapter or checkpoint out. The only importer of peft and trl."""

from __future__ import annotations

from easyhard.sft.adapter import load_adapter
from easyhard.sft.base import BaseModel
from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.dispatch import load_trained, train
from easyhard.sft.examples import subset, training_examples
from easyhard.sft.log import TrainingLog
from easyhard.sft.lora import Training, train_adapter, train_adapters
from easyhard.sft.stack import MOST_TOGETHER, stack_size

__all__ = [
    "MOST_TOGETHER",
    "BaseModel",
    "Training",
    "TrainingConfig",
    "TrainingLog",
    "load_adapter",
    "load_trained",
    "n_steps",
    "stack_size",
    "subset",
    "train",
    "train_adapter",
    "train_adapters",
    "training_examples",
]
