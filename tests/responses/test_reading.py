"""Many logs: one that cannot be read does not stop the others, and no process outlives the one that reads."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from details_trees import flat, leaderboard_file
from details_trees import put as put_table
from lm_eval_trees import choice_row, lines, log_file, put, put_results, results

from easyhard.responses import Asked, ingest_logs, write_responses
from easyhard.schema import InputError, WorkError

ROWS = [choice_row(number) for number in range(20)]


def test_a_file_in_a_folder_that_cannot_be_read_is_named_and_one_that_was_named_is_refused(tmp_path: Path) -> None:
    log = put(lines(ROWS), log_file(tmp_path / "logs"))
    run = put("[{", tmp_path / "logs" / "run" / "per_instance_stats.json")
    responses, audit = ingest_logs(tmp_path / "logs")
    assert (len(responses.items), audit.rows) == (20, 20)
    assert [line.startswith(f"{run}:0: ") for line in audit.unreadable] == [True]
    for paths, asked in (([log, run], Asked()), ([tmp_path / "logs"], Asked(strict=True))):
        with pytest.raises(InputError, match=r"run_spec\.json|per_instance_stats"):
            ingest_logs(paths, asked)


def test_where_nothing_can_be_read_the_first_reason_is_told(tmp_path: Path) -> None:
    put("[{", tmp_path / "run" / "per_instance_stats.json")
    with pytest.raises(InputError, match=r"no response in 1 file.*per_instance_stats\.json:0: "):
        ingest_logs(tmp_path)


def test_responses_that_are_written_into_the_folder_of_logs_are_not_read_again(tmp_path: Path) -> None:
    put(lines(ROWS), log_file(tmp_path))
    out = tmp_path / "responses.parquet"
    responses, audit = ingest_logs(tmp_path)
    write_responses(responses, out)
    assert ingest_logs(tmp_path, leave=out)[1] == audit
    assert len(ingest_logs(tmp_path)[1].files) == 2


ENDS = """
import os, sys
from pathlib import Path
from easyhard.responses.formats.known import Format, format_named
from easyhard.responses.listing import LogFile
from easyhard.responses.log import Asked, FileRead
from easyhard.responses.reading import read_all

def read(path, asked):
    if sys.argv[1].startswith("dies"):
        os._exit(3)
    print(os.getpid(), flush=True)
    return FileRead("")

if __name__ == "__main__":
    logs = [Path(name) for name in sys.argv[2:]]
    files = [LogFile(log, format_named("lm-eval"), 1, named=False) for log in logs]
    files.insert(1, LogFile(Path("bad.parquet"), Format("bad", None, read), 1, named=sys.argv[1] == "dies, named"))
    for file, found in read_all(files, Asked(), 2):
        print(file.path.name, found.rows, [(one.line, one.finding) for one in found.broken], flush=True)
        sys.stdin.read()
"""


def child(tmp_path: Path, how: str, *logs: Path) -> subprocess.Popen[str]:
    script = tmp_path / "ends.py"
    script.write_text(ENDS)
    pipe, command = subprocess.PIPE, [sys.executable, str(script), how, *map(str, logs)]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system has no way to wait for another's child")
def test_a_process_that_reads_ends_with_the_one_that_is_killed(tmp_path: Path) -> None:
    with child(tmp_path, "is killed") as started:
        assert started.stdout is not None
        reader = os.pidfd_open(int(started.stdout.readline()))
        assert started.stdout.readline().startswith("bad.parquet")
        started.send_signal(signal.SIGKILL)
        assert select.select([reader], [], [], 30)[0]
        os.close(reader)


def test_an_interruption_is_told_once(tmp_path: Path) -> None:
    with child(tmp_path, "is interrupted") as started:
        assert started.stdout is not None
        assert started.stdout.readline() and started.stdout.readline()  # it was begun, and done
        os.killpg(started.pid, signal.SIGINT)  # as Ctrl-C does
        _, errors = started.communicate()
        assert errors.count("KeyboardInterrupt") == errors.count("Traceback") == 1


def test_a_file_that_ends_its_reader_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    logs = [put(lines(ROWS), log_file(tmp_path / str(number))) for number in range(5)]
    with child(tmp_path, "dies", *logs) as started:
        told, errors = started.communicate()
    assert not errors
    assert sorted(line.split()[1] for line in told.splitlines()) == ["0", *["20"] * 5]
    assert "bad.parquet 0 [(0, 'it ended the process that read it" in told


def test_a_file_that_was_named_and_ends_its_reader_is_an_error(tmp_path: Path) -> None:
    with child(tmp_path, "dies, named") as started:
        _, errors = started.communicate()
    assert errors.splitlines()[-1].startswith(f"easyhard.schema.{WorkError.__name__}: bad.parquet: it ended")


def test_parquet_is_read_by_other_processes_and_gives_the_same(tmp_path: Path) -> None:
    flat("struct").pipe(put_table, leaderboard_file(tmp_path))
    alone, there = ingest_logs(tmp_path), ingest_logs(tmp_path, processes=2)
    assert (alone[0].correct == there[0].correct).all()
    assert alone[1] == there[1]


def test_what_the_user_has_to_say_is_asked_also_of_a_log_among_others(tmp_path: Path) -> None:
    put(lines(ROWS), log_file(tmp_path / "named"))
    nameless = put(lines(ROWS), log_file(tmp_path / "other"))
    put_results(results(model="hf", model_args=None), nameless)
    nameless.parent.rename(tmp_path / "other" / "x")
    with pytest.raises(InputError, match="--respondent"):
        ingest_logs(tmp_path)
