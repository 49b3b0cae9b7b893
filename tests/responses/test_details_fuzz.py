"""Whatever the bytes or the columns, a details file gives runs or an InputError, and no row is lost uncounted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from details_trees import QUESTIONS, flat, leaderboard_file, lighteval_file, put, structs
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.responses.formats import leaderboard_v1, lighteval
from easyhard.responses.formats.details import model_name
from easyhard.responses.log import Asked, FileRead
from easyhard.schema import InputError

VALUES = st.sampled_from(["9" * 400, "[" * 3000, "[" + "9" * 400 + "]", "", None, "nan", "1", "<b>", "../x\n"])


def tried(file: Path) -> list[FileRead]:
    """What both readers give, those left out that raise InputError."""
    found = []
    for reader in (leaderboard_v1, lighteval):
        reader.matches(file, file.read_bytes()[:65_536])
        try:
            found.append(reader.read(file, Asked(metric="acc")))
        except InputError as error:
            assert str(error)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3000))
def test_a_file_cut_off_anywhere_is_refused(length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = put(flat("struct"), leaderboard_file(Path(folder)))
        whole = file.read_bytes()
        file.write_bytes(whole[: min(length, len(whole) - 1)])
        assert tried(file) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(VALUES, min_size=4, max_size=4), st.sampled_from(["example", "choices", "gold_index", "acc"]))
def test_columns_of_other_kinds_lose_no_row(values: list[str | None], column: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = flat("columns").with_columns(pl.Series(column, values, dtype=pl.String))
        for read in tried(put(table, leaderboard_file(Path(folder)))):
            assert read.rows == len(QUESTIONS) == sum(len(run.item) for run in read.runs) + len(read.broken)


@pytest.mark.parametrize("column", ["doc", "metric", "model_response"])
def test_a_struct_of_another_kind_is_refused(tmp_path: Path, column: str) -> None:
    file = put(structs().with_columns(pl.lit(1).alias(column)), lighteval_file(tmp_path))
    assert tried(file) == []


@settings(max_examples=100, deadline=None)
@given(st.text() | st.sampled_from(["../x", "a\nb", "/x/<b>y</b>", "~/m", "c:\\m\\n", "..", "a/../b"]))
def test_a_name_is_one_line_and_no_path(text: str) -> None:
    name = model_name(text)
    assert name is None or (name.isprintable() and name.count("/") <= 1 and ".." not in name.split("/"))
