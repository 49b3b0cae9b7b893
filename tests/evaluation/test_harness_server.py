"""A model behind a server answers as it does at hand; what goes wrong there is one sentence and leaves nothing."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("lm_eval")
pytest.importorskip("tenacity", reason="lm-eval[api] is not installed, which asks servers")

import lm_eval.evaluator
from harness_cases import questions, tiny
from pydantic import ValidationError
from stand_in_server import KEY, StandIn, serving

from easyhard.benchmarks import BenchmarkSpec
from easyhard.evaluation import Evaluation, EvaluationConfig, evaluate
from easyhard.llm import LanguageModel
from easyhard.schema import InputError, WorkError

CHOICES = BenchmarkSpec("sums", "choices")
TEXT = BenchmarkSpec("sums", "exact", max_new_tokens=4)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_eval.evaluator, "add_env_info", lambda _: None)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module", params=["plain", "chat", "llama"])
def model(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> LanguageModel:
    return tiny(tmp_path_factory.mktemp("tiny"), request.param)


@pytest.fixture(scope="module")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return tiny(tmp_path_factory.mktemp("tiny"), "chat")


def ask(model: LanguageModel, url: str, spec: BenchmarkSpec = CHOICES, **more: Any) -> Evaluation:
    settings = {"served_model": "tiny", "attempts": 1, "batch_size": 1, **more.pop("settings", {})}
    config = EvaluationConfig(backend="openai", base_url=url, **settings)
    return evaluate(model, questions(3), spec, "served", config=config, **more)


@pytest.mark.parametrize("spec", [CHOICES, TEXT], ids=["choices", "text"])
@pytest.mark.parametrize("settings", [{}, {"batch_size": 4}, {"concurrent_requests": 2}], ids=str)
def test_a_served_model_answers_as_the_one_at_hand(
    model: LanguageModel, spec: BenchmarkSpec, settings: dict[str, int]
) -> None:
    here = evaluate(model, questions(3), spec, "served", config=EvaluationConfig(engine="lm_eval"))
    with serving(StandIn(model)) as url:
        assert ask(model, url, spec, settings=settings).answers.equals(here.answers)


def test_a_chat_server_needs_no_tokenizer_here(chat_model: LanguageModel) -> None:
    served = LanguageModel("tiny", "served", None, None)
    with serving(StandIn(chat_model)) as url:
        found = ask(served, url, TEXT)
        assert found.answers.equals(ask(chat_model, url, TEXT).answers)
        with pytest.raises(InputError, match="'choices' sends tokens to the server, but 'tiny' has no tokenizer here"):
            ask(served, url, CHOICES)


@pytest.mark.parametrize(
    ("stand_in", "kind", "finding"),
    [
        ({"status": 500, "fail_after": 0}, WorkError, r"answered 500: .* give the same call again; nothing was saved"),
        ({"status": 500, "fail_after": 4}, WorkError, "answered 500"),
        ({"status": 0, "fail_after": 4}, WorkError, "cannot be reached, or stopped"),
        ({"status": 400, "fail_after": 0}, InputError, "answered 400: .* the prompt is too long"),
        ({"reply": {"nothing": 1}}, WorkError, "sent a reply that cannot be read"),
        ({"reply": b"<html>"}, WorkError, "sent a reply that cannot be read"),
    ],
    ids=["500", "500 in the middle", "stops in the middle", "400", "other JSON", "no JSON"],
)
def test_what_a_server_does_wrong_is_one_sentence_and_leaves_nothing(
    chat_model: LanguageModel, stand_in: dict[str, Any], kind: type[Exception], finding: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    with serving(StandIn(chat_model, **stand_in)) as url, pytest.raises(kind, match=finding) as error:
        ask(chat_model, url, folder=tmp_path)
    assert f"the server at {url}" in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_refusal_among_requests_at_once_is_told_too(chat_model: LanguageModel) -> None:
    with serving(StandIn(chat_model, fail_after=0)) as url, pytest.raises(WorkError, match="answered 500"):
        ask(chat_model, url, settings={"concurrent_requests": 2})


def test_a_reply_without_a_text_is_an_error_and_no_wrong_answer(chat_model: LanguageModel, tmp_path: Path) -> None:
    finding = r"3 replies of the server at .* hold no answer, and would count as wrong"
    server = serving(StandIn(chat_model, reply={"choices": [{"index": 0}]}))
    with server as url, pytest.raises(WorkError, match=finding):
        ask(chat_model, url, TEXT, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wrong_key_and_a_wrong_name_are_errors_of_the_call(
    chat_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(StandIn(chat_model)) as url:
        with pytest.raises(InputError, match=r"answered 404: .*The model huge does not exist.*served_model"):
            ask(chat_model, url, settings={"served_model": "huge"})
        monkeypatch.setenv("OPENAI_API_KEY", "wrong")
        with pytest.raises(InputError, match=r"answered 401: .*Set OPENAI_API_KEY"):
            ask(chat_model, url)


def test_a_server_that_is_not_there_is_named(chat_model: LanguageModel) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(WorkError, match=rf"the server at http://127.0.0.1:{port}/v1 cannot be reached.*Start it"):
        ask(chat_model, f"http://127.0.0.1:{port}/v1")
    with pytest.raises(InputError, match="base_url 'localhost/v1' is no address"):
        ask(chat_model, "localhost/v1")


def test_a_server_cannot_be_given_an_adapter_or_examples(chat_model: LanguageModel, tmp_path: Path) -> None:
    with serving(StandIn(chat_model)) as url:
        with pytest.raises(InputError, match="a server runs the model that it has"):
            ask(chat_model, url, adapter=tmp_path)
        with pytest.raises(InputError, match="a chat server makes its own prompt"):
            ask(chat_model, url, TEXT, examples=[[("a", "b")]] * 3)


def test_vllm_is_asked_for_by_name(chat_model: LanguageModel) -> None:
    with pytest.raises(InputError, match=r"vllm is not installed.*pip install vllm"):
        evaluate(chat_model, questions(1), CHOICES, "x", config=EvaluationConfig(backend="vllm"))


@pytest.mark.parametrize(
    ("settings", "finding"),
    [
        ({"backend": "openai"}, "needs a base_url"),
        ({"base_url": "http://localhost/v1"}, "no other has one"),
        ({"engine": "easyhard", "backend": "vllm"}, "leave the backend vllm to lm_eval"),
        ({"batch_size": 0}, "1 or more, or auto"),
        ({"batchsize": 1}, "Extra inputs"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValidationError, match=finding):
        EvaluationConfig(**settings)


def test_our_own_engine_is_taken_where_it_can_score_the_model_at_hand() -> None:
    assert EvaluationConfig().engine_for("choices") == "easyhard"
    assert EvaluationConfig().engine_for("math") == "lm_eval"
    assert EvaluationConfig(backend="vllm").engine_for("choices") == "lm_eval"
    assert EvaluationConfig(engine="lm_eval").engine_for("exact") == "lm_eval"
