"""A file of responses that is not what was written is refused, wherever it was damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easyhard.responses import ingest_logs, read_responses, write_responses
from easyhard.responses.checksum import KEY, refuse_changed
from easyhard.schema import InputError, Responses

SOME = Responses(np.array([[1, 0, -1], [0, 1, 1]], dtype=np.int8), ("ann", "bob"), ("x/1", "x/2", "x/3"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("responses") / "responses.parquet"
    write_responses(SOME, path)
    return path


def test_what_was_written_is_read_and_other_readers_see_a_usual_file(written: Path) -> None:
    assert np.array_equal(read_responses(written).correct, SOME.correct)
    assert len(pl.read_parquet_metadata(written)[KEY]) == 64
    assert pl.read_parquet(written).height == 5


@settings(max_examples=300, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_flipped_bit_is_noticed_or_changes_nothing(written: Path, place: float, bit: int) -> None:
    data = bytearray(written.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    damaged = written.with_name("damaged.parquet")
    damaged.write_bytes(data)
    try:
        again = read_responses(damaged)
    except InputError as error:
        assert str(error)
    else:
        assert (again.correct.tolist(), again.items) == (SOME.correct.tolist(), SOME.items)


def test_one_answer_turned_round_is_refused_by_both_ways_of_reading(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    turned = pl.read_parquet(written).with_columns(correct=1 - pl.col("correct"))
    turned.write_parquet(path, metadata={KEY: pl.read_parquet_metadata(written)[KEY]})
    for read in (read_responses, ingest_logs):
        with pytest.raises(InputError, match=f"without the metadata {KEY}"):
            read(path)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"\xff" * 9, b"PAR1" + b"\xff" * 4 + b"PAR1", b"easyhard.sha256"])
def test_a_file_without_a_digest_is_left_to_its_reader(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    refuse_changed(path)
    assert path.read_bytes() == data
