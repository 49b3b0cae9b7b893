"""Supervised fine-tuning: items in, adapter out. The only importer of peft."""

from easyhard.sft.config import TrainingConfig
from easyhard.sft.lora import TrainingLog, load_adapter, n_steps, subset, train_adapter

__all__ = ["TrainingConfig", "TrainingLog", "load_adapter", "n_steps", "subset", "train_adapter"]
