"""A hub on this machine that takes uploads: makes repositories, and keeps the files of each commit."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local_server import QuietHandler, answering


@dataclass
class WritableHub:
    """``repositories`` holds what was made and pushed, by kind and name; ``refuse`` answers everything with 403."""

    refuse: bool = False
    repositories: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    url: str = ""


@contextmanager
def taking_uploads(hub: WritableHub) -> Iterator[WritableHub]:
    with answering(_Handler, hub):
        yield hub


class _Handler(QuietHandler):
    hub: WritableHub

    def do_GET(self) -> None:
        self._send(404, {"error": "nothing here"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.hub.refuse:
            return self._send(403, {"error": "You may not write here."})
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        found = re.fullmatch(r"/api/(model|dataset)s/([^/]+/[^/]+)/(preupload|commit)/main", self.path.split("?")[0])
        if not found:
            return self._send(404, {"error": self.path})
        files = self.hub.repositories[found[1], found[2]]
        if found[3] == "preupload":
            asked = json.loads(body)["files"]
            plain = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]
            return self._send(200, {"files": plain})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        address = f"{self.hub.url}/{found[2]}"
        return self._send(200, {"commitUrl": f"{address}/commit/{'c' * 40}", "commitOid": "c" * 40})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else f"me/{asked['name']}"
        kind = asked.get("type") or "model"
        self.hub.repositories.setdefault((kind, name), {})
        self.hub.private[name] = bool(asked.get("private", asked.get("visibility") == "private"))
        part = "datasets/" if kind == "dataset" else ""
        self._send(200, {"url": f"{self.hub.url}/{part}{name}", "name": name, "id": "1"})

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
