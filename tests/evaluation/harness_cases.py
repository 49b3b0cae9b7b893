"""What the tests of the harness share: small items, a tokenizer that begins with a token of its own, a quick run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.llm import LanguageModel, load_model
from easyhard.schema import Items
from tiny_model import save_tiny_model

SCHEMA: dict[str, Any] = {
    "item": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "choices": pl.List(pl.String),
    "solution": pl.String,
}


def made(rows: Sequence[Mapping[str, Any]]) -> Items:
    """Items of rows that name what they have."""
    return Items(pl.DataFrame([{**dict.fromkeys(SCHEMA), **row} for row in rows], schema=SCHEMA))


def questions(count: int = 5) -> Items:
    """Sums with choices of unequal length."""
    return made(
        [
            {
                "item": f"sums/{k}",
                "question": f"How much is {k} and 1?",
                "answer": str(k + 1),
                "choices": [str(k + 1), str(k + 20), "none of these"],
            }
            for k in range(count)
        ]
    )


def tiny(folder: Path, kind: str) -> LanguageModel:
    """A random model: ``plain``, with a ``chat`` template, or both of these with a begin token as ``llama`` has."""
    model = load_model(str(save_tiny_model(folder, chat=kind in ("chat", "llama"))))
    return _with_begin_token(model) if kind.startswith("llama") else model


def _with_begin_token(model: LanguageModel) -> LanguageModel:
    """As Llama 3: the tokenizer begins every text with a token, and the chat template writes the same one."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = model.tokenizer
    tokenizer.add_special_tokens({"bos_token": "<begin>"})
    begin = tokenizer.convert_tokens_to_ids("<begin>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<begin> $A", special_tokens=[("<begin>", begin)]
    )
    if tokenizer.chat_template:
        tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    model.network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return model
