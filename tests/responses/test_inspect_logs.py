"""Inspect's logs, zipped and plain, give the same run. All logs here are simulated."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from easyhard.responses.formats import inspect_log
from easyhard.responses.log import Asked
from easyhard.schema import InputError

HEADER = {"version": 2, "status": "success", "eval": {"task": "p/sums", "model": "org/m", "created": "2025-01-01"}}


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
