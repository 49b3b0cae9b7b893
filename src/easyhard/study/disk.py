"""A disk that takes no more, which stops a study: nothing that it goes on to make could be kept."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from easyhard.schema import WorkError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)  # no space, quota, read-only, longer than a file may be
REFUSED = (errno.EACCES, errno.EPERM)  # of the disk only if met in the study's own folder
SAID = re.compile(r"\(os error (\d+)\)")  # what safetensors, not being Python, says instead of an errno


class DiskError(WorkError):
    """The study's folder takes no more output. No cell's failure: all that follow would meet it too."""


def disk_trouble(error: BaseException, folder: Path) -> str | None:
    """What the disk below ``folder`` said, if that is what lies behind ``error``; else None."""
    cause: BaseException | None = error
    while cause is not None:
        number = _number(cause)
        named = str(getattr(cause, "filename", None) or "")
        if number in FULL or (number in REFUSED and named.startswith(str(folder.parent))):
            return os.strerror(number)
        cause = cause.__cause__ or cause.__context__
    return None


def _number(error: BaseException) -> int:
    if isinstance(error, OSError):
        return error.errno or 0
    said = SAID.search(str(error))
    return int(said.group(1)) if said else 0
