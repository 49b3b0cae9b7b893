"""What cannot be trained on, or cannot be saved, is named with its place and the next step."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import AutoTokenizer, PreTrainedModel

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel, load_model
from easyhard.schema import InputError, Items, WorkError
from easyhard.sft import TrainingConfig, load_trained, train
from easyhard.sft.examples import training_examples
from sums import sums
from tiny_model import save_tiny_model

SPEC = BenchmarkSpec("sums", "choices")
CONFIG = TrainingConfig(rank=4, epochs=1, batch_size=4)
FULL = TrainingConfig(method="full", epochs=1, batch_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def model(folder: str) -> LanguageModel:
    return load_model(folder)


def changed(column: str, value: str) -> Items:
    """Sums of which the second has another ``column``."""
    return Items(
        sums(4).table.with_columns(
            pl.when(pl.col("item") == "sums/1").then(pl.lit(value)).otherwise(column).alias(column)
        )
    )


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """No file grows beyond ``n_bytes``, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_completion_is_named(model: LanguageModel, value: str) -> None:
    with pytest.raises(InputError, match=r"'sums/1' has (no answer|an empty completion)"):
        training_examples(model, changed("answer", value), SPEC)


def test_an_item_longer_than_the_context_is_named(model: LanguageModel) -> None:
    with pytest.raises(InputError, match=r"'sums/1' has 6\d\d tokens.*limit of 512.*max_length"):
        training_examples(model, changed("question", 600 * "9"), SPEC, CONFIG)


def test_a_tokenizer_without_an_end_token_is_refused(folder: str, model: LanguageModel) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = None
    endless = LanguageModel("endless", "", model.network, tokenizer)
    with pytest.raises(InputError, match=r"'endless' has no end token.*tokenizer_config"):
        training_examples(endless, sums(2), SPEC)


@pytest.mark.parametrize("config", [CONFIG, FULL])
def test_a_tokenizer_that_cannot_chat_or_pads_with_the_end_is_noted(
    folder: str, tmp_path: Path, config: TrainingConfig
) -> None:
    notes = train(load_model(folder), sums(4), SPEC, config, 0, tmp_path).notes
    assert [note.split(",")[0] for note in notes] == [
        "The tokenizer has no chat template",
        "The pad token is the end token; the end of each completion is learned all the same.",
    ]


def test_a_tokenizer_that_chats_needs_no_note(tmp_path: Path) -> None:
    model = load_model(str(save_tiny_model(tmp_path / "model", chat=True)))
    model.tokenizer.pad_token = "!"
    assert train(model, sums(4), SPEC, CONFIG, 0, tmp_path / "out").notes == ()


def test_targets_that_the_model_lacks_are_named(folder: str, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"targets": ("query_key_value",)})
    with pytest.raises(InputError, match=r"query_key_value.*training\.targets"):
        train(load_model(folder), sums(4), SPEC, config, 0, tmp_path)


@pytest.mark.parametrize(("config", "weights"), [(CONFIG, "adapter_model"), (FULL, "model")])
def test_a_disk_that_fills_while_saving_leaves_nothing_half_saved(
    folder: str, tmp_path: Path, config: TrainingConfig, weights: str
) -> None:
    model = load_model(folder)
    with room_for(8_000), pytest.raises(WorkError, match=r"could not be saved in .*Free some space"):
        train(model, sums(4), SPEC, config, 0, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["training.jsonl"]
    train(load_model(folder), sums(4), SPEC, config, 0, tmp_path)
    assert (tmp_path / f"{weights}.safetensors").is_file()


def test_a_disk_that_fills_while_training_is_named(folder: str, tmp_path: Path) -> None:
    model = load_model(folder)
    with room_for(60), pytest.raises(WorkError, match=r"training\.jsonl could not be written: File too large"):
        train(model, sums(4), SPEC, CONFIG, 0, tmp_path)


def test_a_folder_that_is_no_folder_is_named(folder: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(WorkError, match=r"out.*could not be written"):
        train(load_model(folder), sums(4), SPEC, CONFIG, 0, tmp_path / "out")


def test_weights_that_are_no_safetensors_are_refused(model: LanguageModel, folder: str, tmp_path: Path) -> None:
    network: PreTrainedModel = model.network
    network.config.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="could not be loaded"):
        load_model(str(tmp_path))
    with pytest.raises(InputError, match="could not be loaded"):
        load_trained(load_model(folder), tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"no adapter_model\.safetensors"):
        load_trained(load_model(folder), tmp_path)


def test_a_folder_without_anything_trained_is_named(model: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither an adapter nor a checkpoint"):
        load_trained(model, tmp_path)


def test_a_gap_in_the_steps_is_an_error_of_the_work(folder: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("easyhard.sft.lora.batches", lambda *_: iter([[0, 1]]))
    with pytest.raises(WorkError, match="ended after 1 of 3 steps"):
        train(load_model(folder), sums(12), SPEC, CONFIG, 0, tmp_path)
