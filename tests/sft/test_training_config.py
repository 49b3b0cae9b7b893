"""A preset is a table of values: single settings override it, and study files written before it stay valid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
from pydantic import ValidationError

from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.sft.pace import batches, rate_factor
from easyhard.sft.presets import PAPER, PRESETS, SMALL


def test_the_defaults_are_the_small_preset() -> None:
    config = TrainingConfig()
    assert {name: getattr(config, name) for name in SMALL} == SMALL
    assert config == TrainingConfig(preset="small")
    assert config.chosen_engine == "easyhard"


def test_the_paper_preset_is_the_released_recipe() -> None:
    config = TrainingConfig(preset="paper")
    assert {name: getattr(config, name) for name in PAPER} == PAPER
    assert (config.method, config.learning_rate, config.adam_betas) == ("full", 5e-6, (0.9, 0.99))
    assert (config.weight_decay, config.max_grad_norm, config.warmup_ratio) == (0.1, 0.1, 0.1)
    assert (config.epochs, config.batch_size, config.max_length) == (5, 16, 4096)
    assert (config.rank, config.alpha, config.dropout, len(config.targets)) == (64, 64, 0, 7)
    assert config.chosen_engine == "trl"


def test_a_setting_overrides_its_preset_and_the_others_stand() -> None:
    config = TrainingConfig(preset="paper", method="lora", learning_rate=1e-4, optimiser="adamw")
    assert (config.rank, config.learning_rate, config.epochs) == (64, 1e-4, 5)
    assert config.chosen_engine == "easyhard"


@pytest.mark.parametrize("preset", list(PRESETS))
def test_what_is_dumped_reads_back_the_same(preset: Any) -> None:
    config = TrainingConfig(preset=preset, epochs=2)
    assert TrainingConfig.model_validate(config.model_dump(mode="json")) == config


def test_a_study_file_of_before_stays_valid() -> None:
    old = {
        "method": "lora", "rank": 8, "alpha": 16, "learning_rate": 1e-3, "epochs": 1, "batch_size": 4, "max_items": 20,
        "warmup_ratio": 0.2, "weight_decay": 0.0, "adam_betas": [0.9, 0.95], "max_grad_norm": 2.0, "max_length": 512,
    }  # fmt: skip
    dumped = TrainingConfig.model_validate(old).model_dump(mode="json")
    assert {name: dumped[name] for name in old} == old


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "papers"}, "'small' or 'paper'"),
        ({"preset": ["paper"]}, "'small' or 'paper'"),
        ({"engine": "easyhard", "method": "full"}, "does not do method: full; choose engine: auto"),
        ({"engine": "easyhard", "processes": 2}, "does not do processes above 1"),
        ({"batch_size": 8, "per_device_batch_size": 3}, "make batch_size a multiple of 3"),
        ({"batch_size": 9, "processes": 2}, "make batch_size a multiple of 2"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"lr": 1}, "not permitted"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingConfig.model_validate(settings)


@pytest.mark.parametrize(("processes", "per_device"), [(1, None), (1, 2), (2, 2), (8, None), (4, 1)])
def test_the_batch_is_the_same_however_it_is_shared(processes: int, per_device: int | None) -> None:
    config = TrainingConfig(batch_size=16, processes=processes, per_device_batch_size=per_device)
    assert config.at_once * config.gradient_accumulation * config.processes == 16
    assert n_steps(40, config) == 3 * 3


def test_every_epoch_passes_each_example_once_in_an_order_of_its_own() -> None:
    config = TrainingConfig(epochs=3, batch_size=4)
    found = list(batches(10, config, seed=7))
    assert [len(batch) for batch in found] == 3 * [4, 4, 2]
    epochs = [list(chain.from_iterable(found[k : k + 3])) for k in (0, 3, 6)]
    assert all(sorted(order) == list(range(10)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert found == list(batches(10, config, seed=7)) != list(batches(10, config, seed=8))


def test_a_curriculum_is_passed_as_it_stands_in_every_epoch() -> None:
    found = list(batches(6, TrainingConfig(epochs=2, batch_size=4, order="given"), seed=7))
    assert found == 2 * [[0, 1, 2, 3], [4, 5]]


def factors(config: TrainingConfig, total: int = 40) -> Sequence[float]:
    return [rate_factor(step, total, config) for step in range(total)]


def test_the_rate_warms_up_from_zero_and_ends_near_it() -> None:
    found = factors(TrainingConfig())
    assert found[:5] == [0, 0.25, 0.5, 0.75, 1.0]
    assert list(found[4:]) == sorted(found[4:], reverse=True)
    assert 0 < found[-1] < 0.01


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.33])
def test_the_schedules_are_those_of_transformers(schedule: Any, warmup: float) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    name = {"constant": "constant_with_warmup"}.get(schedule, schedule)
    settings = transformers.TrainingArguments(warmup_steps=warmup, use_cpu=True)
    theirs = transformers.get_scheduler(name, optimiser, settings.get_warmup_steps(23), 23)
    found = []
    for _ in range(23):
        found.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()
    assert found == pytest.approx(factors(TrainingConfig(schedule=schedule, warmup_ratio=warmup), 23))
