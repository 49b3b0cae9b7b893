"""A small hub on this machine: what huggingface_hub asks of the real one, with failures on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local_server import QuietHandler, answering

COMMIT = "a" * 40
LARGE = 10_000  # bytes from which a file is kept as large, and named by its SHA-256


@dataclass
class StandInHub:
    """What is served, what goes wrong, and what was asked.

    ``fail`` gets method, repository, path and how often just that was asked before; it gives a status and headers
    to answer with, or None. ``truncated`` names paths whose next download breaks off half-way, ``altered`` those
    that arrive with one wrong byte. ``sent`` is called with the bytes of bodies sent so far.
    """

    files: dict[str, dict[str, bytes]]
    downloads: dict[str, int] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    fail: Callable[[str, str, str, int], tuple[int, dict[str, str]] | None] = lambda *_: None
    truncated: set[str] = field(default_factory=set)
    altered: set[str] = field(default_factory=set)
    sent: Callable[[int], None] = lambda _: None
    url: str = ""
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)  # method, repository, path, Range
    bytes_sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def got(self) -> list[str]:
        """Paths of the files whose body was asked for."""
        return [path for method, _, path, _ in self.asked if method == "GET" and path]


def entry(path: str, data: bytes) -> dict[str, Any]:
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    large = {"lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}}
    return {"type": "file", "path": path, "size": len(data), "oid": git, **(large if len(data) >= LARGE else {})}


@contextmanager
def serving(hub: StandInHub) -> Iterator[StandInHub]:
    with answering(_Handler, hub):
        yield hub


class _Handler(QuietHandler):
    hub: StandInHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            self._route()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _route(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/api/datasets":
            return self._list(parse_qs(address.query)["author"][0])
        tree = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/[^/]+", address.path)
        resolve = re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", address.path)
        found = tree or resolve
        if not found:
            return self._send(404, b"")
        repository, path = found[1], unquote(resolve[2]) if resolve else ""
        if self._refused(repository, path):
            return None
        files = self.hub.files[repository]
        if tree:
            return self._json([entry(name, data) for name, data in files.items()])
        return self._file(path, files[path])

    def _refused(self, repository: str, path: str) -> bool:
        hub = self.hub
        with hub.lock:
            before = sum(one[:3] == (self.command, repository, path) for one in hub.asked)
            hub.asked.append((self.command, repository, path, self.headers.get("Range", "")))
        failure = hub.fail(self.command, repository, path, before)
        if repository in hub.gated:
            failure = 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}
        elif repository not in hub.files:
            failure = 401, {"X-Error-Code": "RepoNotFound"}
        if failure:
            self._send(failure[0], b"", failure[1])
        return failure is not None

    def _list(self, author: str) -> None:
        names = sorted(name for name in self.hub.files if name.startswith(f"{author}/"))
        self._json([{"id": name, "downloads": self.hub.downloads.get(name, 0)} for name in names])

    def _file(self, path: str, data: bytes) -> None:
        named = entry(path, data)
        etag = named["lfs"]["oid"] if "lfs" in named else named["oid"]
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if "lfs" in named:
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{etag}"'}
        body, start = self._body(path, data), 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._send(206 if asked else 200, body[start:], headers, announced=len(data) - start)

    def _body(self, path: str, data: bytes) -> bytes:
        if self.command == "HEAD":
            return data
        with self.hub.lock:
            if path in self.hub.truncated:
                self.hub.truncated.discard(path)
                return data[: len(data) // 2]
            if path in self.hub.altered:
                self.hub.altered.discard(path)
                return bytes([data[0] ^ 1]) + data[1:]
        return data

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, announced: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        if self.command == "HEAD":
            return
        for start in range(0, len(body), 4096):
            self.wfile.write(body[start : start + 4096])
            with self.hub.lock:
                self.hub.bytes_sent += len(body[start : start + 4096])
                now = self.hub.bytes_sent
            self.hub.sent(now)
