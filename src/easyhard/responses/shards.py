"""Responses in shards on disk, for those that do not fit in memory.

A folder holds ``shards.json``, names in ``respondents.parquet`` and ``items.parquet``, and the shards: Parquet
with ``respondent`` and ``item``, the places of their names, and ``correct``, in ascending order. A respondent's
responses are all in one shard, and a shard's respondents are consecutive.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from easyhard.schema import InputError, SparseResponses
from easyhard.tabular import read_errors

PathLike = str | os.PathLike[str]

CONTENTS, RESPONDENTS, ITEMS = "shards.json", "respondents.parquet", "items.parquet"


@dataclass(frozen=True, slots=True)
class ResponseShard:
    """Some respondents with all their responses: a file. Made to be sent to where it is read."""

    path: Path
    n_responses: int

    def load(self) -> SparseResponses:
        """The responses; respondents and items are places in the names of the whole."""
        with read_errors(self.path, "a shard of responses"):
            table = pl.read_parquet(self.path, columns=["respondent", "item", "correct"], glob=False)
        respondent = table["respondent"].to_numpy()
        starts = np.flatnonzero(np.diff(respondent, prepend=-1, append=-1))
        return SparseResponses(starts, table["item"].to_numpy(), table["correct"].to_numpy())


@dataclass(frozen=True, slots=True)
class ShardedResponses:
    """Who answered what correctly, as ``Responses`` does, in a folder."""

    folder: Path
    shards: tuple[ResponseShard, ...]
    n_respondents: int
    n_items: int

    @property
    def n_responses(self) -> int:
        """Number of observed responses."""
        return sum(shard.n_responses for shard in self.shards)

    @property
    def respondents(self) -> tuple[str, ...]:
        """Names of the respondents, in the order of the shards; read anew each time."""
        return _names(self.folder / RESPONDENTS)

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items, in the order of their numbers; read anew each time."""
        return _names(self.folder / ITEMS)


class ShardEntry(msgspec.Struct, frozen=True):
    """A line of the table of contents."""

    file: str
    n_responses: int


class Contents(msgspec.Struct, frozen=True):
    """``shards.json``."""

    n_respondents: int
    n_items: int
    shards: list[ShardEntry]
    version: int = 1


def open_shards(folder: PathLike) -> ShardedResponses:
    """The responses that ``write_shards`` has put into ``folder``. Nothing but the table of contents is read.

    Raises InputError if the folder is not of that kind, or a shard is missing.
    """
    where = Path(folder).resolve()
    contents = where / CONTENTS
    if not contents.is_file():
        raise InputError(f"{folder} holds no {CONTENTS}. Name a folder that write_shards has made.")
    with read_errors(contents, "the table of contents of shards"):
        found = msgspec.json.decode(contents.read_bytes(), type=Contents)
    shards = tuple(ResponseShard(where / entry.file, entry.n_responses) for entry in found.shards)
    missing = [shard.path for shard in shards if not shard.path.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(shards)} shards are missing (first: {missing[0]}). "
            "Copy the whole folder, or write it anew with write_shards."
        )
    return ShardedResponses(where, shards, found.n_respondents, found.n_items)


def _names(path: Path) -> tuple[str, ...]:
    with read_errors(path, "names"):
        return tuple(pl.read_parquet(path, glob=False)["name"].to_list())
