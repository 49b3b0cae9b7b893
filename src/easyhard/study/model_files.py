"""What the files of a local model say without being loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def stored_shapes(folder: Path) -> dict[str, list[int]]:
    """Shapes of a local model's weights by name, from the heads of its safetensors files; empty if there are none."""
    found: dict[str, list[int]] = {}
    for file in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        head = _head(file)
        found |= {name: entry["shape"] for name, entry in head.items() if name != "__metadata__"}
    return found


def _head(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        head: dict[str, Any] = json.loads(stream.read(min(length, 100_000_000)))
    return head
