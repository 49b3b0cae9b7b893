"""The demo: a whole study, small and real, without the network."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from easyhard.atomic import write_parquet
from easyhard.demo.items import demo_items
from easyhard.demo.model import smollm2_gguf
from easyhard.sft import TrainingConfig
from easyhard.study import BinsConfig, ItemsConfig, ModelConfig, QuestionConfig, StudyConfig, TableConfig

__all__ = ["demo_config", "demo_items", "demo_responses"]


def demo_responses() -> Path:
    """The shipped response table: real language models on the demo's items."""
    return Path(str(resources.files("easyhard.demo") / "responses.parquet"))


def demo_config(out: Path, full: bool = False) -> StudyConfig:
    """The demo as a study that writes to ``out``: five bins and one seed, or ten and three if ``full``.

    Writes the item table to ``out``, since a study reads it from a file.
    """
    write_parquet(demo_items().table, out / "items.parquet")
    return StudyConfig(
        name="demo, full" if full else "demo",
        responses=TableConfig(path=demo_responses()),
        items=ItemsConfig(path=out / "items.parquet"),
        models=(ModelConfig(path=str(smollm2_gguf()), name="SmolLM2-135M-Instruct"),),
        # Plain text: half the tokens of the chat template, and no worse for this model on these items.
        questions=QuestionConfig(chat=False),
        # Half held out: the intervals need items more than the trainings do.
        bins=BinsConfig(count=10 if full else 5, held_out=0.5),
        training=TrainingConfig(epochs=5 if full else 2),
        seeds=(0, 1, 2) if full else (0,),
        out=out,
    )
