"""The memory table rests on parameter counts that are those of the published models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from easyhard.sft.config import TrainingConfig
from easyhard.sft.memory import PAPER_MODELS, ModelShape, memory_table, shape_of, training_memory

PUBLISHED = {  # as the headers of the published weights add up
    "Qwen2.5-1.5B-Instruct": 1_543_714_304,
    "Qwen2.5-3B-Instruct": 3_085_938_688,
    "Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen2.5-14B-Instruct": 14_770_033_664,
    "Llama-3.2-1B-Instruct": 1_235_814_400,
    "Llama-3.2-3B-Instruct": 3_212_749_824,
    "Llama-3.1-8B-Instruct": 8_030_261_248,
}
SMALL = ModelShape("small", 64, 3, 4, 2, 16, 176, 500, True, True)


def test_the_parameters_are_those_of_the_published_models() -> None:
    assert {shape.name: shape.parameters for shape in PAPER_MODELS} == PUBLISHED


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_parameters_are_those_that_transformers_makes(kind: str, tied: bool) -> None:
    network = made(kind, tied)
    shape = shape_of(json.loads(network.config.to_json_string(use_diff=False)))
    assert shape is not None
    assert shape.parameters == network.num_parameters()


def made(kind: str, tied: bool) -> Any:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    settings = {
        "vocab_size": 500, "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": tied,
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(kind, **settings)
    return transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers by an old name
def test_an_adapter_has_the_parameters_that_peft_gives_it() -> None:
    peft = pytest.importorskip("peft")
    network = peft.get_peft_model(made("qwen2", True), peft.LoraConfig(r=8, target_modules="all-linear"))
    assert SMALL.adapter_parameters(8) == network.get_nb_trainable_parameters()[0]


def test_activations_are_within_a_quarter_of_what_torch_keeps() -> None:
    torch = pytest.importorskip("torch")
    network = made("qwen2", True)
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}

    def note(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(500, (2, 128))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = network.model(input_ids=ids, use_cache=False).last_hidden_state
    assert hidden.requires_grad
    estimate = training_memory(SMALL, TrainingConfig(method="full", batch_size=2), 128).activations
    assert sum(kept.values()) == pytest.approx(estimate, rel=0.25)


def test_dividing_among_gpus_divides_what_is_counted() -> None:
    shape = PAPER_MODELS[2]
    alone, shared = (
        training_memory(shape, TrainingConfig(preset="paper", optimiser="adamw", processes=n), 512) for n in (1, 8)
    )
    counted = 16 * shape.parameters  # weights, gradients and two moments, of 4 bytes each
    assert alone.weights + alone.gradients + alone.optimiser == counted
    assert shared.weights + shared.gradients + shared.optimiser == pytest.approx(counted / 8)
    assert shared.activations == alone.activations


def test_another_kind_of_model_has_no_shape_here() -> None:
    assert shape_of({"model_type": "mamba"}) is None


def test_the_table_in_the_docs_is_what_is_computed() -> None:
    page = Path(__file__).parents[2] / "docs" / "memory.md"
    if not page.is_file():
        pytest.skip("the docs are not beside the tests")
    assert memory_table() in page.read_text(encoding="utf-8")
