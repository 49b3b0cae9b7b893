"""Training and evaluation see the same prompt, and it is what the chat template itself makes of the conversation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from raw_rows import ROWS
from small_tokenizers import FAMILIES, QWEN_SYSTEM, small_tokenizer

from easyhard.benchmarks import BenchmarkSpec, candidates, completions, prompts
from easyhard.benchmarks.catalogue import BENCHMARKS
from easyhard.benchmarks.loading import load_items
from easyhard.llm import LanguageModel, answer_tokens, messages, prompt_tokens
from easyhard.schema import Items

pytest.importorskip("transformers", reason="the extra [llm] is not installed")

TAUGHT = [name for name in BENCHMARKS if name != "ifeval"]  # whose source has no answers to teach


def items_of(folder: Path, name: str) -> Items:
    file = folder / f"{name}.jsonl"
    file.write_text(json.dumps(ROWS[name]), encoding="utf-8")
    return load_items(BENCHMARKS[name], file)


def model_of(family: str, items: Items, spec: BenchmarkSpec) -> LanguageModel:
    corpus = [*prompts(items, spec), *completions(items, spec), FAMILIES[family][2]]
    network: Any = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=4096))
    return LanguageModel(family, family, network, small_tokenizer(family, corpus))


def conversation(model: LanguageModel, spec: BenchmarkSpec, prompt: str, answer: str) -> list[int]:
    """Tokens of the whole conversation as the template alone writes it."""
    turns = [*messages(spec, prompt), {"role": "assistant", "content": answer}]
    text = model.tokenizer.apply_chat_template(turns, tokenize=False)
    return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("name", TAUGHT)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_training_sees_is_what_evaluation_scores_and_what_the_template_writes(
    family: str, name: str, tmp_path: Path
) -> None:
    from easyhard.sft.examples import training_examples

    spec, items = BENCHMARKS[name].spec, items_of(tmp_path, name)
    model = model_of(family, items, spec)
    [prompt], [completion] = prompts(items, spec), completions(items, spec)
    [example] = training_examples(model, items, spec)
    assert example.prompt == prompt_tokens(model, spec, prompt)
    assert example.completion == [*answer_tokens(model, spec, completion), model.tokenizer.eos_token_id]
    sequence = [*example.prompt, *example.completion]
    assert conversation(model, spec, prompt, completion)[: len(sequence)] == sequence


@pytest.mark.parametrize("name", [name for name in TAUGHT if BENCHMARKS[name].spec.scoring == "choices"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_choice_is_scored_after_the_prompt_of_training(family: str, name: str, tmp_path: Path) -> None:
    from easyhard.sft.examples import training_examples

    spec, items = BENCHMARKS[name].spec, items_of(tmp_path, name)
    model = model_of(family, items, spec)
    [prompt], [choices] = prompts(items, spec), candidates(items, spec)
    [example] = training_examples(model, items, spec)
    scored = [[*prompt_tokens(model, spec, prompt), *answer_tokens(model, spec, choice)] for choice in choices]
    assert all(tokens[: len(example.prompt)] == example.prompt for tokens in scored)
    assert [*example.prompt, *example.completion[:-1]] in scored
    for choice, tokens in zip(choices, scored, strict=True):
        assert conversation(model, spec, prompt, choice)[: len(tokens)] == tokens


def test_the_begin_token_comes_once_although_template_and_tokenizer_both_write_it(tmp_path: Path) -> None:
    spec, items = BENCHMARKS["gsm8k"].spec, items_of(tmp_path, "gsm8k")
    model = model_of("llama-3", items, spec)
    tokenizer, [prompt] = model.tokenizer, prompts(items, spec)
    text = tokenizer.apply_chat_template(messages(spec, prompt), tokenize=False, add_generation_prompt=True)
    assert text.count("<|begin_of_text|>") == 1
    assert tokenizer(text)["input_ids"].count(tokenizer.bos_token_id) == 2  # what would happen otherwise
    assert prompt_tokens(model, spec, prompt).count(tokenizer.bos_token_id) == 1
    assert tokenizer.bos_token_id not in answer_tokens(model, spec, "14")
    plain = replace(spec, chat=False)
    assert prompt_tokens(model, plain, prompt).count(tokenizer.bos_token_id) == 1


def test_the_default_system_prompt_is_the_templates_unless_one_is_given(tmp_path: Path) -> None:
    spec, items = BENCHMARKS["bbh"].spec, items_of(tmp_path, "bbh")
    model = model_of("qwen2.5", items, spec)
    [prompt] = prompts(items, spec)
    written = model.tokenizer.decode(prompt_tokens(model, spec, prompt))
    assert (
        written
        == f"<|im_start|>system\n{QWEN_SYSTEM}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    )
    empty = model.tokenizer.decode(prompt_tokens(model, replace(spec, system=""), prompt))
    assert empty.startswith("<|im_start|>system\n<|im_end|>\n<|im_start|>user\n")


@pytest.mark.parametrize("name", TAUGHT)
def test_without_a_template_prompt_and_answer_are_one_plain_text(name: str, tmp_path: Path) -> None:
    spec, items = replace(BENCHMARKS[name].spec, chat=False), items_of(tmp_path, name)
    model = model_of("qwen2.5", items, spec)
    [prompt], [completion] = prompts(items, spec), completions(items, spec)
    between = "" if prompt.endswith("\n") else " "
    whole = model.tokenizer(f"{prompt}{between}{completion}")["input_ids"]
    assert [*prompt_tokens(model, spec, prompt), *answer_tokens(model, spec, completion)] == whole
