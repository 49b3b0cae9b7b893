"""TRL trains on exactly our tokens, and step by step as our own engine does."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from chat_models import save_chat_model
from safetensors.torch import load_file

from easyhard.benchmarks import BenchmarkSpec, completions, prompts
from easyhard.demo.model import PACKAGE, smollm2_gguf
from easyhard.llm import LanguageModel, load_model, messages
from easyhard.schema import InputError, Items, WorkError
from easyhard.sft import TrainingConfig, TrainingLog, load_trained, train
from easyhard.sft.examples import Example, training_examples
from easyhard.sft.trl_engine import NOT_LEARNED, laid_out, trainer_settings
from sums import sums
from tiny_model import save_tiny_model

CHAT, PLAIN = BenchmarkSpec("sums", "choices"), BenchmarkSpec("sums", "choices", chat=False)
SETTINGS: dict[str, Any] = {"rank": 4, "epochs": 3, "batch_size": 4, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module", params=["qwen", "llama", "smollm"])
def chat_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_chat_model(tmp_path_factory.mktemp(request.param), request.param)


def both(folder: str, tmp_path: Path, spec: BenchmarkSpec = PLAIN, **settings: Any) -> tuple[TrainingLog, TrainingLog]:
    """One training by our own engine and by TRL: the same initial adapter, items and settings."""
    ours, theirs = (
        train(
            load_model(folder),
            sums(10),
            spec,
            TrainingConfig(**SETTINGS | settings, engine=engine),
            5,
            tmp_path / engine,
        )
        for engine in ("easyhard", "trl")
    )
    return ours, theirs


def trl_s_own_rows(model: LanguageModel, items: Items, spec: BenchmarkSpec, folder: Path) -> list[dict[str, Any]]:
    """What TRL makes of prompt and completion columns by itself."""
    from datasets import Dataset  # type: ignore[import-untyped]
    from trl import SFTTrainer

    asked, told = prompts(items, spec), completions(items, spec)
    if spec.chat:
        rows: dict[str, list[Any]] = {
            "prompt": [messages(spec, prompt) for prompt in asked],
            "completion": [[{"role": "assistant", "content": text}] for text in told],
        }
    else:
        rows = {"prompt": asked, "completion": [f" {text}" for text in told]}
    settings = trainer_settings(TrainingConfig(engine="trl"), 0, folder)
    settings.dataset_kwargs = None
    trainer = SFTTrainer(
        model.network, settings, train_dataset=Dataset.from_dict(rows), processing_class=model.tokenizer
    )
    return list(trainer.train_dataset)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"per_device_batch_size": 2, "order": "given"},
        {"schedule": "linear", "warmup_ratio": 0.0},
        {"schedule": "constant", "max_grad_norm": 0.01},
        {"gradient_checkpointing": True, "alpha": 16.0, "weight_decay": 1.0},
    ],
)
def test_trl_takes_the_same_steps_as_our_own_engine(folder: str, tmp_path: Path, settings: dict[str, Any]) -> None:
    ours, theirs = both(folder, tmp_path, **settings)
    assert len(ours.loss) == len(theirs.loss) == 9  # 10 items in batches of 4, the last of each epoch of 2
    assert theirs.loss == pytest.approx(ours.loss, abs=1e-5)
    assert theirs.gradient_norm == pytest.approx(ours.gradient_norm, abs=1e-5)
    assert theirs.learning_rate == pytest.approx(ours.learning_rate, rel=1e-12)
    a, b = (load_file(tmp_path / engine / "adapter_model.safetensors") for engine in ("easyhard", "trl"))
    assert a.keys() == b.keys()
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)
    assert max(ours.loss[k] - theirs.loss[k + 1] for k in range(8)) > 1e-3  # no agreement of constants


def test_in_bfloat16_the_engines_agree_within_its_rounding(folder: str, tmp_path: Path) -> None:
    ours, theirs = both(folder, tmp_path, dtype="bfloat16")
    assert theirs.loss == pytest.approx(ours.loss, rel=1e-3)
    weights = load_file(tmp_path / "trl" / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


def test_the_log_has_the_same_form_from_both_engines(folder: str, tmp_path: Path) -> None:
    both(folder, tmp_path)
    ours, theirs = (
        [json.loads(line) for line in (tmp_path / engine / "training.jsonl").read_text().splitlines()]
        for engine in ("easyhard", "trl")
    )
    assert [list(row) for row in ours] == [list(row) for row in theirs]
    assert [row["step"] for row in theirs] == list(range(1, 10))


def test_only_the_completion_and_its_end_are_learned(chat_folder: str) -> None:
    model = load_model(chat_folder)
    config = TrainingConfig(**SETTINGS)
    rows = laid_out(training_examples(model, sums(10), CHAT), config, seed=0)
    assert len(rows["labels"]) == 3 * 12
    learned = [[t for t in labels if t != NOT_LEARNED] for labels in rows["labels"]]
    texts = [model.tokenizer.decode(tokens) for tokens in learned if tokens]
    told = [answer + model.tokenizer.eos_token for answer in sums(10).table["answer"]]
    assert sorted(texts) == sorted(3 * told)
    for ids, labels in zip(rows["input_ids"], rows["labels"], strict=True):
        masks = [label == NOT_LEARNED for label in labels]
        assert sum(a != b for a, b in pairwise(masks)) <= 1  # what is not learned comes first
        assert all(label in (token, NOT_LEARNED) for token, label in zip(ids, labels, strict=True))


def test_trl_s_own_tokens_of_a_chat_are_ours_and_what_the_template_puts_after_the_end(
    chat_folder: str, tmp_path: Path
) -> None:
    model = load_model(chat_folder)
    ours = training_examples(model, sums(6), CHAT)
    rows = trl_s_own_rows(load_model(chat_folder), sums(6), CHAT, tmp_path)
    after = [row["input_ids"][len(e.prompt) + len(e.completion) :] for row, e in zip(rows, ours, strict=True)]
    assert {model.tokenizer.decode(tokens) for tokens in after} == {
        "" if "<|eot_id|>" in str(model.tokenizer.eos_token) else "\n"
    }
    for row, example, rest in zip(rows, ours, after, strict=True):
        assert row["input_ids"] == example.prompt + example.completion + rest
        assert row["labels"] == [NOT_LEARNED] * len(example.prompt) + example.completion + rest
    if model.tokenizer.bos_token == "<|begin_of_text|>":
        assert all(row["input_ids"].count(model.tokenizer.bos_token_id) == 1 for row in rows)


def test_trl_s_own_tokens_of_plain_text_are_ours(chat_folder: str, tmp_path: Path) -> None:
    ours = training_examples(load_model(chat_folder), sums(6), PLAIN)
    rows = trl_s_own_rows(load_model(chat_folder), sums(6), PLAIN, tmp_path)
    assert [row["input_ids"] for row in rows] == [e.prompt + e.completion for e in ours]
    assert [row["labels"] for row in rows] == [[NOT_LEARNED] * len(e.prompt) + e.completion for e in ours]


def test_a_full_fine_tuning_changes_all_weights_and_loads_again(chat_folder: str, tmp_path: Path) -> None:
    config = TrainingConfig(**SETTINGS, method="full")
    assert config.chosen_engine == "trl"
    log = train(load_model(chat_folder), sums(10), CHAT, config, 0, tmp_path)
    assert sum(log.loss[-3:]) < sum(log.loss[:3])
    assert not list(tmp_path.glob("*.bin")) and not list(tmp_path.glob("adapter*"))
    before, after = load_file(f"{chat_folder}/model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[name], after[name]) for name in before)
    trained = load_trained(load_model(chat_folder), tmp_path)
    assert nll(trained, training_examples(trained, sums(10), CHAT)) < log.loss[0] - 0.5
    assert trained.network.generation_config.eos_token_id is not None


def nll(model: LanguageModel, examples: list[Example]) -> float:
    found: list[Any] = []
    with torch.inference_mode():
        for e in examples:
            logits = model.network(input_ids=torch.tensor([e.prompt + e.completion])).logits[0].log_softmax(-1)
            found += [-logits[len(e.prompt) - 1 + k, token] for k, token in enumerate(e.completion)]
    return float(torch.stack(found).mean())


def test_a_checkpoint_of_bfloat16_arithmetic_is_kept_in_bfloat16(folder: str, tmp_path: Path) -> None:
    train(load_model(folder), sums(4), PLAIN, TrainingConfig(**SETTINGS, method="full", dtype="bfloat16"), 0, tmp_path)
    assert {w.dtype for w in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    assert load_trained(load_model(folder), tmp_path).network.dtype == torch.float32


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_loss_that_is_no_number_stops_trl_too_and_keeps_the_log(folder: str, tmp_path: Path, method: Any) -> None:
    broken = load_model(folder)
    with torch.no_grad():
        broken.network.model.norm.weight.fill_(float("nan"))
    with pytest.raises(WorkError, match=r"step 1 of 9.*learning_rate"):
        train(broken, sums(10), PLAIN, TrainingConfig(**SETTINGS, method=method, engine="trl"), 0, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["training.jsonl"]


def test_a_loss_that_runs_away_keeps_the_steps_before(folder: str, tmp_path: Path) -> None:
    config = TrainingConfig(**SETTINGS | {"learning_rate": 1e30}, method="full", schedule="constant", warmup_ratio=0)
    with pytest.raises(WorkError, match=r"step \d of 9"):
        train(load_model(folder), sums(10), PLAIN, config, 0, tmp_path)
    assert (tmp_path / "training.jsonl").read_text().startswith('{"step": 1, "loss": 5')
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("settings", [{"liger": True}, {"optimiser": "adamw_8bit"}])
def test_what_needs_a_gpu_or_a_package_says_so(folder: str, tmp_path: Path, settings: dict[str, Any]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=r"not installed here|need a GPU"):
        train(load_model(folder), sums(4), PLAIN, TrainingConfig(**SETTINGS, **settings), 0, tmp_path)


@pytest.mark.llm
@pytest.mark.skipif(find_spec(PACKAGE.replace("-", "_")) is None, reason=f"{PACKAGE} is not installed")
def test_on_a_real_model_the_engines_take_the_same_steps(tmp_path: Path) -> None:
    ours, theirs = both(str(smollm2_gguf()), tmp_path, CHAT, learning_rate=3e-4, rank=16, epochs=1, batch_size=2)
    assert theirs.loss == pytest.approx(ours.loss, abs=2e-4)
    assert theirs.gradient_norm == pytest.approx(ours.gradient_norm, rel=1e-3)
    assert max(ours.loss) - min(ours.loss) > 0.1
