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
    model = ModelConfig(path=str(smollm2_gguf()), name="SmolLM2-135M-Instruct")
    write_parquet(demo_items().table, out / "items.parquet")
    return StudyConfig(
        name="demo, full" if full else "demo",
        responses=TableConfig(path=demo_responses()),
        items=ItemsConfig(path=out / "items.parquet"),
        models=(model,),
        # Plain text: half the tokens of the chat template, and no worse for this model on these items.
        questions=QuestionConfig(chat=False),
        # Much held out: the intervals need items more than the trainings do. Sizes and epochs fill the time:
        # under five minutes on two cores, under an hour and a half if full.
        bins=BinsConfig(count=10, held_out=0.4) if full else BinsConfig(count=5, held_out=0.3),
        training=TrainingConfig(epochs=2, max_items=60),
        seeds=(0, 1, 2) if full else (0,),
        out=out,
    )
