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
from easyhard.responses.reading import readers, result_of
if __name__ == "__main__":
    with readers(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        if sys.argv[1] == "dies":
            result_of(pool.submit(os._exit, 3), [])
        sys.stdin.read()
"""


def child(how: str, tmp_path: Path) -> subprocess.Popen[str]:
    script = tmp_path / "ends.py"
    script.write_text(ENDS)
    pipe, command = subprocess.PIPE, [sys.executable, script, how]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system has no way to wait for another's child")
def test_a_process_that_reads_ends_with_the_one_that_is_killed(tmp_path: Path) -> None:
    with child("is killed", tmp_path) as started:
        assert started.stdout is not None
        reader = os.pidfd_open(int(started.stdout.readline()))
        started.send_signal(signal.SIGKILL)
        assert select.select([reader], [], [], 30)[0]
        os.close(reader)


def test_an_interruption_is_told_once(tmp_path: Path) -> None:
    with child("is interrupted", tmp_path) as started:
        assert started.stdout is not None
        started.stdout.readline()
        os.killpg(started.pid, signal.SIGINT)  # as Ctrl-C does
        _, errors = started.communicate()
        assert errors.count("KeyboardInterrupt") == errors.count("Traceback") == 1


def test_a_process_that_dies_while_it_reads_is_told_as_such(tmp_path: Path) -> None:
    with child("dies", tmp_path) as started:
        _, errors = started.communicate()
        assert WorkError.__name__ in errors
        assert "ended before its time" in errors


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
