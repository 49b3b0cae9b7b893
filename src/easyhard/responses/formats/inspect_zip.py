"""Members of a zip archive, deflated or in zstd, bounded in size; nothing is unpacked to disk."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

from easyhard.responses.log import ChoiceNeeded
from easyhard.schema import InputError

LIMIT = 256_000_000  # bytes of one member once unpacked: far above a long transcript, far below a machine's memory
ZSTD = 93  # the number of zstd in zip, which Python knows from 3.14 on


class BadMember(ValueError):
    """A member that cannot be unpacked."""


class Members:
    """An archive's members by name; of several by one name, the last. The archive stays on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise InputError(f"{path} is not a whole zip archive: {error}. Give a complete log.") from error
        self._infos = {info.filename: info for info in self._zip.infolist()}
        self.names = tuple(self._infos)

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """Bytes of a member. Raises BadMember if it is damaged or larger than ``LIMIT``."""
        info = self._infos[name]
        decoder = _zstandard(self._path) if info.compress_type == ZSTD else None
        try:
            data = self._zstd(info, decoder) if decoder else self._plain(info)
        except (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile, struct.error) as error:
            raise BadMember(f"{name[:80]!r} cannot be unpacked: {error}") from error
        if len(data) > LIMIT:
            raise BadMember(f"{name[:80]!r} unpacks to more than {LIMIT:,} bytes")
        return data

    def _plain(self, info: zipfile.ZipInfo) -> bytes:
        with self._zip.open(info) as member:
            return member.read(LIMIT + 1)

    def _zstd(self, info: zipfile.ZipInfo, zstandard: Any) -> bytes:
        with self._path.open("rb") as file:
            file.seek(info.header_offset + 26)
            name, extra = struct.unpack("<HH", file.read(4))  # lengths in the local header
            file.seek(name + extra, os.SEEK_CUR)
            packed = file.read(info.compress_size)
        try:
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                data = bytes(stream.read(LIMIT + 1))
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        if len(data) <= LIMIT and zlib.crc32(data) != info.CRC:
            raise ValueError("its checksum is wrong")
        return data


def _zstandard(path: Path) -> Any:
    try:
        return import_module("zstandard")
    except ImportError:
        raise ChoiceNeeded(f"{path} is packed with zstd. Run: pip install zstandard.") from None
