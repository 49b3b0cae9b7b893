"""An environment of its own for every peer, made once from its pinned requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from catalogue import CHECKOUT, PEERS, Peer

ANCIENT = (3, 9)  # older Pythons than this are not looked for


class Unavailable(Exception):
    """A peer cannot be run here; the message says why."""


def command_of(peer: Peer, work: Path, here: bool) -> list[str]:
    """How to start the adapter of ``peer``, without its arguments. Raises Unavailable."""
    adapter = str(PEERS / peer.adapter)
    if peer.r_package is not None:
        return [_r_with(peer.r_package), "--vanilla", adapter]
    python = sys.executable if here else str(_environment(peer, work))
    return [python, adapter]


def _environment(peer: Peer, work: Path) -> Path:
    """Its Python."""
    folder = work / "environments" / Path(peer.requirements).stem
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pins = (PEERS / peer.requirements).read_text(encoding="utf-8")
    base = _python_for(peer)
    wanted = hashlib.sha256(f"{base}\n{CHECKOUT}\n{pins}".encode()).hexdigest()
    stamp = folder / "made-from"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{peer.name}: making the environment from {peer.requirements}", file=sys.stderr, flush=True)
    _run([base, "-m", "venv", str(folder)], peer)
    _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(PEERS / peer.requirements)], peer)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _run(command: list[str], peer: Peer) -> None:
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        raise Unavailable(f"its environment cannot be made from {peer.requirements}: {' '.join(said[-1:]).strip()}")


def _python_for(peer: Peer) -> str:
    """This Python, or, if it is too new for the peer, the newest on the path that is not."""
    if peer.python_below is None or sys.version_info[:2] < peer.python_below:
        return sys.executable
    major, below = peer.python_below
    for minor in range(below - 1, ANCIENT[1], -1):
        found = shutil.which(f"python{major}.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    raise Unavailable(f"it needs a Python below {major}.{below}; put one on the path as python{major}.{below - 1}")


def _r_with(package: str) -> str:
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise Unavailable("R is not installed (no Rscript on the path)")
    code = f"quit(status = !requireNamespace('{package}', quietly = TRUE))"
    if subprocess.run([rscript, "--vanilla", "-e", code], capture_output=True, check=False).returncode:
        raise Unavailable(f"the R package {package} is not installed")
    return rscript
