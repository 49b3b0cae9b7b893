"""List and fetch files of the Hugging Face hub: each is there whole and verified, or not at all."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyhard.responses.hub_patience import Mismatch, Patience, responses_of, status_of
from easyhard.responses.hub_plan import HubFile
from easyhard.schema import InputError, WorkError

PARTS = ".pull"  # below the folder, so that a finished file takes its name by a rename within one disk
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


class Hub:
    """The hub that HF_ENDPOINT names, or the public one, through its own client, with the token it knows."""

    def __init__(self, patience: Patience) -> None:
        try:
            from huggingface_hub import HfApi
        except ImportError as error:
            raise InputError("Pulling needs the hub's client. Install it: pip install 'easyhard[hub]'.") from error
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise InputError("HF_HUB_OFFLINE is set, so nothing can be pulled. Unset it.")
        self.url = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        self._api = HfApi(endpoint=self.url)
        self._patience = patience

    def repositories(self, owner: str) -> list[str]:
        """Data sets of ``owner``, those downloaded most in the last 30 days first."""
        listed = self._patience.insist(lambda: list(self._api.list_datasets(author=owner)))
        listed.sort(key=lambda info: (-(info.downloads or 0), info.id))
        return [info.id for info in listed]

    def files(self, repository: str) -> list[HubFile]:
        """All files of a data set, with size and digest."""
        tree = self._patience.insist(
            lambda: list(self._api.list_repo_tree(repository, recursive=True, repo_type="dataset"))
        )
        found = []
        for entry in tree:
            digest = getattr(getattr(entry, "lfs", None), "sha256", None) or getattr(entry, "blob_id", None)
            size = getattr(entry, "size", None)
            if isinstance(digest, str) and isinstance(size, int) and size >= 0:
                found.append(HubFile(repository, entry.path, size, digest))
        return found

    def fetch(self, file: HubFile, folder: Path) -> bool:
        """Put ``file`` in ``folder`` unless it is there; whether it was downloaded.

        What arrives goes to a place of its own, is verified and reaches the disk, and only then takes its name.
        A part is of no further use: the client begins a file anew.
        """
        target = file.target(folder)
        if not target.parent.resolve().is_relative_to(folder.resolve()):
            raise ValueError("a link in the folder leads out of it")
        if is_whole(target, file):
            return False
        key = hashlib.sha256(f"{file.repository}\0{file.path}\0{file.digest}".encode()).hexdigest()[:24]
        part = folder / PARTS / key
        try:
            self._patience.insist(lambda: self._try(file, part, target))
        except OSError as error:
            if not any(responses_of(error)) and error.errno in NO_ROOM:
                raise WorkError(
                    f"{target} could not be written: {error.strerror}. Make room, or see that the folder may be "
                    "written to, and pull again: what is there is not downloaded anew."
                ) from error
            raise
        return True

    def _try(self, file: HubFile, part: Path, target: Path) -> None:
        part.mkdir(parents=True, exist_ok=True)
        arrived = Path(self._api.hf_hub_download(file.repository, file.path, repo_type="dataset", local_dir=part))
        if not is_whole(arrived, file):
            shutil.rmtree(part, ignore_errors=True)  # or the client would take the wrong bytes for the file
            raise Mismatch("what arrived is not what the hub lists: its size or its digest differs")
        with arrived.open("rb+") as opened:
            os.fsync(opened.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        arrived.replace(target)
        shutil.rmtree(part, ignore_errors=True)

    @staticmethod
    def clear(folder: Path) -> None:
        """Remove the parts that a killed pull left in ``folder``."""
        shutil.rmtree(folder / PARTS, ignore_errors=True)

    def refusal(self, repository: str, error: BaseException) -> str:
        """A sentence on why the hub did not give something of ``repository``, with the next step."""
        page = f"{self.url}/datasets/{repository}"
        if is_gated(error):
            return f"Access needs the owner's conditions: accept them at {page}, set HF_TOKEN, and pull again."
        status = status_of(error)
        if status in {401, 403, 404}:
            return f"The hub has no {page}, or not for you. Check the model's name, and HF_TOKEN if it is private."
        if status is not None:
            return f"The hub answered {status} too often. Pull again later: what is there is not downloaded anew."
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        return f"It failed: {first}. Pull again: what is there is not downloaded anew."


def is_gated(error: BaseException) -> bool:
    """Whether the hub refused because conditions have to be accepted first."""
    return any(
        response.status_code in {401, 403} and response.headers.get("X-Error-Code") == "GatedRepo"
        for response in responses_of(error)
    )


def is_whole(path: Path, file: HubFile) -> bool:
    """Whether ``path`` has the size and the digest of ``file``."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256() if len(file.digest) == 64 else hashlib.sha1(b"blob %d\0" % file.size)  # git's own
    with path.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == file.digest


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the client's bars and warnings: a pull tells its own progress."""
    from huggingface_hub.utils import logging as client_log
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    silent, verbosity = are_progress_bars_disabled(), client_log.get_verbosity()
    disable_progress_bars()
    client_log.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        client_log.set_verbosity(verbosity)
        if not silent:
            enable_progress_bars()
