"""What a training found unusual about its model's tokens: kept beside its log, and said once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from easyhard.files import write_json
from easyhard.study.cells import Cell

NOTES = "notes.json"


def write_notes(notes: Sequence[str], folder: Path) -> None:
    """Write the sentences, if there are any."""
    if notes:
        write_json(list(notes), folder / NOTES)


def notes_of(cell: Cell) -> list[str]:
    """The sentences of a cell's training; none if it has not been trained, or found nothing unusual."""
    if cell.train is None or not cell.train.is_done:
        return []
    try:
        found = json.loads((cell.train.folder / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(note) for note in found] if isinstance(found, list) else []
