"""Promises of sharded responses: the same responses as read whole, whatever the order of rows and the cut."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easyhard.responses import read_responses
from easyhard.responses.shard_writer import write_shards
from easyhard.responses.shards import ShardedResponses, open_shards
from easyhard.schema import MISSING, InputError, IntArray

RESPONDENTS = ["ann", "bob", "0007", "模型-7B/é", "*", " padded "]
ITEMS = ["i1", "^a.*$", "quo\"te'd", "two\nlines"]


def long_table(n_respondents: int, n_items: int, missing: float, seed: int) -> pl.DataFrame:
    """Rows in any order."""
    rng = np.random.default_rng(seed)
    row, column = np.nonzero(rng.random((n_respondents, n_items)) >= missing)
    table = pl.DataFrame({"respondent": row, "item": column, "correct": rng.integers(0, 2, len(row))})
    return table.sample(fraction=1, shuffle=True, seed=seed)


def dense(found: ShardedResponses) -> IntArray:
    """The matrix that the shards make up: [respondents, items]."""
    rows = []
    for shard in found.shards:
        responses = shard.load()
        assert len(responses.item) == shard.n_responses
        for start, end in zip(responses.starts, responses.starts[1:], strict=False):
            row: IntArray = np.full(found.n_items, MISSING, dtype=np.int8)
            row[responses.item[start:end]] = responses.correct[start:end]
            rows.append(row)
    return np.array(rows)


def assert_as_read_whole(found: ShardedResponses, path: Path) -> None:
    whole = read_responses(path)
    assert found.respondents == whole.respondents
    assert found.items == whole.items
    assert (found.n_respondents, found.n_items) == whole.correct.shape
    assert found.n_responses == np.count_nonzero(whole.correct != MISSING)
    np.testing.assert_array_equal(dense(found), whole.correct)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.5, 0.9]),
    per_shard=st.sampled_from([1, 7, 30, 10_000]),
    batch=st.sampled_from([1, 13, 10_000]),
)
def test_shards_hold_what_the_table_read_whole_holds(
    tmp_path: Path, seed: int, missing: float, per_shard: int, batch: int
) -> None:
    table = long_table(12, 9, missing, seed)
    table.write_parquet(tmp_path / "long.parquet")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("easyhard.responses.shard_writer._BATCH", batch)
        found = write_shards(tmp_path / "long.parquet", tmp_path / "shards", per_shard)
    assert_as_read_whole(found, tmp_path / "long.parquet")
    assert_as_read_whole(open_shards(tmp_path / "shards"), tmp_path / "long.parquet")
    assert all(shard.n_responses < per_shard + 9 for shard in found.shards)  # by less than one respondent more


def test_hostile_names_empty_cells_and_several_files_are_taken_as_when_read_whole(tmp_path: Path) -> None:
    rows = [(who, what) for who in RESPONDENTS for what in ITEMS]
    table = pl.DataFrame(rows, schema=["respondent", "item"], orient="row").with_columns(
        correct=pl.Series(["1", "0", " TRUE ", "false", "", None] * 4)
    )
    table.write_parquet(tmp_path / "whole.parquet")
    table[:9].with_columns(pl.col("item").cast(pl.Categorical)).write_parquet(tmp_path / "a [1].parquet")
    table[9:].write_parquet(tmp_path / "b.parquet")
    found = write_shards([tmp_path / "a [1].parquet", tmp_path / "b.parquet"], tmp_path / "sh[a]rds", 5)
    assert_as_read_whole(found, tmp_path / "whole.parquet")
    assert_as_read_whole(write_shards(table, tmp_path / "sh[a]rds"), tmp_path / "whole.parquet")


def test_a_handle_is_small_and_loads_after_pickling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = write_shards(long_table(200, 50, 0.1, 0), "shards", 2000)
    assert len(found.shards) > 3
    monkeypatch.chdir("/")  # a worker may be anywhere
    for shard in found.shards:
        sent = pickle.dumps(shard)
        assert len(sent) < 1000
        loaded, direct = pickle.loads(sent).load(), shard.load()
        np.testing.assert_array_equal(loaded.item, direct.item)
        assert (loaded.item.dtype, loaded.correct.dtype) == (np.int32, np.int8)


def test_other_column_names_are_taken_if_said(tmp_path: Path) -> None:
    table = long_table(5, 6, 0.2, 1)
    table.rename({"respondent": "model", "correct": "acc"}).write_parquet(tmp_path / "long.parquet")
    columns = {"respondent": "model", "correct": "acc"}
    by_file = write_shards(tmp_path / "long.parquet", tmp_path / "a", columns=columns)
    by_table = write_shards(pl.read_parquet(tmp_path / "long.parquet"), tmp_path / "b", columns=columns)
    np.testing.assert_array_equal(dense(by_file), dense(by_table))
    with pytest.raises(InputError, match=r"no column 'respondent'.*Did you mean 'model'"):
        write_shards(tmp_path / "long.parquet", tmp_path / "c")
    with pytest.raises(InputError, match="no column 'respondent'"):
        write_shards(pl.read_parquet(tmp_path / "long.parquet"), tmp_path / "c")


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ({"correct": "2"}, "neither right nor wrong.*'2' in row 31"),
        ({"respondent": ""}, "without a name for the respondent.*row 31"),
        ({"item": None}, "without a name for the item.*row 31"),
        ({"respondent": "1", "item": "1"}, "1 response too many.*'1' on '1'"),
    ],
)
def test_bad_rows_are_refused_with_their_place_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: dict[str, str | None], finding: str
) -> None:
    monkeypatch.setattr("easyhard.responses.shard_writer._BATCH", 10)
    good = long_table(6, 5, 0.0, 2).with_columns(pl.all().cast(pl.String))
    bad = pl.DataFrame([{"respondent": "new", "item": "1", "correct": "1"} | row], schema=good.schema)
    pl.concat([good, bad]).write_parquet(tmp_path / "long.parquet")
    with pytest.raises(InputError, match=finding):
        write_shards(tmp_path / "long.parquet", tmp_path / "shards")
    assert [path.name for path in tmp_path.iterdir()] == ["long.parquet"]


def test_what_is_no_table_or_has_no_response_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("respondent,item,correct\na,b,1\n")
    with pytest.raises(InputError, match="could not be read as a table in Parquet"):
        write_shards(tmp_path / "long.csv", tmp_path / "shards")
    with pytest.raises(InputError, match="no response in the table"):
        write_shards(long_table(3, 3, 0.0, 0).with_columns(correct=None), tmp_path / "shards")
    with pytest.raises(InputError, match="no file"):
        write_shards([], tmp_path / "shards")
    with pytest.raises(InputError, match="at least 1"):
        write_shards(long_table(3, 3, 0.0, 0), tmp_path / "shards", 0)


def test_only_shards_are_replaced_and_only_by_whole_ones(tmp_path: Path) -> None:
    first = write_shards(long_table(6, 5, 0.0, 2), tmp_path / "shards", 7)
    with pytest.raises(InputError, match="no response"):
        write_shards(pl.DataFrame({"respondent": [], "item": [], "correct": []}), tmp_path / "shards")
    assert dense(open_shards(tmp_path / "shards")).shape == (6, 5)
    second = write_shards(long_table(7, 4, 0.0, 3), tmp_path / "shards", 1000)
    assert len(second.shards) < len(first.shards)
    assert sorted(path.name for path in second.folder.iterdir()) == [
        "items.parquet",
        "respondents.parquet",
        "shard-00000.parquet",
        "shards.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="something else"):
        write_shards(long_table(3, 3, 0.0, 0), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no shards\.json"):
        open_shards(tmp_path)
    found = write_shards(long_table(6, 5, 0.0, 2), tmp_path / "shards", 7)
    found.shards[1].path.write_bytes(b"PAR1 no longer")
    with pytest.raises(InputError, match=r"shard-00001.* could not be read as a shard"):
        found.shards[1].load()
    found.shards[2].path.unlink()
    with pytest.raises(InputError, match=r"1 of 4 shards are missing .*shard-00002"):
        open_shards(found.folder)
    (found.folder / "shards.json").write_text("{}")
    with pytest.raises(InputError, match="table of contents"):
        open_shards(found.folder)
