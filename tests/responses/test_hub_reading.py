"""A pull ends in one table of responses, whatever failed or was killed on the way. What the hub serves is simulated."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")

from lm_eval_trees import DATE, choice_row, lines, results
from stand_in_hub import StandInHub, serving

from easyhard.responses import Audit, ingest_logs, read_responses
from easyhard.responses.hub import Pulled
from easyhard.responses.hub_patience import Patience
from easyhard.responses.hub_reading import pull_responses
from easyhard.responses.log import Asked, ChoiceNeeded
from easyhard.schema import Responses

MODELS = ["acme/small", "acme/large", "acme/other"]
TASKS = ["bbh_navigate", "bbh_snarks"]
N_ITEMS = 40


def repository(model: str) -> str:
    return f"open-llm-leaderboard/{model.replace('/', '__')}-details"


def details(model: str, seed: int) -> dict[str, bytes]:
    chance, folder = random.Random(seed), model.replace("/", "__")
    config = {"config": {"model": "hf", "model_args": f"pretrained={model},dtype=float32"}}
    files = {f"{folder}/results_{DATE}.json": json.dumps({**results(), **config}).encode()}
    for task in TASKS:
        right = [float(chance.random() < 0.6) for _ in range(N_ITEMS)]
        rows = [choice_row(k, metrics=["acc", "acc_norm"], acc=0.0, acc_norm=right[k]) for k in range(N_ITEMS)]
        files[f"{folder}/samples_leaderboard_{task}_{DATE}.json"] = lines(rows).encode()
    return files


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the client has pauses of its own
    files = {repository(model): details(model, seed) for seed, model in enumerate(MODELS)}
    with serving(StandInHub(files)) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


def pulled_from(
    folder: Path, asked: Asked | None = None, models: list[str] = MODELS
) -> tuple[Pulled, tuple[Responses, Audit] | Exception | None]:
    patience = Patience(pause=lambda _: None)
    return pull_responses("leaderboard-v2", ["bbh"], folder, models, asked=asked, patience=patience)


def test_what_is_read_while_pulling_is_what_is_read_afterwards(hub: StandInHub, tmp_path: Path) -> None:
    _, read = pulled_from(tmp_path)
    assert isinstance(read, tuple)
    later, audit = ingest_logs(tmp_path)
    assert (read[0].correct == later.correct).all()
    assert read[1] == audit
    assert read[0].respondents == tuple(sorted(MODELS))
    assert (read[1].rows, len(read[1].files)) == (N_ITEMS * 6, 6)


def test_a_log_whose_results_fail_is_read_all_the_same(hub: StandInHub, tmp_path: Path) -> None:
    hub.fail = lambda _method, name, path, _before: (500, {}) if "small" in name and "results" in path else None
    pulled, read = pulled_from(tmp_path)
    assert len(pulled.refused) == 1
    assert isinstance(read, tuple) and read[0].respondents == tuple(sorted(MODELS))


def test_an_upload_that_is_no_log_is_named_and_the_others_are_read(hub: StandInHub, tmp_path: Path) -> None:
    name = next(name for name in hub.files[repository(MODELS[0])] if "snarks" in name)
    hub.files[repository(MODELS[0])][name] = b'{"doc_id": 0, "doc": 1}\n{"doc_id'
    _, read = pulled_from(tmp_path)
    assert isinstance(read, tuple)
    assert all(name in line for line in read[1].unreadable)
    assert len(read[1].unreadable) == 2


def test_scores_that_need_a_choice_do_not_stop_the_pull(hub: StandInHub, tmp_path: Path) -> None:
    for model in MODELS:
        hub.files[repository(model)] = {
            name: data.replace(b'"acc_norm": 1.0', b'"acc_norm": 0.7')
            for name, data in hub.files[repository(model)].items()
        }
    pulled, read = pulled_from(tmp_path)
    assert len(pulled.files) == 9
    assert isinstance(read, ChoiceNeeded) and "--threshold" in str(read)
    hub.asked.clear()
    _, read = pulled_from(tmp_path, Asked(threshold="graded"))
    assert isinstance(read, tuple) and read[1].drawn > 50
    assert not hub.got()


def test_nothing_that_can_be_had_is_nothing_to_read(hub: StandInHub, tmp_path: Path) -> None:
    assert pulled_from(tmp_path, models=["acme/absent"])[1] is None


def command(folder: Path, *more: str) -> list[str]:
    (folder.parent / "models.txt").write_text("\n".join(MODELS))
    where = ["--models", str(folder.parent / "models.txt"), "-o", str(folder)]
    return [sys.executable, "-m", "easyhard.cli", "pull", "leaderboard-v2", "--benchmark", "bbh", *where, *more]


def test_killed_at_random_moments_it_ends_in_the_same_responses_and_downloads_no_file_twice(
    hub: StandInHub, tmp_path: Path
) -> None:
    chance = random.Random(11)
    total = sum(len(data) for files in hub.files.values() for data in files.values())
    folder, whole = tmp_path / "details", set[str]()
    for _ in range(3):
        moment = hub.bytes_sent + chance.randrange(total // 8, total)
        child: list[subprocess.Popen[bytes]] = []

        def kill(sent: int, moment: int = moment, child: list[subprocess.Popen[bytes]] = child) -> None:
            if sent >= moment:
                child[0].kill()

        hub.sent = kill
        child.append(subprocess.Popen(command(folder), env={**os.environ}, stdout=subprocess.DEVNULL))
        assert child[0].wait(60) in (-signal.SIGKILL, 0)
        assert not whole & set(hub.got())
        whole = {path for files in hub.files.values() for path in files if any(folder.glob(f"*/{path}"))}
        hub.asked.clear()
    hub.sent = lambda _: None
    done = subprocess.run([*command(folder), "--json"], env={**os.environ}, capture_output=True, text=True, check=True)
    assert not whole & set(hub.got())
    facts = json.loads(done.stdout)
    assert len(facts["files"]) == 9
    assert facts["audit"] == json.loads((folder / "responses.audit.json").read_text())
    straight = pulled_from(tmp_path / "straight")[1]
    assert isinstance(straight, tuple)
    assert (read_responses(folder / "responses.parquet").correct == straight[0].correct).all()


def test_what_could_not_be_had_ends_in_exit_code_1_after_the_rest_was_read(hub: StandInHub, tmp_path: Path) -> None:
    hub.gated = {repository(MODELS[1])}
    done = subprocess.run(command(tmp_path / "d"), env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 refusal: not all was to be had. Access needs the owner's conditions" in done.stderr
    assert "Traceback" not in done.stderr
    assert read_responses(tmp_path / "d" / "responses.parquet").respondents == ("acme/other", "acme/small")
