"""Choices are scored as if each were computed on its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import easyhard.evaluation.choices
from easyhard.benchmarks import BenchmarkSpec, prompts
from easyhard.evaluation import choice_log_likelihoods, evaluate
from easyhard.evaluation.packed_choices import Question
from easyhard.llm import LanguageModel, answer_tokens, load_model, prompt_tokens
from easyhard.schema import InputError, Items
from easyhard.sft.examples import training_examples
from sums import sums
from tiny_model import save_tiny_model

SPEC = BenchmarkSpec("sums", "choices")
EXAMPLES = (("What is 1 + 1?", "2"), ("What is 2 + 2?", "four"))


@pytest.fixture(params=[False, True], ids=["packed", "padded"], autouse=True)
def way(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Both ways to score: the one for models like Llama, and the one for all others."""
    if request.param:
        monkeypatch.setattr(easyhard.evaluation.choices, "can_pack", lambda network: False)
    monkeypatch.setattr(easyhard.evaluation.choices, "TOKENS_PER_BATCH", 200)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "chat"])
def model(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> LanguageModel:
    return load_model(str(save_tiny_model(tmp_path_factory.mktemp("tiny"), chat=request.param)))


def alone(model: LanguageModel, prompt: list[int], choice: list[int]) -> float:
    """Log-likelihood of one choice from one plain forward pass, no cache, no padding."""
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([prompt + choice])).logits[0].double().log_softmax(-1)
    return float(sum(logits[len(prompt) - 1 + k, token] for k, token in enumerate(choice)))


@pytest.mark.parametrize("examples", [(), EXAMPLES], ids=["zero-shot", "two-shot"])
def test_cached_scores_equal_each_choice_computed_alone(
    model: LanguageModel, examples: tuple[tuple[str, str], ...]
) -> None:
    items = sums(30).table
    asked = [prompt_tokens(model, SPEC, prompt, examples) for prompt in prompts(Items(items), SPEC)]
    choices = [[answer_tokens(model, SPEC, c) for c in row] for row in items["choices"]]
    found = choice_log_likelihoods(model, asked, choices)
    wanted = [[alone(model, p, c) for c in row] for p, row in zip(asked, choices, strict=True)]
    np.testing.assert_allclose(np.array(found), np.array(wanted), atol=2e-5)


def test_choices_of_unequal_length_and_number_are_scored_alike(model: LanguageModel) -> None:
    asked = [prompt_tokens(model, SPEC, q) for q in ("Which?", "Which of these many is it?")]
    choices = [[answer_tokens(model, SPEC, c) for c in row] for row in (("a", "bcd"), ("efghij", "k", "lm"))]
    found = choice_log_likelihoods(model, asked, choices)
    assert [len(row) for row in found] == [2, 3]
    for prompt, row, scores in zip(asked, choices, found, strict=True):
        np.testing.assert_allclose(scores, [alone(model, prompt, c) for c in row], atol=2e-5)


def test_no_packed_row_has_more_scores_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [Question([1] * 5, [2], [[3], [4, 5], [6] * (2 + k % 3)]) for k in range(9)]
    for question in questions:
        assert question.n_scored == len({place for place, _, _ in question.told})
    monkeypatch.setattr(easyhard.evaluation.choices, "SCORES_PER_BATCH", 1_000)
    batches = easyhard.evaluation.choices._packed_batches(questions, vocabulary=100)
    assert sorted(i for batch in batches for i in batch) == list(range(9))
    assert all(sum(questions[i].n_scored for i in batch) <= 10 for batch in batches) and len(batches) > 3


def test_the_order_of_items_changes_no_answer(model: LanguageModel) -> None:
    items = sums(25)
    turned = Items(items.table.reverse())
    first = evaluate(model, items, SPEC, "x").answers.sort("item")
    second = evaluate(model, turned, SPEC, "x").answers.sort("item")
    assert first.equals(second)


def test_the_training_prompt_opens_the_sequence_scored_at_evaluation(model: LanguageModel) -> None:
    items = sums(12)
    for example, prompt, answer in zip(
        training_examples(model, items, SPEC), prompts(items, SPEC), items.table["answer"], strict=True
    ):
        assert example.prompt == prompt_tokens(model, SPEC, prompt)
        assert example.completion == [*answer_tokens(model, SPEC, answer), model.tokenizer.eos_token_id]


def test_generated_answers_do_not_depend_on_their_neighbours(model: LanguageModel) -> None:
    spec = BenchmarkSpec("sums", "last_number", max_new_tokens=6)
    items = sums(8)
    together = evaluate(model, items, spec, "x").answers["given"].to_list()
    apart = [evaluate(model, Items(items.table[k : k + 1]), spec, "x").answers["given"][0] for k in range(8)]
    assert together == apart


def test_a_prompt_longer_than_the_context_is_refused(model: LanguageModel) -> None:
    items = sums(1)
    long = items.table.with_columns(question=items.table["question"] + " please" * 200)
    with pytest.raises(InputError, match=r"context holds 512.*Drop long items"):
        evaluate(model, Items(long), SPEC, "x")


def test_a_model_folder_that_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere.*Give a folder"):
        load_model(str(Path("/nowhere/model")))
