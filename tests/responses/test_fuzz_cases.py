"""What coverage-guided fuzzing of the readers (tools/fuzz_readers.py) found, made small: refused, or counted."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from details_trees import flat, leaderboard_file
from details_trees import put as put_table
from lm_eval_trees import lines, log_file, put

from easyhard.responses.formats.known import format_named
from easyhard.responses.log import Asked
from easyhard.schema import InputError


def parquet(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


CASES = {
    "an array that is no text": ("long", b'[{"respondent": "\xff", "item": "i", "correct": 1}]'),
    "lists in the cells of a wide table": ("wide", parquet(pl.DataFrame({"model": ["m"], "i": [[1.0]], "j": [1]}))),
}


def test_a_row_that_is_broken_in_two_ways_is_counted_once(tmp_path: Path) -> None:
    table = flat("columns").with_columns(
        pl.Series("example", ["", "a", "b", "c"]),
        pl.Series("acc", list("x101")),
        pl.Series("acc_norm", list("1111")),
    )
    found = format_named("leaderboard-v1").read(put_table(table, leaderboard_file(tmp_path)), Asked(metric="acc"))
    assert (found.rows, len(found.broken), len(found.runs[0].item)) == (4, 1, 3)


def test_a_key_that_could_be_no_field_is_no_metric(tmp_path: Path) -> None:
    rows = [{"doc_id": 0, "doc": {}, 'a "b"': 1, "\n": 0, "c\\": 1, "acc": 1}, {"doc_id": 1, "doc": {}, 'a "b"': 1}]
    log = put(lines(rows), log_file(tmp_path))
    found = format_named("lm-eval").read(log, Asked())
    assert (found.rows, len(found.broken), found.runs[0].metric) == (2, 1, "acc")


def test_a_row_without_a_metric_is_broken_also_where_a_key_is_empty(tmp_path: Path) -> None:
    log = log_file(tmp_path)
    log.parent.mkdir()
    log.write_bytes(b'{"doc_id": 0, "doc": {}, "resps": "\xff", "": "x"}\n')  # what is skipped need not be text
    found = format_named("lm-eval").read(log, Asked())
    assert (found.rows, len(found.broken), found.runs) == (1, 1, [])


@pytest.mark.parametrize("case", CASES)
def test_what_fuzzing_found_is_refused_with_a_sentence(case: str, tmp_path: Path) -> None:
    name, content = CASES[case]
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="could not be read as"):
        format_named(name).read(path, Asked())
