"""A hub on this machine with one data set: its list of files, and the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local_server import QuietHandler, answering

COMMIT = "b" * 40


@dataclass
class SmallHub:
    """``gated``: anyone sees which files there are, but gets none. ``got`` are the files that were fetched."""

    files: Mapping[str, bytes]
    gated: bool = False
    url: str = ""
    got: list[str] = field(default_factory=list)


@contextmanager
def serving(hub: SmallHub) -> Iterator[SmallHub]:
    """``hub`` as the data set Org/Riddles at an address of its own."""
    with answering(_Handler, hub):
        yield hub


class _Handler(QuietHandler):
    hub: SmallHub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        file = path.removeprefix(f"/datasets/Org/Riddles/resolve/{COMMIT}/")
        if path == f"/api/datasets/Org/Riddles/tree/{COMMIT}":
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": _digest(data)}
                for name, data in self.hub.files.items()
            ]
            self._send(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
        elif file not in self.hub.files:
            self._send(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif self.hub.gated:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        else:
            self.hub.got += [file] if self.command == "GET" else []
            body = self.hub.files[file]
            self._send(200, body, {"ETag": f'"{_digest(body)}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _digest(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
