"""From one long table to shards, in memory that does not grow with the number of responses.

The table is read twice in batches of rows: once for the names and how many responses each respondent has, once
to hand every response to the file of its shard. Then the shards are sorted, one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from easyhard.atomic import whole_folder, write_parquet
from easyhard.responses import shards
from easyhard.responses.columns import correct_codes, names_in
from easyhard.responses.shards import Contents, PathLike, ShardedResponses, ShardEntry, open_shards
from easyhard.responses.table import COLUMNS
from easyhard.schema import MISSING, InputError
from easyhard.tabular import read_errors, scan_parquet
from easyhard.wording import counted, shown

RESPONSES_PER_SHARD = 2_000_000  # ours: less than 100 MB while a shard is worked on

_BATCH = 2_000_000  # rows read at once
_ROW = np.dtype([("respondent", "<i4"), ("item", "<i4"), ("correct", "i1")])  # as handed out: 9 bytes a response

Codes = npt.NDArray[np.int32]


def write_shards(
    table: PathLike | Sequence[PathLike] | pl.DataFrame,
    folder: PathLike,
    responses_per_shard: int = RESPONSES_PER_SHARD,
    columns: Mapping[str, str] | None = None,
) -> ShardedResponses:
    """Put the responses of a long table into shards in ``folder``: what ``read_responses`` is for smaller ones.

    ``table`` is one Parquet file or several, or a Polars table, with columns ``respondent, item, correct``. What
    these may hold, and what ``columns`` is for, is as in ``read_responses``; rows may come in any order. A shard
    gets whole respondents, in the order of their names, and about ``responses_per_shard`` responses; with very
    many items take more, see ``fit_rasch_sharded``. While at work the folder takes 9 bytes a response extra.

    The folder appears when all is written, in the place of older shards. Raises InputError for a table that
    ``read_responses`` would refuse, or if the folder holds anything but shards.
    """
    if responses_per_shard < 1:
        raise InputError(f"responses_per_shard is {responses_per_shard}. Give a number of at least 1.")
    parts = _parts(table, columns)
    with whole_folder(folder, replaceable=lambda old: (old / shards.CONTENTS).is_file()) as new:
        names = _survey(parts)
        shard_of = _shard_of(names.n_responses, responses_per_shard)
        _hand_out(parts, names, shard_of, new)
        entries = [_finish(new, shard, names) for shard in range(int(shard_of[-1]) + 1)]
        write_parquet(pl.DataFrame({"name": names.respondents}), new / shards.RESPONDENTS)
        write_parquet(pl.DataFrame({"name": names.items}), new / shards.ITEMS)
        contents = Contents(len(names.respondents), len(names.items), entries)
        (new / shards.CONTENTS).write_bytes(msgspec.json.format(msgspec.json.encode(contents), indent=1))
    return open_shards(folder)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that are not yet read, and where from."""

    rows: pl.LazyFrame
    source: Path | str

    def batches(self) -> Iterator[tuple[pl.DataFrame, int]]:
        """The rows, batch after batch, with ``correct`` as codes; and how many rows came before."""
        before = 0
        while True:
            with read_errors(self.source, "a table in Parquet"):
                batch = self.rows.slice(before, _BATCH).collect()
            if batch.is_empty():
                break
            codes = correct_codes(batch["correct"], self.source, before)
            yield batch.with_columns(correct=pl.Series(codes)), before
            before += len(batch)


def _parts(table: PathLike | Sequence[PathLike] | pl.DataFrame, columns: Mapping[str, str] | None) -> list[_Part]:
    if isinstance(table, pl.DataFrame):
        called = {name: (columns or {}).get(name, name) for name in COLUMNS}
        absent = [theirs for theirs in called.values() if theirs not in table.columns]
        if absent:
            raise InputError(
                f"the table has no column {shown(absent[0])}; it has {table.columns}. "
                "Rename its columns, or say what they are called: columns={'respondent': 'model'}."
            )
        return [_Part(pl.DataFrame({name: table[theirs] for name, theirs in called.items()}).lazy(), "the table")]
    paths = [Path(one) for one in ([table] if isinstance(table, str | os.PathLike) else table)]
    if not paths:
        raise InputError("no file of responses was given. Name at least one.")
    return [_Part(scan_parquet(path, COLUMNS, columns), path) for path in paths]


