"""Trainings that go side by side are those that go alone, and fail alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from safetensors.torch import load_file
from small_study import small_study

from easyhard.llm import load_model
from easyhard.schema import WorkError
from easyhard.sft import TrainingConfig, stack_size, train_adapters
from easyhard.sft.examples import Example
from easyhard.study import Machines, StudyOutcome, StudyProgress, read_config, run_study, together
from easyhard.study.disk import DiskError
from easyhard.study.record import read_record
from tiny_model import save_tiny_model


def run(path: Path, most: int = 16) -> StudyOutcome:
    return run_study(read_config(path), StudyProgress(Console(quiet=True)), machines=Machines(together=most))


def records(folder: Path) -> list[dict[str, Any]]:
    return [read_record(place) or {} for place in sorted(folder.glob("run/models/*/bin-*/seed-*/training"))]


def test_a_study_with_trainings_side_by_side_gives_what_one_after_another_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def counting(path: str, **rest: Any) -> Any:
        loaded.append(path)
        return load_model(path, **rest)

    monkeypatch.setattr("easyhard.sft.base.load_model", counting)
    places = [tmp_path / "beside", tmp_path / "after"]
    for place in places:
        place.mkdir()
    beside, after = (run(small_study(place), most) for place, most in zip(places, (16, 1), strict=True))
    assert beside.matrix.runs.equals(after.matrix.runs)
    assert beside.failed == after.failed == ()
    assert len(loaded) == 2  # once a study: zero-shot, three trainings and three evaluations of one base
    assert [record.get("together") for record in records(places[0])] == [3, 3, 3]
    assert [record.get("together") for record in records(places[1])] == [None] * 3
    for file in places[0].glob("run/models/*/bin-*/seed-*/training/adapter_model.safetensors"):
        ours, theirs = load_file(file), load_file(places[1] / file.relative_to(places[0]))
        assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in theirs)


def replaced(monkeypatch: pytest.MonkeyPatch, change: Callable[[list[Any]], list[Any]]) -> list[int]:
    """Let ``change`` see what trainings side by side came to; the sizes of the stacks, as they are asked for."""
    original, sizes = train_adapters, list[int]()

    def wrapper(model: Any, trainings: Any, *rest: Any) -> list[Any]:
        sizes.append(len(trainings))
        return change(original(model, trainings, *rest))

    monkeypatch.setattr(together, "train_adapters", wrapper)
    return sizes


def test_one_that_fails_costs_the_others_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = replaced(monkeypatch, lambda logs: [logs[0], WorkError("the loss was no number"), logs[2]])
    outcome = run(small_study(tmp_path))
    assert sizes == [3]
    assert outcome.failed == ("tiny, trained on bin 1, seed 0",)
    assert [record["status"] for record in records(tmp_path)] == ["done", "failed", "done"]
    assert (tmp_path / "run/models/tiny/bin-01/seed-0/training/traceback.txt").is_file()
    assert not list((tmp_path / "run").rglob("*.part"))


def raises(error: BaseException) -> Callable[[list[Any]], list[Any]]:
    def change(_: list[Any]) -> list[Any]:
        raise error

    return change


def test_where_memory_is_too_small_for_several_each_is_trained_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = replaced(monkeypatch, raises(torch.OutOfMemoryError("CUDA out of memory.")))
    assert run(small_study(tmp_path)).failed == ()
    assert sizes == [3]
    assert [(record["status"], record.get("together")) for record in records(tmp_path)] == [("done", None)] * 3


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError(28, "No space left on device"), DiskError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_full_disk_or_an_interrupt_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, seen: type[BaseException]
) -> None:
    path = small_study(tmp_path)
    with monkeypatch.context() as patched:
        replaced(patched, raises(error))
        with pytest.raises(seen):
            run(path)
    assert records(tmp_path) == []
    assert not list((tmp_path / "run").rglob("*.part"))
    assert run(path).failed == ()


def test_groups_hold_trainings_alike_and_no_more_than_asked(tmp_path: Path) -> None:
    config = read_config(small_study(tmp_path, seeds=[0, 1], mixtures=["easy_to_hard"]))
    seen: list[list[str]] = []

    def spied(context: Any, cells: Any, steps: Any) -> Any:
        seen.append([cell.name.removeprefix("tiny, ") for cell in cells])
        return together.work_cells(context, cells, steps)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("easyhard.study.run.work_cells", spied)
        run_study(config, StudyProgress(Console(quiet=True)), machines=Machines(together=2))
    assert seen == [
        ["zero-shot"],
        ["trained on bin 0, seed 0", "trained on bin 1, seed 0"],
        ["trained on bin 2, seed 0"],
        ["trained on the mixture easy to hard, seed 0"],  # whose order is another
        ["trained on bin 0, seed 1", "trained on bin 1, seed 1"],
        ["trained on bin 2, seed 1"],
        ["trained on the mixture easy to hard, seed 1"],
    ]


def test_how_many_are_trained_side_by_side_follows_their_tokens(tmp_path: Path) -> None:
    model = load_model(str(save_tiny_model(tmp_path)))

    def size(tokens: int, **settings: Any) -> int:
        config = TrainingConfig.model_validate({"batch_size": 4, **settings})
        return stack_size(model, config, [Example([1] * (tokens - 2), [2, 3])] * 4)

    assert (size(16), size(32), size(128), size(4000)) == (16, 8, 2, 1)
    assert size(16, dropout=0.1) == size(16, per_device_batch_size=2) == 1
