"""Weights on disk: all files of an adapter or checkpoint, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from easyhard.schema import WorkError


def save_whole(folder: Path, save: Callable[[Path], None]) -> None:
    """Let ``save`` fill a folder, and move its files into ``folder`` when all are there.

    Raises WorkError, with nothing half-saved, when the disk is full or may not be written to.
    """
    from safetensors import SafetensorError  # what its writer raises on a full disk

    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
        save(temporary)
        for file in sorted(temporary.iterdir()):
            file.replace(folder / file.name)
    except (OSError, SafetensorError) as error:
        raise WorkError(
            f"what was trained could not be saved in {folder}: {error}. "
            "Free some space or mend its rights, and train again; nothing was half-saved."
        ) from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
