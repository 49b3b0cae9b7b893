"""Through lm-evaluation-harness, a model is asked the same tokens and every answer finds its own item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lm_eval")

import lm_eval.evaluator
from harness_cases import made, questions, tiny
from lm_eval.models.huggingface import HFLM

from easyhard.benchmarks import BenchmarkSpec, Scoring, candidates, prompts
from easyhard.evaluation import Evaluation, EvaluationConfig, evaluate
from easyhard.llm import LanguageModel, answer_tokens, prompt_tokens
from easyhard.responses import ingest_logs
from easyhard.responses.log import Asked
from easyhard.schema import InputError, Items, WorkError

HARNESS = EvaluationConfig(engine="lm_eval")
KINDS = ("plain", "chat", "llama plain", "llama")


@pytest.fixture(autouse=True)
def _no_description_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness asks the machine for its hardware and packages after every run, which takes seconds."""
    monkeypatch.setattr(lm_eval.evaluator, "add_env_info", lambda _: None)


@pytest.fixture(scope="module", params=KINDS)
def model(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> LanguageModel:
    return tiny(tmp_path_factory.mktemp("tiny"), request.param)


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return tiny(tmp_path_factory.mktemp("tiny"), "chat")


def run(model: LanguageModel, items: Items, spec: BenchmarkSpec, **more: Any) -> Evaluation:
    return evaluate(model, items, spec, "tiny", config=HARNESS, **more)


def scored_tokens(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Fills with the tokens that the harness scores, prompt and choice in one."""
    seen: list[list[int]] = []
    original = HFLM._loglikelihood_tokens

    def recorded(self: Any, requests: Any, *rest: Any, **named: Any) -> Any:
        seen.extend([*context, *continuation] for _, context, continuation in requests)
        return original(self, requests, *rest, **named)

    monkeypatch.setattr(HFLM, "_loglikelihood_tokens", recorded)
    return seen


def generated_from(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Fills with the tokens that the harness generates from, padding aside."""
    seen: list[list[int]] = []
    original = HFLM._model_generate

    def recorded(self: Any, context: Any, *rest: Any, **named: Any) -> Any:
        rows = zip(context, named["attention_mask"], strict=True)
        seen.extend(row[mask.bool()].tolist() for row, mask in rows)
        return original(self, context, *rest, **named)

    monkeypatch.setattr(HFLM, "_model_generate", recorded)
    return seen


@pytest.mark.parametrize("prompt", ["Question: {question}\nAnswer:", "Q: {question}\n{choices}\nA:\n"])
@pytest.mark.parametrize("system", [None, "Be brief {{ so }}.", ""])
def test_the_harness_scores_our_prompt_and_answer_tokens(
    model: LanguageModel, prompt: str, system: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BenchmarkSpec("sums", "choices", prompt=prompt, system=system)
    items, seen = questions(), scored_tokens(monkeypatch)
    run(model, items, spec)
    ours = [
        [*prompt_tokens(model, spec, asked), *answer_tokens(model, spec, option)]
        for asked, row in zip(prompts(items, spec), candidates(items, spec), strict=True)
        for option in row
    ]
    assert seen == ours


def test_the_harness_generates_from_our_prompt_tokens(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = BenchmarkSpec("sums", "exact", max_new_tokens=3)
    items, seen = questions(), generated_from(monkeypatch)
    run(model, items, spec)
    assert sorted(seen) == sorted(prompt_tokens(model, spec, asked) for asked in prompts(items, spec))


@pytest.mark.parametrize("scoring", ["choices", "exact"])
def test_examples_stand_before_the_item(
    model: LanguageModel, scoring: Scoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BenchmarkSpec("sums", scoring, max_new_tokens=3)
    items = questions(3)
    before = [[(f"Question: {k}?\nAnswer:", str(k))] for k in range(3)]
    seen = scored_tokens(monkeypatch) if scoring == "choices" else generated_from(monkeypatch)
    run(model, items, spec, examples=before)
    asked = [
        prompt_tokens(model, spec, prompt, pairs) for prompt, pairs in zip(prompts(items, spec), before, strict=True)
    ]
    for tokens in asked:
        assert any(tokens == one[: len(tokens)] for one in seen)


def test_both_engines_choose_and_say_the_same(model: LanguageModel) -> None:
    for spec in (BenchmarkSpec("sums", "choices"), BenchmarkSpec("sums", "exact", max_new_tokens=5)):
        own = evaluate(model, questions(12), spec, "tiny")
        assert run(model, questions(12), spec).answers.equals(own.answers)


def test_the_order_of_items_changes_no_answer(chat_model: LanguageModel) -> None:
    items, spec = questions(9), BenchmarkSpec("sums", "choices")
    turned = run(chat_model, Items(items.table.reverse()), spec)
    assert turned.answers.sort("item").equals(run(chat_model, items, spec).answers.sort("item"))
    assert turned.responses.items == tuple(items.table["item"].reverse())


def asked_rows() -> list[dict[str, Any]]:
    return questions(12).table.to_dicts()


OPTIONS = "Which?\nOptions:\n(A) a dog\n(B) a cat"
INSTRUCTIONS = json.dumps(
    [
        {"id": "punctuation:no_comma", "kwargs": {}},
        {"id": "length_constraints:number_words", "kwargs": {"relation": "at least", "num_words": 3}},
    ]
)
SAID: list[tuple[Scoring, dict[str, Any], str, bool]] = [
    ("last_number", {"answer": "1234"}, "First 12, so the answer is 1,234.", True),
    ("last_number", {"answer": "12"}, "12 and then 13", False),
    ("last_number", {"answer": "3"}, "no number", False),
    ("exact", {"answer": " Paris "}, "\n paris \nIt is", True),
    ("exact", {"answer": "Paris"}, "Paris.", False),
    ("first_letter", {"answer": "dog", "choices": ["cat", "dog"]}, "The answer is (B).", True),
    ("first_letter", {"answer": "dog", "choices": ["cat", "dog"]}, "I think A, not B", False),
    ("typed", {"answer": "True"}, "It is True.", True),
    ("typed", {"answer": "(B)", "question": OPTIONS}, "So (B) is right", True),
    ("typed", {"answer": "(B)", "question": OPTIONS}, "It is a cat", True),
    ("typed", {"answer": "(B)", "question": OPTIONS}, "(A)", False),
    ("typed", {"answer": "yes"}, "Yes, it does", True),
    ("typed", {"answer": "No"}, "yes", False),
    ("typed", {"answer": "-7"}, "That makes -7", True),
    ("typed", {"answer": "12"}, "There are twelve.", True),
    ("typed", {"answer": "invalid"}, "The argument is valid", False),
    ("math", {"answer": r"\frac{1}{2}"}, r"Thus we have $\boxed{0.5}$.", True),
    ("math", {"answer": "(3, 4)"}, r"$(3,4)$", True),
    ("math", {"answer": "2"}, "It is 3", False),
    ("instructions", {"answer": INSTRUCTIONS}, "one two three", True),
    ("instructions", {"answer": INSTRUCTIONS}, "one, two three", False),
    ("instructions", {"answer": INSTRUCTIONS}, "one two", False),
]


@pytest.mark.parametrize("scoring", sorted({said[0] for said in SAID}))
def test_texts_are_graded_by_the_harness(
    chat_model: LanguageModel, scoring: Scoring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cases = [said for said in SAID if said[0] == scoring]
    items = made(
        [
            {"item": f"case/{k}", **case[1], "question": f"[{k}] {case[1].get('question')}"}
            for k, case in enumerate(cases)
        ]
    )
    texts = {asked: case[2] for asked, case in zip(prompts(items, BenchmarkSpec("x", scoring)), cases, strict=True)}

    def say(_: Any, requests: list[Any]) -> list[str]:
        return [next(text for asked, text in texts.items() if asked in request.args[0]) for request in requests]

    monkeypatch.setattr(HFLM, "generate_until", say)
    found = run(chat_model, items, BenchmarkSpec("x", scoring), folder=tmp_path)
    assert dict(zip(found.answers["item"], found.answers["correct"], strict=True)) == {
        f"case/{k}": int(case[3]) for k, case in enumerate(cases)
    }


@pytest.mark.parametrize("scoring", ["choices", "exact", "instructions", "typed"])
def test_the_sample_log_is_read_back_as_the_same_responses(
    chat_model: LanguageModel, scoring: Scoring, tmp_path: Path
) -> None:
    said = [case[1] for case in SAID if case[0] == scoring] or [{} for _ in range(12)]
    rows = [{**row, **case, "item": f"one/{k}"} for k, (row, case) in enumerate(zip(asked_rows(), said, strict=False))]
    name = "ifeval" if scoring == "instructions" else "sums"
    found = run(chat_model, made(rows), BenchmarkSpec(name, scoring, max_new_tokens=4), folder=tmp_path)
    read, _ = ingest_logs([tmp_path], Asked(strict=True))
    assert read.respondents == ("tiny",)
    assert read.select(found.responses.items).correct.tolist() == found.responses.correct.tolist()


def test_progress_counts_every_request(chat_model: LanguageModel) -> None:
    seen: list[tuple[int, int]] = []
    run(chat_model, questions(4), BenchmarkSpec("sums", "choices"), progress=lambda *at: seen.append(at))
    assert seen == [(k + 1, 12) for k in range(12)]


def test_the_global_random_streams_stay_as_they_are(chat_model: LanguageModel) -> None:
    import random

    import numpy as np
    import torch

    def streams() -> list[str]:
        return [str(random.getstate()), str(np.random.get_state()), str(torch.get_rng_state().tolist())]  # noqa: NPY002

    before = streams()
    run(chat_model, questions(2), BenchmarkSpec("sums", "choices"))
    assert streams() == before


def test_an_item_that_does_not_fit_is_named_before_anything_runs(chat_model: LanguageModel, tmp_path: Path) -> None:
    long = made([{"item": "short", "question": "?", "answer": "1"}, {"item": "long", "question": "x" * 100_000,
                  "answer": "1"}])  # fmt: skip
    with pytest.raises(InputError, match=r"'long' has a prompt of 1\d{5} tokens and needs 8 more .* holds 512"):
        run(chat_model, long, BenchmarkSpec("x", "exact", max_new_tokens=8), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_fits_the_prompt_but_not_its_answer_is_named(chat_model: LanguageModel) -> None:
    spec = BenchmarkSpec("x", "exact", max_new_tokens=500)
    with pytest.raises(InputError, match=r"'sums/0' has a prompt of .* needs 500 more"):
        run(chat_model, questions(1), spec)


def test_a_nul_in_a_text_does_no_harm(chat_model: LanguageModel, tmp_path: Path) -> None:
    items = made([{"item": "a", "question": "x\0y {{ z }} {% if %}", "answer": "1\0", "choices": ["1\0", "{2}"]}])
    for scoring in ("choices", "exact"):
        found = run(chat_model, items, BenchmarkSpec("x", scoring, max_new_tokens=2), folder=tmp_path / scoring)
        assert found.responses.items == ("a",)


@pytest.mark.parametrize(
    ("scoring", "row", "finding"),
    [
        ("choices", {"answer": "3", "choices": ["1", "2"]}, r"'one' has no choice from A to Z that is its answer"),
        ("choices", {"answer": "1", "choices": None}, "'one' has no choice"),
        ("choices", {"answer": "1", "choices": ["1", ""]}, "'one' has an empty choice"),
        ("typed", {"answer": "maybe"}, "'one' has the answer 'maybe', which is none of the kinds"),
        ("instructions", {"answer": '[{"id": "punctuation:no_coma"}]'}, r"'one' has .* Did you mean '.*no_comma'"),
        ("instructions", {"answer": "be brief"}, "'one' has the answer 'be brief', which is no list of instructions"),
        ("instructions", {"answer": "[]"}, "'one' has the answer .*, which is no list of instructions"),
    ],
)
def test_an_item_that_cannot_be_scored_is_named(
    chat_model: LanguageModel, scoring: Scoring, row: dict[str, Any], finding: str
) -> None:
    with pytest.raises(InputError, match=finding):
        run(chat_model, made([{"item": "one", "question": "?", **row}]), BenchmarkSpec("x", scoring))


def test_instructions_that_count_sentences_need_what_counts_them(
    chat_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: str) -> None:
        raise LookupError

    monkeypatch.setattr("nltk.data.find", absent)
    monkeypatch.setattr("nltk.download", lambda *_: pytest.fail("nothing is to be downloaded"))
    answer = json.dumps([{"id": "length_constraints:number_sentences", "kwargs": {"num_sentences": 3}}])
    with pytest.raises(InputError, match=r"'one' has .* python -m nltk\.downloader punkt_tab"):
        run(chat_model, made([{"item": "one", "question": "?", "answer": answer}]), BenchmarkSpec("x", "instructions"))


def test_a_failure_inside_the_harness_is_one_sentence_and_leaves_nothing(
    chat_model: LanguageModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("CUDA out of memory\nand much more")

    monkeypatch.setattr(HFLM, "loglikelihood", broken)
    with pytest.raises(WorkError, match=r"the memory is full: CUDA out of memory\. Lower batch_size\.$"):
        run(chat_model, questions(1), BenchmarkSpec("x", "choices"), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_log_that_the_harness_could_not_write_is_no_success(chat_model: LanguageModel, tmp_path: Path) -> None:
    blocked = tmp_path / "a file, no folder"
    blocked.write_text("")
    with pytest.raises(WorkError, match="sample log of easyhard_x could not be written whole"):
        run(chat_model, questions(1), BenchmarkSpec("x", "choices"), folder=blocked)
