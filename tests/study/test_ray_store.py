"""A study over machines that share no disk: a Ray cluster of two workers and an S3 server of this machine."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")
pytest.importorskip("torch")
pytest.importorskip("peft")
s3fs = pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")

from rich.console import Console
from several_benchmarks import several_benchmarks
from small_study import small_study
from test_study_processes import LEARNS, SLOW, killing, matrix_alone

from easyhard.atomic import write_bytes
from easyhard.schema import InputError, WorkError
from easyhard.study import (
    Machines,
    Selection,
    StudyOutcome,
    StudyProgress,
    read_config,
    read_studies,
    run_studies,
    run_study,
    study_status,
    verify,
)
from easyhard.study.record import Step
from easyhard.study.store import Store

pytestmark = [
    # Ray leaves its services, and older versions their logs, for Python to close, which warns of it.
    pytest.mark.filterwarnings(r"ignore:subprocess \d+ is still running:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:unclosed file .*/ray/session_:ResourceWarning"),
]
SECRET = "a-secret-that-nobody-may-see"
RESULTS = ("responses.parquet", "answers.parquet", "adapter_model.safetensors", "training.jsonl")


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


@pytest.fixture(scope="module")
def bucket(environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 server on a free port, and the environment that leads to it."""
    import boto3

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    environment.setenv("AWS_ACCESS_KEY_ID", "tester")
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="studies")
    yield "s3://studies"
    server.stop()


