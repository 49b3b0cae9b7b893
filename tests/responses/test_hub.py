"""Pulling from a hub: whole files or none, only what is missing, and what is refused does not stop the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from stand_in_hub import StandInHub, serving

from easyhard.responses.hub import Pulled, pull
from easyhard.responses.hub_patience import Patience
from easyhard.responses.hub_plan import LEADERBOARDS, HubFile, is_safe, read_models, wanted
from easyhard.schema import InputError, WorkError

DATE = "2024-06-20T11-22-33.123456"
MODELS = ["acme/small", "acme/large"]


def details(model: str, seed: int) -> dict[str, bytes]:
    chance, folder = random.Random(seed), model.replace("/", "__")
    return {
        "README.md": b"card",
        f"{folder}/results_{DATE}.json": b"{}",
        f"{folder}/results_2024-01-01T00-00-00.json": b"{}",
        f"{folder}/samples_leaderboard_bbh_navigate_{DATE}.json": chance.randbytes(30_000),
        f"{folder}/samples_leaderboard_bbh_snarks_{DATE}.jsonl": chance.randbytes(500),
        f"{folder}/samples_leaderboard_ifeval_{DATE}.jsonl": chance.randbytes(12_000),
        f"{folder}/samples_leaderboard_math_algebra_hard_{DATE}.json": chance.randbytes(15_000),
    }


def repository(model: str) -> str:
    return f"open-llm-leaderboard/{model.replace('/', '__')}-details"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the client has pauses of its own
    files = {repository(model): details(model, seed) for seed, model in enumerate(MODELS)}
    with serving(StandInHub(files)) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


def pulled_from(hub: StandInHub, folder: Path, pauses: list[float] | None = None, **more: Any) -> Pulled:
    waits = [] if pauses is None else pauses
    more.setdefault("models", MODELS)
    more.setdefault("benchmarks", ["bbh", "math"])
    return pull("leaderboard-v2", folder=folder, patience=Patience(pause=waits.append, chance=lambda: 0.5), **more)


def assert_right(hub: StandInHub, folder: Path) -> int:
    """Every file that has its name has its bytes; how many there are."""
    here = [path for path in folder.rglob("*") if path.is_file() and ".pull" not in path.parts]
    for path in here:
        name, _, inside = path.relative_to(folder).as_posix().partition("/")
        assert path.read_bytes() == hub.files[f"open-llm-leaderboard/{name}"][inside]
    return len(here)


def test_only_the_files_of_the_benchmarks_and_their_results_come(hub: StandInHub, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    verified: list[Path] = []
    pulled = pulled_from(hub, tmp_path, progress=lambda *one: told.append(one), on_file=verified.append)
    assert assert_right(hub, tmp_path) == pulled.n_downloaded == 8
    assert not any("ifeval" in path.name or "2024-01-01" in path.name for path in pulled.files)
    assert sorted(verified) == sorted(pulled.files)
    assert told[-1] == (pulled.bytes_downloaded, pulled.bytes_downloaded)
    assert not list((tmp_path / ".pull").iterdir())


def test_a_second_pull_downloads_only_what_is_missing_or_changed(hub: StandInHub, tmp_path: Path) -> None:
    first = pulled_from(hub, tmp_path)
    first.files[0].unlink()
    first.files[1].write_bytes(b"x" * first.files[1].stat().st_size)
    hub.asked.clear()
    again = pulled_from(hub, tmp_path)
    assert again.n_downloaded == len(hub.got()) == 2
    assert again.files == first.files
    assert assert_right(hub, tmp_path) == 8


def test_the_old_leaderboard_has_bars_and_colons_in_its_names(hub: StandInHub, tmp_path: Path) -> None:
    old, stamp = "2023-08-19T16:35:46.942696", "2023-09-15T09-53-02.418861"
    names = [
        f"{old}/details_harness|arc:challenge|25_{old}.parquet",
        f"{stamp}/details_harness|gsm8k|5_{stamp}.parquet",
    ]
    others = [f"{stamp}/details_harness|gsm8k|0_{stamp}.parquet", f"results_{stamp}.json"]
    hub.files["open-llm-leaderboard-old/details_acme__small"] = {name: name.encode() for name in names + others}
    pulled = pull("leaderboard-v1", ["arc_challenge", "gsm8k"], tmp_path, ["acme/small"])
    assert [path.read_text() for path in pulled.files] == names


def test_top_takes_the_most_downloaded_details_and_nothing_else(hub: StandInHub, tmp_path: Path) -> None:
    hub.files["open-llm-leaderboard/contents"] = {}
    hub.downloads = {"open-llm-leaderboard/contents": 99, repository(MODELS[1]): 5, repository(MODELS[0]): 4}
    pulled = pulled_from(hub, tmp_path, models=None, top=1)
    assert {path.relative_to(tmp_path).parts[0] for path in pulled.files} == {"acme__large-details"}


def test_random_failures_truncation_and_wrong_bytes_are_tried_again(hub: StandInHub, tmp_path: Path) -> None:
    chance = random.Random(1)
    hub.fail = lambda _method, _repository, _path, before: (500, {}) if before < 2 and chance.random() < 0.5 else None
    names = list(hub.files[repository(MODELS[0])])
    hub.truncated, hub.altered = {names[3]}, {names[6]}
    pulled = pulled_from(hub, tmp_path)
    assert not pulled.refused
    assert assert_right(hub, tmp_path) == 8


@pytest.mark.parametrize("listing", [True, False])
def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    listing: bool, hub: StandInHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_method: str, _repository: str, path: str, before: int) -> tuple[int, dict[str, str]] | None:
        return (429, {"Retry-After": "37"}) if listing == (path == "") and before == 0 else None

    hub.fail = fail
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)  # the client's own, before ours
    assert pulled_from(hub, tmp_path, pauses, models=MODELS[:1]).n_downloaded == 4
    assert any(37 <= seconds < 40 for seconds in pauses)


class Answered(OSError):
    def __init__(self, status: int, asked: str = "") -> None:
        headers = {"Retry-After": asked} if asked else {}
        self.response = SimpleNamespace(status_code=status, headers=headers)


@pytest.mark.parametrize(
    ("errors", "pauses"),
    [
        ([OSError(), Answered(500), Answered(503)], [1.0, 2.0, 4.0]),
        ([Answered(429, "37"), Answered(503, "8")], [37.5, 8.5]),
        ([Answered(429, "Wed, 21 Oct 2015 07:28:00 GMT")], [0.5]),
        ([Answered(429, "soon")], [1.0]),
    ],
)
def test_pauses_double_unless_the_server_asks_for_longer(errors: list[OSError], pauses: list[float]) -> None:
    told: list[float] = []
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    assert Patience(pause=told.append, chance=lambda: 0.5).insist(work) == "done"
    assert told == pauses


@pytest.mark.parametrize("error", [Answered(404), Answered(429, "86400"), ValueError("name")])
def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    told: list[float] = []

    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        Patience(pause=told.append).insist(work)
    assert not told


def test_gated_and_absent_models_are_named_and_the_others_come(hub: StandInHub, tmp_path: Path) -> None:
    hub.gated = {repository(MODELS[0])}
    pulled = pulled_from(hub, tmp_path, models=[*MODELS, "acme/absent"])
    assert pulled.n_downloaded == 4
    assert [(one.repository, one.gated) for one in pulled.refused] == [
        (repository(MODELS[0]), True),
        (repository("acme/absent"), False),
    ]
    assert f"accept them at {hub.url}/datasets/{repository(MODELS[0])}, set HF_TOKEN" in pulled.refused[0].finding
    assert "1 of the repositories ask" in pulled.summary()


def test_a_server_that_keeps_failing_for_one_file_does_not_stop_the_rest(hub: StandInHub, tmp_path: Path) -> None:
    hub.fail = lambda _method, _repository, path, _before: (500, {}) if "snarks" in path else None
    pulled = pulled_from(hub, tmp_path)
    assert pulled.n_downloaded == assert_right(hub, tmp_path) == 6
    assert all("answered 500" in one.finding for one in pulled.refused)
    assert len(pulled.refused) == 2


def test_the_quota_stops_before_the_file_that_exceeds_it_and_a_larger_one_goes_on(
    hub: StandInHub, tmp_path: Path
) -> None:
    pulled = pulled_from(hub, tmp_path, quota_bytes=31_000)
    assert pulled.n_downloaded + pulled.n_over_quota == 8
    assert pulled.bytes_downloaded <= 31_000
    assert "Stopped at the quota" in pulled.summary()
    assert pulled_from(hub, tmp_path).n_downloaded == pulled.n_over_quota


@pytest.mark.parametrize("part", ["../../x", "/x", "a/../../x", "a\0b", "a\nb", "a\\..\\b", "c:/x", "a//b", "", "."])
def test_no_name_of_the_server_leads_out_of_the_folder(part: str, hub: StandInHub, tmp_path: Path) -> None:
    name = f"{part}/samples_leaderboard_bbh_x_{DATE}.json"
    assert not is_safe(name)
    hub.files[repository(MODELS[0])][name] = b"evil"
    inner = tmp_path / "a" / "b"
    pulled = pulled_from(hub, inner)
    assert [one.finding.startswith("Its name would lead out") for one in pulled.refused] == [True]
    assert assert_right(hub, inner) == 8
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_hostile_repositories_are_not_listed_as_models(hub: StandInHub, tmp_path: Path) -> None:
    for name in ("..-details", "a/../b-details", "a\nb-details", "-details"):
        hub.files[f"open-llm-leaderboard/{name}"] = {}
    assert len(pulled_from(hub, tmp_path, models=None, top=9).files) == 8


def test_a_link_that_leads_out_of_the_folder_is_not_followed(hub: StandInHub, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "acme__small-details").symlink_to(tmp_path / "out")
    assert len(pulled_from(hub, tmp_path / "in").refused) == 4
    assert not list((tmp_path / "out").iterdir())


CHILD = """
import sys
from pathlib import Path
from easyhard.responses.hub import pull
pull("leaderboard-v2", ["bbh", "math"], Path(sys.argv[1]), ["acme/small", "acme/large"])
"""


def test_killed_at_random_moments_every_file_is_whole_or_absent(hub: StandInHub, tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(4):
        moment = hub.bytes_sent + chance.randrange(1_500, 60_000)  # of about 93,000 in all
        child: list[subprocess.Popen[bytes]] = []

        def kill(sent: int, moment: int = moment, child: list[subprocess.Popen[bytes]] = child) -> None:
            if sent >= moment:
                child[0].kill()

        hub.sent = kill
        child.append(subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], env={**os.environ}))
        assert child[0].wait(60) == -signal.SIGKILL
        assert_right(hub, tmp_path)
    hub.sent = lambda _: None
    before = assert_right(hub, tmp_path)
    assert pulled_from(hub, tmp_path).n_downloaded == 8 - before
    assert assert_right(hub, tmp_path) == 8
    assert not list((tmp_path / ".pull").iterdir())


def test_a_hub_that_cannot_be_reached_ends_the_pull(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WorkError, match="cannot be listed"):
        pull("leaderboard-v2", ["bbh"], tmp_path, MODELS, patience=Patience(attempts=2, pause=lambda _: None))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"benchmarks": ["bhb"]}, "Did you mean 'bbh'"),
        ({"benchmarks": []}, "which benchmarks"),
        ({"models": None}, "which models"),
        ({"top": 3}, "one of the two"),
        ({"models": []}, "is empty"),
        ({"models": ["../../etc"]}, "no model's name"),
        ({"models": ["a/b\n"]}, "no model's name"),
        ({"quota_bytes": -1}, "quota"),
    ],
)
def test_a_wrong_call_says_what_to_do(call: dict[str, Any], message: str, hub: StandInHub, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        pulled_from(hub, tmp_path, **call)
    assert not hub.asked


def test_models_are_read_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "models.txt"
    path.write_text("# mine\nacme/small\n\n  acme/large \n")
    assert read_models(path) == MODELS


def test_all_runs_are_kept_each_with_its_own_results() -> None:
    names = [
        f"m/{kind}_{day}.json"
        for day in ("2024-06-01", "2024-06-02")
        for kind in ("results", "samples_leaderboard_musr_x")
    ]
    files = [HubFile("r", name, 1, "0" * 40) for name in [*names, "m/results_2024-06-03.json"]]
    assert {file.path for file in wanted(files, LEADERBOARDS["leaderboard-v2"], ["musr"])} == set(names)
