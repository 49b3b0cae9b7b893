"""What Inspect's archives can hold besides plain members: zstd, chunked samples, and more than memory has room for."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from easyhard.responses.formats import inspect_log, inspect_zip
from easyhard.responses.log import Asked

zstandard = pytest.importorskip("zstandard", reason="the logs extra brings it")

ZSTD = 93
HEADER = json.dumps({"eval": {"task": "t", "model": "m", "created": "2026"}}).encode()


def sample(number: int, value: str) -> bytes:
    scores = {"match": {"value": value}}
    return json.dumps({"id": number, "epoch": 1, "input": f"q{number}", "target": "x", "scores": scores}).encode()


def pack(path: Path, members: Mapping[str, bytes], spoilt: str = "") -> Path:
    """A zip whose members are packed with zstd, as no zipfile before Python 3.14 writes; ``spoilt`` has another sum."""
    body, central = b"", b""
    for name, data in members.items():
        packed, at = zstandard.ZstdCompressor().compress(data), len(body)
        sums = zlib.crc32(data) ^ (name == spoilt), len(packed), len(data), len(name)
        body += struct.pack("<IHHHHHIIIHH", 0x04034B50, 63, 0, ZSTD, 0, 33, *sums, 0) + name.encode() + packed
        place = struct.pack("<IHHHHHHIIIH", 0x02014B50, 63, 63, 0, ZSTD, 0, 33, *sums)
        central += place + struct.pack("<HHHHII", 0, 0, 0, 0, 0, at) + name.encode()
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(members), len(members), len(central), len(body), 0)
    path.write_bytes(body + central + end)
    return path


def test_members_in_zstd_and_chunked_samples_are_read(tmp_path: Path) -> None:
    members = {
        "header.json": HEADER,
        "samples/1_epoch_1.json": sample(1, "C"),
        "samples/2_epoch_1/sample.json": sample(2, "I"),
        "samples/2_epoch_1/events/1.json": b"[]",
    }
    found = inspect_log.read(pack(tmp_path / "a.eval", members), Asked())
    assert found.runs[0].correct.tolist() == [1, 0]
    assert (found.rows, found.broken) == (2, [])


@pytest.mark.parametrize("method", ["zstd", "deflate"])
def test_a_member_that_unpacks_to_more_than_the_limit_is_named_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(inspect_zip, "LIMIT", 100_000)
    bomb = b'"' + b"x" * 20_000_000 + b'"'
    members = {"header.json": HEADER, "samples/1_epoch_1.json": sample(1, "C"), "samples/2_epoch_1.json": bomb}
    path = tmp_path / "a.eval"
    if method == "zstd":
        pack(path, members)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    found = inspect_log.read(path, Asked())
    assert found.rows == 2
    assert [one.finding for one in found.broken] == ["'samples/2_epoch_1.json' unpacks to more than 100,000 bytes"]
    assert found.runs[0].correct.tolist() == [1]


def test_a_member_whose_checksum_is_wrong_is_named(tmp_path: Path) -> None:
    members = {
        "header.json": HEADER,
        "samples/1_epoch_1.json": sample(1, "C"),
        "samples/2_epoch_1.json": sample(2, "C"),
    }
    found = inspect_log.read(pack(tmp_path / "a.eval", members, spoilt="samples/2_epoch_1.json"), Asked())
    assert len(found.broken) == 1 and "checksum" in found.broken[0].finding
    assert found.runs[0].source_id == ["1"]