@pytest.fixture(scope="module")
def cluster(bucket: str, environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray on this machine, with two workers, which inherit the environment."""
    environment.setenv("OMP_NUM_THREADS", "1")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def store(bucket: str) -> str:
    return f"{bucket}/{uuid.uuid4().hex}"


def objects(store: str) -> dict[str, Any]:
    import boto3

    prefix = store.removeprefix("s3://studies/")
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket="studies", Prefix=prefix)
    return {entry["Key"]: entry for page in pages for entry in page.get("Contents", [])}


def read(key: str) -> bytes:
    import boto3

    data: bytes = boto3.client("s3").get_object(Bucket="studies", Key=key)["Body"].read()
    return data


def write(key: str, data: bytes) -> None:
    import boto3

    boto3.client("s3").put_object(Bucket="studies", Key=key, Body=data)


def finished(store: str, part: str) -> dict[str, bytes]:
    """Records in the store whose place has ``part`` in it."""
    return {key: read(key) for key in objects(store) if part in key and key.endswith("record.json")}


def run(path: Path, store: str, *overrides: str, together: int = 16, **selected: Any) -> StudyOutcome:
    progress, machines = StudyProgress(Console(quiet=True)), Machines("ray", store=store, together=together)
    return run_study(read_config(path, overrides), progress, Selection(**selected), machines)


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for name in RESULTS for file in folder.rglob(name)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.usefixtures("cluster")
def test_the_numbers_are_those_of_one_process_and_a_lost_folder_costs_nothing(tmp_path: Path, store: str) -> None:
    expected = matrix_alone(tmp_path / "alone")
    outcome = run(small_study(tmp_path, training=LEARNS), store, together=1)  # to the last bit
    assert outcome.matrix.runs.equals(expected.runs) and expected.runs["gain"].abs().sum() > 0
    assert contents(outcome.folder) == contents(tmp_path / "alone" / "run")
    assert not verify(outcome.folder).mismatches and study_status(outcome.folder).count("done") == 4

    records = finished(store, "")
    shutil.rmtree(outcome.folder)
    again = run(tmp_path / "study.yaml", store)
    assert again.matrix.runs.equals(expected.runs) and contents(again.folder) == contents(tmp_path / "alone" / "run")
    assert finished(store, "") == records  # nothing made anew
    assert not [key for key in objects(store) if SECRET.encode() in read(key)]
    assert not [file for file in again.folder.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_dies_while_it_evaluates_does_not_cost_its_training(tmp_path: Path, store: str) -> None:
    scratch = Path(tempfile.gettempdir())
    path = small_study(tmp_path, training=SLOW)
    above = "easyhard-*/models/tiny/bin-01/seed-0/"
    with killing(scratch, "evaluation", 1, above) as killed:
        outcome = run(path, store)
    assert len(killed) == 1 and outcome.failed == ()
    training = json.loads((outcome.folder / "models/tiny/bin-01/seed-0/training/record.json").read_text())
    assert [json.loads(known) for known in finished(store, "/bin-01/seed-0/training/").values()] == [training]
    assert not [folder for folder in scratch.glob("easyhard-*") if str(killed[0]) in folder.name.split("-")]


@pytest.mark.usefixtures("cluster")
def test_a_command_killed_half_way_whose_folder_is_lost_costs_the_cells_it_was_at(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_study(tmp_path, training=SLOW)
    monkeypatch.setenv("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
    line = [sys.executable, "-m", "easyhard.cli", "run", str(path), "--executor", "ray", "--store", store]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
        while not (done := finished(store, "/seed-0/evaluation/")) and command.poll() is None:
            threading.Event().wait(0.05)
        command.kill()
    assert command.returncode == -signal.SIGKILL
    shutil.rmtree(tmp_path / "run")
    assert run(path, store).failed == ()
    assert len(finished(store, "/seed-0/evaluation/")) == 3
    assert {key: read(key) for key in done} == done  # none of them made anew


@pytest.mark.usefixtures("cluster")
def test_a_cell_goes_on_where_a_folder_of_this_machine_left_it(tmp_path: Path, store: str) -> None:
    path = small_study(tmp_path, training=LEARNS)
    alone = run_study(read_config(path), StudyProgress(Console(quiet=True)))
    for cell in ("zero-shot", "bin-00/seed-0/evaluation"):
        shutil.rmtree(alone.folder / "models" / "tiny" / cell)
    training = (alone.folder / "models/tiny/bin-00/seed-0/training/record.json").read_bytes()
    assert run(path, store).matrix.runs.equals(alone.matrix.runs)
    assert (alone.folder / "models/tiny/bin-00/seed-0/training/record.json").read_bytes() == training


@pytest.mark.usefixtures("cluster")
def test_weights_that_are_not_kept_are_neither_here_nor_there(tmp_path: Path, store: str) -> None:
    outcome = run(small_study(tmp_path, keep="none"), store)
    assert not [key for key in objects(store) if key.endswith(".safetensors")]
    assert not list(outcome.folder.rglob("*.safetensors"))
    assert set(study_status(outcome.folder).cells["training"]) == {"not applicable", "dropped"}
    shutil.rmtree(outcome.folder)
    assert run(tmp_path / "study.yaml", store).left == 0


@pytest.mark.usefixtures("cluster")
def test_a_failure_is_kept_with_its_log_and_left_alone_by_a_run_without_a_folder(tmp_path: Path, store: str) -> None:
    short = {"epochs": 1, "max_items": 8, "rank": 2, "max_length": 30}
    outcome = run(small_study(tmp_path, training=short), store)
    assert len(outcome.failed) == 3
    shutil.rmtree(outcome.folder)
    assert run(tmp_path / "study.yaml", store).failed == outcome.failed
    training = outcome.folder / "models" / "tiny" / "bin-00" / "seed-0" / "training"
    assert {"log.txt", "traceback.txt", "record.json"} <= {file.name for file in training.iterdir()}
    assert set(outcome.matrix.runs["status"]) == {"failed"}


@pytest.mark.usefixtures("cluster")
def test_a_truncated_object_stops_a_run_before_any_work_and_says_what_to_do(tmp_path: Path, store: str) -> None:
    path = small_study(tmp_path)
    folder = run(path, store).folder
    (key,) = [key for key in objects(store) if "/bin-01/" in key and key.endswith("responses.parquet")]
    write(key, read(key)[:-20])
    shutil.rmtree(folder)
    with pytest.raises(WorkError, match=r"responses\.parquet has .* bytes, not ") as caught:
        run(path, store)
    place = "s3://studies/" + key.rsplit("/", 2)[0]
    assert place in str(caught.value) and "Delete that folder from the store" in str(caught.value)
    import boto3

    for one in objects(place):
        boto3.client("s3").delete_object(Bucket="studies", Key=one)
    assert run(path, store).matrix.runs["status"].unique().to_list() == ["done"]


@pytest.mark.usefixtures("cluster")
def test_a_bucket_that_is_not_there_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WorkError, match="s3://nowhere/study could not be read or written") as caught:
        run(small_study(tmp_path), "s3://nowhere/study")
    assert SECRET not in str(caught.value) + "".join(capsys.readouterr())
    assert not (tmp_path / "run" / "models").exists()


@pytest.mark.usefixtures("cluster")
def test_several_benchmarks_share_workers_and_store(tmp_path: Path, store: str) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        studies = read_studies(several_benchmarks(tmp_path / "alone"))
        alone = run_studies(studies, StudyProgress(Console(quiet=True)), machines=Machines(together=1))
    finally:
        torch.set_num_threads(threads)
    studies = read_studies(several_benchmarks(tmp_path / "ray"))
    for _ in range(2):  # the second time from the store alone
        outcome = run_studies(studies, StudyProgress(Console(quiet=True)), machines=Machines("ray", store=store))
        assert outcome.left == 0 and set(outcome.by_name) == {"plain", "other"}
        for name, one in outcome.by_name.items():
            assert one.matrix.runs.equals(alone.by_name[name].matrix.runs)
        known = finished(store, "/evaluation/")
        assert len(known) == 2 * 3 + 2 * 2
        shutil.rmtree(outcome.folder)


def test_an_empty_record_and_a_server_that_is_not_there_are_named(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Step(tmp_path / "models" / "a[1]*" / "training", {}, {})  # as a model may be called
    step.run(lambda folder: write_bytes(b"", folder / "empty"))
    there = Store(store, tmp_path)
    there.push(step)
    shutil.rmtree(step.folder)
    assert there.fetch(step) and step.is_done
    (key,) = finished(store, "training")
    write(key, b"")
    with pytest.raises(WorkError, match=r"record\.json cannot be read"):
        there.fetch(step)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and not listened at
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(WorkError, match=r"could not be read or written from .*Could not connect") as caught:
            there.holds(step)
    s3fs.S3FileSystem.clear_instance_cache()
    assert SECRET not in str(caught.value)


def test_a_store_is_for_ray(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Add --executor ray"):
        run_study(read_config(small_study(tmp_path)), machines=Machines(store="s3://studies/a"))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("cluster")
def test_a_machine_with_another_model_is_refused(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easyhard.study.run.model_fingerprint", lambda *_: "another")
    with pytest.raises(WorkError, match="holds other weights than where the study was started"):
        run(small_study(tmp_path), store)
