"""Rows besides the single bins: mixtures with the same number of examples, and examples shown instead of trained."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.benchmarks import BenchmarkSpec
from easyhard.schema import Bins, InputError, Items
from easyhard.sft import TrainingConfig, train
from easyhard.sft.pace import batches
from easyhard.study import Machines, MixtureConfig, analyse, read_config, run_study, status
from easyhard.study.in_context import shown_examples
from easyhard.study.mixtures import mixed_items
from sums import sums


def ten_bins(per_bin: int = 12) -> Bins:
    names = [f"item/{k:03d}" for k in range(10 * per_bin)]
    difficulty = np.linspace(-3, 3, len(names))
    table = pl.DataFrame(
        {
            "item": names,
            "bin": np.repeat(np.arange(10), per_bin),
            "split": ["held_out" if k % 4 == 0 else "train" for k in range(len(names))],
            "difficulty": difficulty,
            "standard_error": 0.1,
            "membership": 0.9,
        }
    )
    return Bins(table, (-np.inf, *difficulty[per_bin::per_bin].tolist(), np.inf), 0.25)


def bins_of(bins: Bins, names: list[str]) -> Counter[int]:
    where = dict(zip(bins.table["item"], bins.table["bin"], strict=True))
    return Counter(where[name] for name in names)


@pytest.mark.parametrize(
    "mixture",
    [MixtureConfig(recipe=r) for r in ("uniform", "easy_to_hard", "hard_to_easy", "proportional")]
    + [MixtureConfig(recipe="around", target=9, width=4)],
    ids=lambda mixture: mixture.label,
)
def test_a_mixture_has_the_budget_of_one_bin_and_no_held_out_item(mixture: MixtureConfig) -> None:
    bins = ten_bins()
    names = mixed_items(bins, mixture, 9, seed=3)
    assert len(names) == len(set(names)) == 9
    held_out = set(bins.table.filter(pl.col("split") == "held_out")["item"])
    assert not held_out & set(names)
    assert names == mixed_items(bins, mixture, 9, seed=3) != mixed_items(bins, mixture, 9, seed=4)


def test_uniform_takes_equally_many_of_every_bin_and_around_of_the_nearest() -> None:
    bins = ten_bins()
    assert set(bins_of(bins, mixed_items(bins, MixtureConfig(recipe="uniform"), 20, 0)).values()) == {2}
    for target, near in ((0, [0, 1, 2]), (4, [3, 4, 5]), (9, [7, 8, 9])):
        found = bins_of(bins, mixed_items(bins, MixtureConfig(recipe="around", target=target), 9, 0))
        assert dict(found) == dict.fromkeys(near, 3)


def test_a_curriculum_is_the_uniform_mixture_in_order_of_difficulty() -> None:
    bins = ten_bins()
    uniform, up, down = (
        mixed_items(bins, MixtureConfig(recipe=recipe), 15, 1) for recipe in ("uniform", "easy_to_hard", "hard_to_easy")
    )
    assert up == sorted(uniform) and down == up[::-1]  # names rise with difficulty here


def test_a_target_that_is_no_bin_is_refused() -> None:
    with pytest.raises(InputError, match="there are only bins 0 to 9"):
        mixed_items(ten_bins(), MixtureConfig(recipe="around", target=10), 5, 0)


def test_mixtures_are_trained_and_reported_beside_the_bins(tmp_path: Path) -> None:
    path = small_study(tmp_path, mixtures=["uniform", "hard_to_easy", {"recipe": "around", "target": 0, "width": 2}])
    outcome = run_study(read_config(path))
    names = ["uniform", "hard to easy", "2 bins around 0"]
    assert outcome.matrix.mixture_cells["mixture"].unique(maintain_order=True).to_list() == names
    assert outcome.matrix.cells.height == 9
    assert all(f"mixture {name}" in outcome.matrix.tests["tiny"] for name in names)
    assert status(outcome.folder)["mixture"].drop_nulls().to_list() == names
    page = (outcome.folder / "report" / "index.html").read_text()
    assert "hard to easy" in page
    again, _ = analyse(outcome.folder)
    assert again.mixture_cells.equals(outcome.matrix.mixture_cells)


def test_only_a_curriculum_is_trained_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, list[str]]] = []

    def noted(model: Any, items: Items, spec: BenchmarkSpec, config: TrainingConfig, *rest: Any) -> Any:
        seen.append((config.order, items.table["item"].to_list()))
        return train(model, items, spec, config, *rest)

    monkeypatch.setattr("easyhard.study.work.train", noted)
    config = read_config(small_study(tmp_path, mixtures=["uniform", "easy_to_hard"], bins={"count": 2}))
    outcome = run_study(config, machines=Machines(together=1))
    assert [order for order, _ in seen] == ["shuffled", "shuffled", "shuffled", "given"]
    bins = pl.read_parquet(outcome.folder / "bins" / "bins.parquet")
    difficulty = dict(bins.select("item", "difficulty").iter_rows())
    rising = [difficulty[name] for name in seen[-1][1]]
    assert rising == sorted(rising) and set(seen[-1][1]) == set(seen[-2][1])


def test_what_is_trained_in_order_is_not_shuffled() -> None:
    config = TrainingConfig(epochs=2, batch_size=4, order="given")
    assert list(batches(6, config, 0)) == [[0, 1, 2, 3], [4, 5]] * 2
    shuffled = list(batches(6, TrainingConfig(epochs=2, batch_size=4), 0))
    assert shuffled[:2] != shuffled[2:] and [len(batch) for batch in shuffled] == [4, 2, 4, 2]


def test_examples_never_hold_the_item_itself_or_a_near_duplicate() -> None:
    spec = BenchmarkSpec("sums", "choices")
    pool = sums(6)
    long = "How many apples does a child have that gets {} of them on every single day of one long week"
    texts = [long.format(word) for word in ("two", "three")] + pool.table["question"].to_list()[2:]
    pool = Items(pool.table.with_columns(question=pl.Series(texts)))
    asked = Items(pool.table[:1].with_columns(item=pl.lit("another"), question=pl.lit(texts[0].upper())))
    (own,) = shown_examples(pool, pool.select([pool.table["item"][3]]), spec, 20, 0)
    (near,) = shown_examples(pool, asked, spec, 20, 0)
    assert len(own) == 5 and not any(texts[3] in prompt for prompt, _ in own)
    assert len(near) == 5 and not any(texts[0] in prompt for prompt, _ in near)
    (two,) = shown_examples(pool, asked, spec, 2, 0)
    assert two == near[:2]


def test_an_item_without_any_example_is_an_error_and_no_zero_shot() -> None:
    pool = sums(1)
    with pytest.raises(InputError, match="has no example left to show"):
        shown_examples(pool, pool, BenchmarkSpec("sums", "choices"), 20, 0)


def test_a_study_in_context_trains_nothing(tmp_path: Path) -> None:
    outcome = run_study(read_config(small_study(tmp_path, in_context={"examples": 2})))
    assert not list(outcome.folder.rglob("adapter_model.safetensors"))
    assert outcome.matrix.runs["status"].unique().to_list() == ["done"]
    record = json.loads((outcome.folder / "models/tiny/bin-01/seed-0/in-context/record.json").read_text())
    assert record["settings"]["examples"] == 2
    assert set(status(outcome.folder)["training"]) == {"not applicable"}


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"mixtures": ["uniform"], "in_context": {}}, "with in_context nothing is"),
        ({"mixtures": ["uniform", "uniform"]}, "the mixture 'uniform' occurs twice"),
        ({"mixtures": ["around"]}, "'around' needs a target"),
        ({"mixtures": [{"recipe": "uniform", "widht": 3}]}, r"no such key. Did you mean 'width'"),
        ({"in_context": {"exampels": 3}}, r"no such key. Did you mean 'examples'"),
        ({"protocol": "paper", "bins": {"count": 3, "held_out": 0.2}}, "holds nothing out"),
    ],
)
def test_settings_that_contradict_are_named(tmp_path: Path, changes: dict[str, object], finding: str) -> None:
    with pytest.raises(InputError, match=finding):
        read_config(small_study(tmp_path, **changes))


def test_the_papers_protocol_holds_nothing_out(tmp_path: Path) -> None:
    assert read_config(small_study(tmp_path, protocol="paper", bins={"count": 3})).bins.held_out == 0
