"""A folder to the Hugging Face hub: the only place that writes there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from easyhard.schema import InputError, WorkError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def refuse_bad_name(name: str) -> None:
    """Raise InputError, before any work, for what is no name of a repository, or without huggingface_hub."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name on the hub. Write owner/name.")
    try:
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        raise InputError("Pushing needs huggingface_hub: pip install 'easyhard[hub]'.") from error


def push_folder(folder: Path, name: str, kind: Literal["model", "dataset"], *, private: bool = True) -> str:
    """Upload a folder as one commit to the repository ``name``, made if it is not there; returns its address.

    Made private unless told otherwise: what is public cannot be taken back. Raises WorkError if the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        address = api.create_repo(name, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, repo_type=kind, commit_message="Written by easyhard")
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkError(
            f"{name} could not be pushed: {said} What was exported stays in {folder}. Log in with hf auth login, with "
            "a token that may write there, and give the command again."
        ) from error
    return str(address)
