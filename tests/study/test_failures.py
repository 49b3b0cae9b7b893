"""What fails in one cell stays with that cell; what would fail in every cell stops the study before it costs."""

from __future__ import annotations

import ctypes
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

pytest.importorskip("torch")
pytest.importorskip("peft")

from small_study import small_study

from easyhard.cli import main as command_line
from easyhard.schema import InputError, WorkError
from easyhard.study import Machines, Selection, StudyOutcome, StudyProgress, read_config, run_study, study_status, work
from easyhard.study.disk import DiskError
from easyhard.study.lock import locked


def run(path: Path, *overrides: str, **selected: Any) -> StudyOutcome:
    progress, machines = StudyProgress(Console(quiet=True)), Machines(together=1)
    return run_study(read_config(path, overrides), progress, Selection(**selected), machines)


def command(*arguments: object, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, whose files may have at most ``limit`` bytes."""
    code = "import resource, signal, sys\n"
    if limit:
        code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    code += "from easyhard.cli import main; main()"
    line = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.fixture
def one_long_item(tmp_path: Path) -> Path:
    """A study of which one bin holds an item that is longer than a training may be."""
    path = small_study(tmp_path, training={"epochs": 1, "rank": 2, "max_length": 90})
    run(path, limit=1)
    bins = pl.read_parquet(tmp_path / "run" / "bins" / "bins.parquet")
    (first, *_) = bins.filter((pl.col("bin") == 1) & (pl.col("split") == "train"))["item"].to_list()
    longer = pl.when(pl.col("item") == first).then(pl.lit("What is one and one? " * 6)).otherwise(pl.col("question"))
    pl.read_parquet(tmp_path / "items.parquet").with_columns(question=longer).write_parquet(tmp_path / "items.parquet")
    return path


def test_an_example_too_long_in_one_bin_is_the_failure_of_that_bin(
    one_long_item: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["easyhard", "run", str(one_long_item)])
    with pytest.raises(SystemExit) as ended:
        command_line()
    shown = capsys.readouterr()
    assert ended.value.code == 1
    assert "1 cell(s) failed (first: tiny, trained on bin 1, seed 0)" in shown.err and "--retry-failed" in shown.err
    assert "tiny, trained on bin 1, seed 0 failed: " in shown.out.replace("\n", " ") and "max_length" in shown.out
    folder = one_long_item.parent / "run"
    status = study_status(folder)
    assert (status.count("done"), status.count("failed")) == (3, 1)
    training = folder / "models" / "tiny" / "bin-01" / "seed-0" / "training"
    assert "Traceback" in (training / "traceback.txt").read_text()
    matrix = pl.read_parquet(folder / "generalization" / "matrix.parquet")
    assert matrix.filter(pl.col("train_bin") == 1)["status"].to_list() == ["failed"] * 3
    assert "failed" in (folder / "report" / "index.html").read_text()

    monkeypatch.setattr(work, "train", lambda *_: pytest.fail("tried again unasked"))
    assert run(one_long_item).failed == ("tiny, trained on bin 1, seed 0",)


def test_a_cell_that_failed_is_run_again_on_request_and_when_its_settings_change(one_long_item: Path) -> None:
    assert run(one_long_item).failed
    assert run(one_long_item, retry_failed=True).failed == ("tiny, trained on bin 1, seed 0",)
    assert run(one_long_item, "training.max_length=400").failed == ()


def fails_at(monkeypatch: pytest.MonkeyPatch, name: str, numbers: set[int], error: BaseException) -> list[Any]:
    original, calls = getattr(work, name), list[Any]()

    def wrapper(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) in numbers:
            raise error
        return original(*arguments)

    monkeypatch.setattr(work, name, wrapper)
    return calls


def test_a_model_that_cannot_be_evaluated_untouched_is_left_out_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [{"path": "./model", "name": "a"}, {"path": "./model", "name": "b"}]
    path = small_study(tmp_path, models=both)
    with monkeypatch.context() as patched:
        calls = fails_at(patched, "evaluate", {1}, RuntimeError("the server stopped"))
        outcome = run(path)
    assert outcome.failed == ("a, zero-shot",) and outcome.left == 3 and len(calls) == 5
    assert set(outcome.matrix.runs["model"]) == {"b"}
    assert outcome.answer.endswith("Left out, for want of a zero-shot evaluation: 'a'.")
    monkeypatch.setattr(work, "base_model", lambda *_, **__: pytest.fail("worked on what waits"))
    assert run(path).left == 3
    monkeypatch.undo()
    assert run(path, retry_failed=True).failed == ()


def test_where_no_model_can_be_evaluated_there_is_no_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_at(monkeypatch, "evaluate", {1}, RuntimeError("the server stopped"))
    with pytest.raises(WorkError, match="nothing to compare with: RuntimeError: the server stopped"):
        run(small_study(tmp_path))


def test_a_full_disk_stops_the_study_before_another_cell_is_trained_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_study(tmp_path)
    with monkeypatch.context() as patched:
        calls = fails_at(patched, "train", {1}, OSError(28, "No space left on device"))
        with pytest.raises(DiskError, match="No space left on device"):
            run(path)
    assert len(calls) == 1
    status = study_status(tmp_path / "run")
    assert (status.count("done"), status.count("failed"), status.count("to do")) == (1, 0, 3)
    assert run(path).failed == ()


def test_files_that_may_grow_no_further_end_in_one_sentence_and_the_study_goes_on_later(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    done = command("run", path, limit=9_000)  # bytes: room for tables, not for an adapter
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "could not be written" in done.stderr and "File too large" in done.stderr
    assert not [file for file in (tmp_path / "run").rglob(".*") if file.name != ".lock"]
    assert command("run", path).returncode == 0


FULL_DISK = """
mount -t tmpfs -o size={size} tmpfs {run} || exit 77
{command}; echo "first: $?"
find {run} -name '.*' ! -name .lock -mindepth 1 | sed 's/^/left: /'
mount -o remount,size=50m {run}
{command}; echo "second: $?"
"""


def test_a_disk_that_is_full_ends_in_one_sentence_and_the_study_goes_on_where_there_is_room(tmp_path: Path) -> None:
    path, folder = small_study(tmp_path), tmp_path / "run"
    folder.mkdir()
    run_it = shlex.join([sys.executable, "-m", "easyhard.cli", "run", str(path)])
    script = FULL_DISK.format(size="120k", run=shlex.quote(str(folder)), command=run_it)
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed, which lets a test mount a disk of its own")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "first:" not in done.stdout:
        pytest.skip(f"this user may not mount a disk of its own: {done.stderr.strip()}")
    assert "first: 1" in done.stdout and "second: 0" in done.stdout, done.stdout + done.stderr
    assert "could not be written: No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert "left: " not in done.stdout
    assert "are done already, and stay as they are" in done.stdout


def bound_by_rights() -> None:
    """In a child: give up what lets the root user write wherever it likes."""
    drop, override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
    ctypes.CDLL(None).prctl(drop, override, 0, 0, 0)


def test_an_output_that_has_become_read_only_ends_in_one_sentence(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    run(path, limit=2)
    models = tmp_path / "run" / "models" / "tiny"
    models.chmod(0o555)
    line = [sys.executable, "-m", "easyhard.cli", "run", str(path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, preexec_fn=bound_by_rights)
    models.chmod(0o755)
    assert done.returncode == 1 and "could not be written: Permission denied" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and study_status(tmp_path / "run").count("failed") == 0


def test_a_second_command_on_one_study_is_refused(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    with locked(tmp_path / "run"):
        done = command("run", path)
    assert done.returncode == 2 and "is being worked on by another easyhard" in done.stderr
    assert not (tmp_path / "run" / "study.yaml").exists()


def test_a_record_edited_by_hand_and_tables_cut_short_are_made_anew_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_study(tmp_path)
    first, folder = run(path), tmp_path / "run"
    record = folder / "models" / "tiny" / "bin-01" / "seed-0" / "training" / "record.json"
    record.write_text(record.read_text().replace('"seconds": ', '"seconds": 9'))
    for name in ("calibration/bank", "bins/bins", "bins/items", "models/tiny/bin-02/seed-0/evaluation/responses"):
        table = folder / f"{name}.parquet"
        table.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"\.parquet"):
        study_status(folder)
    trainings, evaluations = (fails_at(monkeypatch, name, set(), RuntimeError()) for name in ("train", "evaluate"))
    outcome = run_study(read_config(path), StudyProgress(Console(width=200)))
    said = capsys.readouterr().out
    assert "1 step made before cannot stand: training/record.json was changed after it was written." in said
    assert "1 step made before cannot stand: evaluation/responses.parquet has" in said
    assert (len(trainings), len(evaluations)) == (1, 1)
    assert outcome.matrix.runs.equals(first.matrix.runs)


def test_wrong_settings_stop_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study(tmp_path)
    calls = fails_at(monkeypatch, "base_model", set(), RuntimeError())
    with pytest.raises(InputError, match="fits none of the 4 cells, such as 'tiny/bin-02/seed-0'"):
        run(path, only=("tiny/bin-9/*",))
    with pytest.raises(InputError, match="does not exist"):
        run(path, "models=[{path: ./nowhere}]")
    assert calls == []


def test_only_and_limit_take_cells_with_what_they_are_compared_with(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    outcome = run(path, only=("bin-02",))
    table = study_status(tmp_path / "run").cells
    assert table.filter(pl.col("state") == "done")["cell"].to_list() == ["tiny/zero-shot", "tiny/bin-02/seed-0"]
    assert outcome.left == 2
    missing = outcome.matrix.runs.filter(pl.col("train_bin") != 2)
    assert set(missing["status"]) == {"missing"}
    assert run(path, limit=1).left == 1
    assert run(path, only=("tiny/bin-0[01]/seed-*",)).left == 0


def test_a_setting_changed_half_way_redoes_only_what_depends_on_it_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_study(tmp_path)
    run(path, limit=3)
    calls = fails_at(monkeypatch, "train", set(), RuntimeError())
    config = read_config(path, ["training.rank=1"])
    run_study(config, StudyProgress(Console(width=200)), machines=Machines(together=1))
    said = capsys.readouterr().out
    assert len(calls) == 3
    assert "1 of 4 cells are done already, and stay as they are." in said
    assert "2 steps made before cannot stand: training.rank changed." in said
    assert "3 cells to run now." in said


def test_keep_drops_weights_without_undoing_their_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study(tmp_path, keep="none")
    first = run(path)
    assert not list((tmp_path / "run").rglob("adapter_model.safetensors"))
    assert set(study_status(tmp_path / "run").cells["training"]) == {"not applicable", "dropped"}
    trainings = fails_at(monkeypatch, "train", set(), RuntimeError())
    assert run(path).matrix.runs.equals(first.matrix.runs) and trainings == []
    run(path, "questions.max_new_tokens=8", limit=2)  # asked otherwise: the weights are needed, and made anew
    assert len(trainings) == 1
    assert not list((tmp_path / "run").rglob("adapter_model.safetensors"))


def test_two_runs_of_one_study_give_the_same_numbers_and_weights(tmp_path: Path) -> None:
    fast = {"epochs": 4, "batch_size": 4, "max_items": 8, "rank": 2, "learning_rate": 0.05}
    folders = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        outcome = run(small_study(tmp_path / name, training=fast))
        assert np.abs(outcome.matrix.runs["gain"].to_numpy()).max() > 0  # else equal figures say nothing
        folders.append(outcome.folder)
    for kind in ("matrix.parquet", "adapter_model.safetensors", "answers.parquet", "training.jsonl"):
        pairs = [sorted(folder.rglob(kind)) for folder in folders]
        assert pairs[0] and [file.read_bytes() for file in pairs[0]] == [file.read_bytes() for file in pairs[1]]
