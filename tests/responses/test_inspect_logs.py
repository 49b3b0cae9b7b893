"""Inspect's logs, zipped and plain, give the same run. All logs here are simulated."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from easyhard.benchmarks.known_tasks import asked_item, item_of
from easyhard.responses.formats import inspect_log
from easyhard.responses.log import Asked
from easyhard.schema import InputError

HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "p/sums", "model": "org/m", "created": "2025-01-01"},
}


def sample(name: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "epoch": 1, "input": f"{name}+1?", "target": "2", "scores": {"match": {"value": value}}, **more}


SAMPLES = [sample(1, "C"), sample(2, "I"), sample(3, "I", error={"message": "lost"}), sample(1, "I", epoch=2)]


def plain(folder: Path, samples: list[Any]) -> Path:
    path = folder / "log.json"
    path.write_text(json.dumps({**HEADER, "samples": samples}))
    return path


def zipped(folder: Path, header: str = "header.json") -> Path:
    path = folder / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(header, json.dumps(HEADER))
        for one in SAMPLES:
            archive.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
    return path


@pytest.mark.parametrize("header", ["header.json", "_journal/start.json"])
def test_both_kinds_of_log_give_one_run_also_after_a_crash(tmp_path: Path, header: str) -> None:
    for path in (plain(tmp_path, SAMPLES), zipped(tmp_path, header)):
        assert inspect_log.matches(path, path.read_bytes())
        read = inspect_log.read(path, Asked())
        (run,) = read.runs
        assert (run.respondent, run.task, run.metric, read.rows) == ("org/m", "sums", "match", 4)
        assert run.correct.tolist() == [1, 0, -1, 0]
        assert list(run.trial) == [0, 0, 0, 1]
        assert run.item[0] == run.item[3] != run.item[1]


def test_a_broken_sample_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    read = inspect_log.read(plain(tmp_path, [*SAMPLES, {"id": None}]), Asked())
    assert (read.rows, len(read.broken), len(read.runs[0].item)) == (5, 1, 4)


def test_a_scorer_with_several_values_must_be_chosen_from(tmp_path: Path) -> None:
    path = plain(tmp_path, [sample(1, {"strict": 1, "loose": 0})])
    with pytest.raises(InputError, match="match/strict"):
        inspect_log.read(path, Asked())
    assert inspect_log.read(path, Asked(metric="match/loose")).runs[0].correct.tolist() == [0]


def test_a_cut_archive_is_refused_with_a_next_step(tmp_path: Path) -> None:
    path = zipped(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="complete log"):
        inspect_log.read(path, Asked())


def only_items(folder: Path, *samples: dict[str, Any]) -> list[str]:
    (run,) = inspect_log.read(plain(folder, list(samples)), Asked()).runs
    return list(run.item)


def test_pictures_tell_items_apart_wherever_the_log_keeps_them(tmp_path: Path) -> None:
    def asked(image: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "text", "text": "How many?"}, {"type": "image", "image": image}]}]

    first, second, again, *removed = only_items(
        tmp_path,
        sample(1, "C", input=asked("data:image/png;base64,AAAA")),
        sample(2, "C", input=asked("data:image/png;base64,BBBB")),
        sample(3, "C", input=asked("attachment://0b95"), attachments={"0b95": "data:image/png;base64,AAAA"}),
        sample(4, "C", input=asked("<base64-data-removed>")),
        sample(5, "C", input=asked("<base64-data-removed>")),
    )
    assert first == again != second
    assert len({first, second, *removed}) == 4


@pytest.mark.parametrize("target", ["B,D", ["B", "D"], "BD", ["D", "B"], "B, D"])
def test_several_right_choices_are_one_item_however_they_are_written(tmp_path: Path, target: Any) -> None:
    (item,) = only_items(
        tmp_path, sample(1, "C", input="Which fly?", choices=["cow", "gnat", "pig", "owl"], target=target)
    )
    assert item == asked_item("sums", "Which fly?", "gnat\nowl", ["cow", "pig"])


def test_a_target_in_words_is_itself(tmp_path: Path) -> None:
    (item,) = only_items(tmp_path, sample(1, "C", input="Which?", choices=["A", "BAD", "CAB"], target="BAD"))
    assert item == asked_item("sums", "Which?", "BAD", ["A", "CAB"])


def test_the_item_is_the_one_that_other_harnesses_name(tmp_path: Path) -> None:
    document = {"question": "2+2?", "choices": {"text": ["5", "4"], "label": ["1", "2"]}, "answerKey": "2"}
    log = {**HEADER, "eval": {**HEADER["eval"], "task": "inspect_evals/arc_easy"}}
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**log, "samples": [sample(1, "C", input="2+2?", choices=["5", "4"], target="B")]}))
    assert list(inspect_log.read(path, Asked()).runs[0].item) == [item_of("arc_easy", document)]


def test_runs_that_begin_in_one_second_are_two(tmp_path: Path) -> None:
    started = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.json"
        log = {**HEADER, "eval": {**HEADER["eval"], "eval_id": name}, "samples": [sample(1, "C")]}
        path.write_text(json.dumps(log))
        started.append(inspect_log.read(path, Asked()).runs[0].started)
    assert started == ["2025-01-01 a", "2025-01-01 b"]


def test_a_sample_without_verdict_or_declared_invalid_is_missing(tmp_path: Path) -> None:
    path = plain(tmp_path, [sample(1, float("nan")), sample(2, "C"), sample(3, "C", invalidation={"author": "me"})])
    assert inspect_log.read(path, Asked()).runs[0].correct.tolist() == [-1, 1, -1]
