"""The card of an adapter: what it was trained on, how, and what that did to every bin."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl
import yaml

from easyhard.report.text import interval, percent, plain, signed_points

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What is known of one training. ``settings`` and ``row`` are shown as tables.

    ``base`` is the model as the study names it: a name on the hub, or a path. ``row`` has the rows of the matrix's
    ``runs`` for this training; it is empty where it was not evaluated.
    """

    study: str
    base: str
    revision: str | None
    trained_on: str  # "bin 3", or a mixture's name
    seed: int
    n_items: int
    n_bins: int
    settings: dict[str, object]
    row: pl.DataFrame
    licence: str  # of the item text, empty if it is not known

    @property
    def base_name(self) -> str:
        """The base model as others know it: its name on the hub, or the last part of its path."""
        return self.base if is_hub_name(self.base) else self.base.rstrip("/").split("/")[-1]


def is_hub_name(name: str) -> bool:
    """Whether ``name`` has the form of a name on the hub; a path has a dot or a slash before."""
    return bool(_HUB_NAME.fullmatch(name)) and not name.startswith(".")


def adapter_card(facts: AdapterFacts) -> str:
    """The card as Markdown: what the hub reads (YAML), then what a person does."""
    head: dict[str, object] = {"library_name": "peft", "tags": ["lora", "easyhard", "easy-to-hard-generalization"]}
    if is_hub_name(facts.base):
        head = {"base_model": facts.base, **head}
    base = plain(facts.base_name)
    settings = "\n".join(f"| {plain(name)} | {plain(str(value))} |" for name, value in facts.settings.items())
    return f"""---
{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---

# {base}, fine-tuned on {plain(facts.trained_on)} of {plain(facts.study)}

A LoRA adapter for `{base}`{f" at revision `{plain(facts.revision)}`" if facts.revision else ""}, trained on
{facts.n_items:,} items of {plain(facts.trained_on)} with seed {facts.seed}. The items were cut by difficulty into
{facts.n_bins} equal-sized bins, bin 0 the easiest. Made by easyhard to measure how training on one difficulty
generalises to others, not for use as an assistant.

## What it did

{_row(facts.row)}

## Settings

| setting | value |
|---|---|
{settings}

## Use

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained({facts.base_name!r}{_revision(facts)})
model = PeftModel.from_pretrained(model, "this folder, or its name on the hub")
```

Load the base in float32 before merging: in bfloat16 the small changes of an adapter are rounded away.

## Licence

An adapter is a change to its base model: the base model's licence applies to it. {_text_licence(facts.licence)}
"""


def _row(row: pl.DataFrame) -> str:
    """The training's row of the matrix as a Markdown table."""
    done = row.filter(pl.col("status") == "done").sort("eval_bin")
    if done.is_empty():
        return "It has not been evaluated."
    lines = [
        f"| {one['eval_bin']} | {percent(one['zero_shot_accuracy'], 1)} | {percent(one['accuracy'], 1)} "
        f"| {signed_points(one['gain'], 1)} | {interval(one['low'], one['high'])} | {one['n']} |"
        for one in done.iter_rows(named=True)
    ]
    own = ""
    if done["trained_on_these_items"].any():
        own = "\n\nAt least one bin was evaluated on the very items trained on: there memory counts as gain."
    head = "| evaluated on bin | zero-shot | after training | gain, points | 95% interval | items |"
    said = (
        "\n\nGain: accuracy after training minus zero-shot accuracy on the same items; the interval is paired on them."
    )
    return "\n".join([head, "|---:|---:|---:|---:|---:|---:|", *lines]) + said + own


def _revision(facts: AdapterFacts) -> str:
    return f", revision={facts.revision!r}" if facts.revision else ""


def _text_licence(licence: str) -> str:
    if licence:
        return f"It was trained on text under: {plain(licence)}."
    return "The licence of the text that it was trained on is not known here."
