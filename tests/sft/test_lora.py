"""An adapter learns the completions, only these, and the same way each time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from peft import PeftModel
from safetensors.torch import load_file

from easyhard.benchmarks import BenchmarkSpec
from easyhard.llm import LanguageModel, common_length, load_model
from easyhard.packing import can_pack, packed_attention
from easyhard.schema import InputError, Items, WorkError
from easyhard.sft import TrainingConfig, TrainingLog, load_adapter, n_steps, stack, subset, train_adapter
from easyhard.sft.examples import Example, training_examples
from easyhard.sft.lora import Training, padded_losses, train_adapters
from easyhard.sft.packed import packed_losses
from sums import sums
from tiny_model import save_tiny_model

SPEC = BenchmarkSpec("sums", "choices")
CONFIG = TrainingConfig(rank=4, epochs=4, batch_size=4, learning_rate=1e-2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def mean_loss(network: object, batch: list[Example]) -> float:
    return float(padded_losses(network, [batch])[0]) / sum(len(example.completion) for example in batch)


def reference_loss(model: LanguageModel, batch: list[Example]) -> float:
    """Mean negative log-likelihood of the completion tokens, one row at a time, no padding."""
    losses = []
    for example in batch:
        logits = model.network(input_ids=torch.tensor([example.prompt + example.completion])).logits[0].log_softmax(-1)
        start = len(example.prompt) - 1
        losses += [-logits[start + k, token].item() for k, token in enumerate(example.completion)]
    return float(sum(losses) / len(losses))


def test_the_loss_is_that_of_the_completions_whatever_the_padding(folder: str) -> None:
    model = load_model(folder)
    batch = training_examples(model, sums(13), SPEC)[::3]
    assert len({len(e.prompt) for e in batch}) > 1
    with torch.inference_mode():
        assert mean_loss(model.network, batch) == pytest.approx(reference_loss(model, batch), abs=1e-5)


def test_training_lowers_the_loss_and_logs_every_step(folder: str, tmp_path: Path) -> None:
    log = train_adapter(load_model(folder), sums(10), SPEC, CONFIG, 0, tmp_path)
    assert len(log.loss) == n_steps(10, CONFIG) == 12
    assert sum(log.loss[-3:]) < sum(log.loss[:3])
    lines = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == list(log.loss)


def test_the_same_seed_gives_the_same_adapter_and_another_does_not(folder: str, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_adapter(load_model(folder), sums(6), SPEC, CONFIG, seed, tmp_path / name)
    a, b, c = (load_file(tmp_path / name / "adapter_model.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_training_leaves_the_base_as_it_was(folder: str, tmp_path: Path) -> None:
    model = load_model(folder)
    before = {name: weight.clone() for name, weight in model.network.state_dict().items()}
    again = []
    for name in "ab":
        train_adapter(model, sums(6), SPEC, CONFIG, 0, tmp_path / name)
        again.append(load_file(tmp_path / name / "adapter_model.safetensors"))
    after = model.network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not model.network.training
    assert all(torch.equal(again[0][name], again[1][name]) for name in again[0])


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an attribute by its old name
def test_a_merged_adapter_answers_as_the_network_that_was_trained(folder: str, tmp_path: Path) -> None:
    untouched = load_model(folder)
    train_adapter(load_model(folder), sums(10), SPEC, CONFIG, 0, tmp_path)
    trained_network = PeftModel.from_pretrained(load_model(folder).network, str(tmp_path))
    batch = training_examples(untouched, sums(10), SPEC)
    with torch.inference_mode():
        before = reference_loss(untouched, batch)
        merged = reference_loss(load_adapter(load_model(folder), tmp_path), batch)
        trained = mean_loss(trained_network.eval(), batch)
    assert merged == pytest.approx(trained, abs=1e-5)
    assert merged < before - 0.01


def test_a_loss_that_is_no_number_stops_the_cell_and_keeps_the_log(folder: str, tmp_path: Path) -> None:
    broken = load_model(folder)
    with torch.no_grad():
        broken.network.model.norm.weight.fill_(float("nan"))
    with pytest.raises(WorkError, match=r"step 1 of 12.*learning_rate"):
        train_adapter(broken, sums(10), SPEC, CONFIG, 0, tmp_path)
    assert (tmp_path / "training.jsonl").exists()
    assert not (tmp_path / "adapter_model.safetensors").exists()


def test_an_example_longer_than_the_limit_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'sums/0' has 35 tokens.*limit of 8;.*max_length"):
        train_adapter(load_model(folder), sums(3), SPEC, TrainingConfig(max_length=8), 0, tmp_path)


def test_a_batch_in_parts_is_the_same_batch(folder: str, tmp_path: Path) -> None:
    whole = train_adapter(load_model(folder), sums(10), SPEC, CONFIG, 0, tmp_path / "whole")
    parts = CONFIG.model_copy(update={"per_device_batch_size": 2})
    in_parts = train_adapter(load_model(folder), sums(10), SPEC, parts, 0, tmp_path / "parts")
    assert in_parts.loss == pytest.approx(whole.loss, abs=1e-5)
    assert in_parts.gradient_norm == pytest.approx(whole.gradient_norm, abs=1e-5)


def test_saving_memory_changes_no_number(folder: str, tmp_path: Path) -> None:
    plain = train_adapter(load_model(folder), sums(10), SPEC, CONFIG, 0, tmp_path / "plain")
    sparing = CONFIG.model_copy(update={"gradient_checkpointing": True})
    spared = train_adapter(load_model(folder), sums(10), SPEC, sparing, 0, tmp_path / "sparing")
    assert spared.loss == pytest.approx(plain.loss, abs=1e-5)


def test_seeds_draw_different_subsets_of_the_same_size() -> None:
    items = sums(40)
    first, again, other = (subset(items, 10, seed).table["item"].to_list() for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == len(set(other)) == 10
    assert subset(items, 100, 0) is items
    assert isinstance(subset(items, 10, 0), Items)


@pytest.mark.parametrize("chat", [True, False])
def test_adapters_trained_together_are_those_trained_alone(folder: str, tmp_path: Path, chat: bool) -> None:
    spec = BenchmarkSpec("sums", "choices", system="You add numbers." if chat else None, chat=chat)
    parts = [sums(30).select(sums(30).table["item"].to_list()[k::3]) for k in range(3)]
    trainings = [
        Training(part, seed, tmp_path / f"together{seed}") for seed, part in zip((4, 5, 4), parts, strict=True)
    ]
    trainings[2] = replace(trainings[2], folder=tmp_path / "together6")
    together = train_adapters(load_model(folder), trainings, spec, CONFIG)
    for one, log in zip(trainings, together, strict=True):
        place = tmp_path / f"{one.folder.name}-alone"
        alone = train_adapter(load_model(folder), one.items, spec, CONFIG, one.seed, place)
        assert isinstance(log, TrainingLog)
        assert log.loss == pytest.approx(alone.loss, abs=1e-5)
        assert log.gradient_norm == pytest.approx(alone.gradient_norm, abs=1e-4)
        ours, theirs = (load_file(where / "adapter_model.safetensors") for where in (one.folder, place))
        assert ours.keys() == theirs.keys()
        assert all(torch.allclose(ours[name], theirs[name], atol=1e-4) for name in ours)
    assert together[0].loss != together[2].loss  # type: ignore[union-attr]


def test_packed_examples_have_the_loss_and_gradient_of_padded_ones(folder: str) -> None:
    model = load_model(folder)
    batch = training_examples(model, sums(12), SPEC)
    groups = [batch[:6], batch[6:]]
    shared = batch[0].prompt[: common_length([example.prompt for example in batch])]
    assert len(shared) >= 8 and len({len(example.prompt) for example in batch}) > 1
    assert can_pack(model.network)
    weight = model.network.model.layers[0].self_attn.k_proj.weight
    padded = padded_losses(model.network, groups)
    padded.sum().backward()
    gradient = weight.grad.clone()
    for begins in (shared, shared[:3], []):
        weight.grad = None
        with packed_attention(model.network):
            packed = packed_losses(model.network, groups, begins)
            packed.sum().backward()
        assert packed.tolist() == pytest.approx(padded.tolist(), abs=1e-4)
        assert torch.allclose(weight.grad, gradient, atol=1e-5)
    assert padded[0] != padded[1] and gradient.abs().max() > 1e-3
    assert padded_losses(model.network, groups).tolist() == pytest.approx(padded.tolist(), abs=1e-6)  # as before


def test_of_adapters_trained_together_one_that_diverges_ends_alone(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = stack._joined

    def broken(part: int, *rest: object) -> object:
        weight = drawn(part, *rest)  # type: ignore[arg-type]
        if part == 1:
            weight.data[1] = float("nan")
        return weight

    monkeypatch.setattr(stack, "_joined", broken)
    trainings = [Training(sums(10), seed, tmp_path / str(seed)) for seed in range(3)]
    found = train_adapters(load_model(folder), trainings, SPEC, CONFIG)
    assert isinstance(found[1], WorkError)
    assert "step 1 of 12" in str(found[1])
    assert not (tmp_path / "1" / "adapter_model.safetensors").exists()
    monkeypatch.undo()
    for k in (0, 2):
        alone = train_adapter(load_model(folder), sums(10), SPEC, CONFIG, k, tmp_path / f"alone{k}")
        assert found[k].loss == pytest.approx(alone.loss, abs=1e-5)  # type: ignore[union-attr]


def test_trainings_of_different_length_are_not_taken_together(folder: str, tmp_path: Path) -> None:
    trainings = [Training(sums(size), 0, tmp_path / str(size)) for size in (6, 10)]
    with pytest.raises(ValueError, match="equally many items"):
        train_adapters(load_model(folder), trainings, SPEC, CONFIG)
