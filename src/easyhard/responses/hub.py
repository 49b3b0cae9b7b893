"""Pull the Open LLM Leaderboard's per-example results from the Hugging Face hub into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from easyhard.responses.hub_files import Hub, is_gated, quiet
from easyhard.responses.hub_patience import Patience, status_of
from easyhard.responses.hub_plan import (
    HubFile,
    Leaderboard,
    Source,
    is_details,
    is_safe,
    leaderboard,
    repository_of,
    wanted,
    within,
)
from easyhard.schema import InputError, WorkError
from easyhard.wording import counted, shown

AT_ONCE = 8  # downloads: a home line is full by then, and the hub does not yet complain


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be had: one file, or with ``path`` "" a whole repository. ``finding`` says what to do."""

    repository: str
    path: str
    finding: str
    gated: bool = False


@dataclass(slots=True)
class Pulled:
    """What a pull did. ``files`` are in the folder, verified, in the order of the plan."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    n_downloaded: int = 0
    bytes_downloaded: int = 0
    refused: list[Refused] = field(default_factory=list)
    n_over_quota: int = 0  # files that were not begun because of the quota
    bytes_over_quota: int = 0

    def summary(self) -> str:
        """A few sentences with the figures, and what to do next."""
        present = len(self.files) - self.n_downloaded
        told = [
            f"{counted(len(self.files), 'file')} in {self.folder}: {self.n_downloaded:,} downloaded "
            f"({self.bytes_downloaded:,} bytes), {present:,} already there."
        ]
        gated = {one.repository for one in self.refused if one.gated}
        if gated:
            told.append(f"{len(gated):,} of the repositories ask to accept conditions first.")
        if self.refused:
            first = self.refused[0]
            place = f"{first.repository} {first.path}".strip()
            told.append(f"{counted(len(self.refused), 'refusal')}, the first of {shown(place)}: {first.finding}")
        if self.n_over_quota:
            told.append(
                f"Stopped at the quota: {counted(self.n_over_quota, 'file')} ({self.bytes_over_quota:,} bytes) left. "
                "Pull again with a larger one to go on."
            )
        return " ".join(told)


def pull(
    source: Source,
    benchmarks: Sequence[str],
    folder: Path,
    models: Sequence[str] | None = None,
    top: int | None = None,
    quota_bytes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_file: Callable[[Path], None] | None = None,
    patience: Patience | None = None,
) -> Pulled:
    """Download what ``models``, or the ``top`` models, answered to ``benchmarks``.

    ``top`` goes by downloads of the model's details in the last 30 days, the only order the hub has for them; it is
    no order of ability. ``quota_bytes`` bounds the files of this pull, those already there included.
    ``progress`` gets the bytes that are there and the bytes there will be; ``on_file`` each file once it is
    verified, also one that was there already. Both run in the calling thread.

    A file has its name only when it is whole, so the same call goes on with a pull that was ended in any way: it
    downloads the files that are not there, each from its beginning.
    One pull at a time may write to a folder. Raises InputError for a wrong call, WorkError where the hub cannot be
    reached or the disk is full; what the hub refuses is listed in ``Pulled.refused``, and the others go on.
    """
    board = leaderboard(source, benchmarks)
    _check_choice(models, top, quota_bytes)
    asked = list(dict.fromkeys(repository_of(model, board) for model in models or ()))
    hub = Hub(patience or Patience())
    hub.clear(folder)
    pulled = Pulled(folder)
    with quiet(), _pool() as pool:
        repositories = asked or _listed(hub, board, top)
        files = _plan(hub, pool, repositories, board, benchmarks, pulled)
        count = within(files, quota_bytes)
        pulled.n_over_quota = len(files) - count
        pulled.bytes_over_quota = sum(file.size for file in files[count:])
        _fetch(hub, pool, files[:count], pulled, progress, on_file)
    return pulled


def _check_choice(models: Sequence[str] | None, top: int | None, quota_bytes: int | None) -> None:
    if (models is None) == (top is None):
        raise InputError("Say which models: a list of them, or the top so many; one of the two.")
    if models is not None and not models:
        raise InputError("The list of models is empty. Name one org/name a line.")
    if (top is not None and top < 1) or (quota_bytes is not None and quota_bytes < 0):
        raise InputError("The number of top models must be at least 1, and a quota at least 0 bytes.")


def _listed(hub: Hub, board: Leaderboard, top: int | None) -> list[str]:
    try:
        names = hub.repositories(board.owner)
    except Exception as error:
        raise WorkError(f"The models of {board.owner} cannot be listed. {hub.refusal(board.owner, error)}") from error
    return [name for name in names if is_details(name, board)][:top]


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that, when one fails or the user interrupts, end what they do and begin nothing more."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _plan(
    hub: Hub,
    pool: ThreadPoolExecutor,
    repositories: Sequence[str],
    board: Leaderboard,
    benchmarks: Sequence[str],
    pulled: Pulled,
) -> list[HubFile]:
    """The files to have, in order of ``repositories``."""
    files: list[HubFile] = []
    for repository, future in [(name, pool.submit(hub.files, name)) for name in repositories]:
        try:
            found = wanted(future.result(), board, benchmarks)
        except Exception as error:
            finding = hub.refusal(repository, error)
            if status_of(error) is None and not isinstance(error, ValueError):
                raise WorkError(f"{repository} cannot be listed. {finding}") from error
            pulled.refused.append(Refused(repository, "", finding, is_gated(error)))
            continue
        if not found:
            finding = f"It has no results of {', '.join(benchmarks)}. Ask for another benchmark, or leave it out."
            pulled.refused.append(Refused(repository, "", finding))
        files += [file for file in found if is_safe(file.path)]
        bad = "Its name would lead out of the folder, so it was left. Report it to the owner of the repository."
        pulled.refused += [Refused(repository, shown(file.path), bad) for file in found if not is_safe(file.path)]
    return files


def _fetch(
    hub: Hub,
    pool: ThreadPoolExecutor,
    files: Sequence[HubFile],
    pulled: Pulled,
    progress: Callable[[int, int], None] | None,
    on_file: Callable[[Path], None] | None,
) -> None:
    done, total = 0, sum(file.size for file in files)
    futures = {pool.submit(hub.fetch, file, pulled.folder): place for place, file in enumerate(files)}
    here: dict[int, Path] = {}
    for future in as_completed(futures):
        place = futures[future]
        file = files[place]
        try:
            fresh = future.result()
        except WorkError:
            raise
        except Exception as error:
            finding = hub.refusal(file.repository, error)
            pulled.refused.append(Refused(file.repository, file.path, finding, is_gated(error)))
            continue
        here[place] = file.target(pulled.folder)
        pulled.n_downloaded += fresh
        pulled.bytes_downloaded += file.size * fresh
        done += file.size
        if progress:
            progress(done, total)
        if on_file:
            on_file(here[place])
    pulled.files = [here[place] for place in sorted(here)]