@dataclass(frozen=True, slots=True)
class _Names:
    """Names in order, of those with a response, and how many responses each respondent has."""

    respondents: pl.Series
    items: pl.Series
    n_responses: npt.NDArray[np.int64]  # [respondents]


def _survey(parts: Sequence[_Part]) -> _Names:
    respondents = pl.DataFrame(schema={"name": pl.String, "n": pl.Int64})
    items = pl.Series(dtype=pl.String)
    for part in parts:
        for batch, before in part.batches():
            for axis in ("respondent", "item"):
                names_in(batch[axis], part.source, before)
            observed = batch.filter(pl.col("correct") != MISSING)
            found = observed.group_by(pl.col("respondent").alias("name")).agg(n=pl.len().cast(pl.Int64))
            both = pl.concat([respondents, found.with_columns(pl.col("name").cast(pl.String))])
            respondents = both.group_by("name").agg(pl.col("n").sum())
            items = pl.concat([items, observed["item"].unique().cast(pl.String)]).unique()
    if respondents.is_empty():
        raise InputError(
            f"no response in {', '.join(str(part.source) for part in parts)}: there is no row, or every cell of "
            "'correct' is empty. Write 1 for correct and 0 for wrong."
        )
    respondents = respondents.sort("name")
    return _Names(respondents["name"], items.sort(), respondents["n"].to_numpy())


def _shard_of(n_responses: npt.NDArray[np.int64], per_shard: int) -> Codes:
    """Shard of each respondent, whose responses stay together: [respondents], never falling, without a gap."""
    before = np.cumsum(n_responses) - n_responses
    return np.asarray(np.unique(before // per_shard, return_inverse=True)[1], dtype=np.int32)


def _hand_out(parts: Sequence[_Part], names: _Names, shard_of: Codes, folder: Path) -> None:
    """Append every response to the rows of its shard."""
    for part in parts:
        for batch, _ in part.batches():
            observed = batch.filter(pl.col("correct") != MISSING)
            rows = np.empty(len(observed), dtype=_ROW)
            rows["respondent"] = _places(observed["respondent"], names.respondents)
            rows["item"] = _places(observed["item"], names.items)
            rows["correct"] = observed["correct"].to_numpy()
            shard = shard_of[rows["respondent"]]
            order = np.argsort(shard, kind="stable")
            here, starts = np.unique(shard[order], return_index=True)
            for number, chosen in zip(here, np.split(order, starts[1:]), strict=False):
                with _rows_file(folder, int(number)).open("ab") as file:
                    rows[chosen].tofile(file)


def _finish(folder: Path, shard: int, names: _Names) -> ShardEntry:
    """Sort the rows of a shard and write them as it will be read. InputError if a pair occurs twice."""
    rows = np.fromfile(_rows_file(folder, shard), dtype=_ROW)
    pair = rows["respondent"].astype(np.int64) * len(names.items) + rows["item"]
    order = np.argsort(pair)
    repeated = np.flatnonzero(np.diff(pair[order]) == 0)
    if len(repeated):
        first = rows[order[repeated[0]]]
        who, what = names.respondents[int(first["respondent"])], names.items[int(first["item"])]
        raise InputError(
            f"{counted(len(repeated), 'response')} too many of a respondent to an item "
            f"(first: {shown(who)} on {shown(what)}). "
            "Keep one row for each pair, or give every run a name of its own, such as 'model/run-2'."
        )
    file = f"shard-{shard:05}.parquet"
    columns: dict[str, Any] = {name: np.ascontiguousarray(rows[name][order]) for name in COLUMNS}
    write_parquet(pl.DataFrame(columns), folder / file)
    _rows_file(folder, shard).unlink()
    return ShardEntry(file, len(rows))


def _rows_file(folder: Path, shard: int) -> Path:
    return folder / f"{shard}.rows"


def _places(column: pl.Series, names: pl.Series) -> Codes:
    """Place in ``names`` of every value of ``column``."""
    known = pl.DataFrame({"name": names, "place": np.arange(len(names), dtype=np.int32)})
    values = pl.DataFrame({"value": column.unique()}).with_columns(name=pl.col("value").cast(pl.String))
    placed = values.join(known, on="name").select("value", "place")
    found = column.to_frame("value").join(placed, on="value", how="left", maintain_order="left")
    return found["place"].to_numpy()
