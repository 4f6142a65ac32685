"""A small ODS/API of our own: a real HTTP server that pages, signs in, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edupulse.sources.edfi.json import row_of
from edupulse.sources.edfi.resources import RESOURCES
from edupulse.sources.web import Credentials, Patience, Service

CREDENTIALS = Credentials("key", "s3cret")
PATIENCE = Patience(tries=3, pause=0.01, longest_asked=2, connect=2, read=2)

Content = Mapping[str, Any]
_BY_PATH = {resource.path: resource for resource in RESOURCES if resource.path}


@dataclass
class Held:
    """A resource as the ODS has it, with the change version of its last change."""

    content: dict[str, Any]
    version: int


@dataclass
class Ods:
    """What the server holds, how it behaves, and what it was asked.

    `trouble` sees each request's number and path before it is answered, and may name what goes
    wrong: a status, `cut` (the connection ends within the body) or `retry-after`.
    """

    cursor: bool = True
    most: int = 500
    has_changes: bool = True
    version: int = 0
    held: dict[str, list[Held]] = field(default_factory=dict)
    deletes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    key_changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    trouble: Callable[[int, str], int | str | None] = lambda _number, _path: None
    before_page: Callable[[str, int], None] = lambda _path, _number: None
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, *contents: Content) -> None:
        """Add resources, or change those of the same id."""
        for content in contents:
            self.version += 1
            held = self.held.setdefault(path, [])
            own = {**deepcopy(dict(content)), "_lastModifiedDate": f"2026-{self.version:06}"}
            own.setdefault("id", f"{path}-{self.version}")
            same = next((h for h in held if h.content["id"] == own["id"]), None)
            if same:
                same.content, same.version = own, self.version
            else:
                held.append(Held(own, self.version))

    def delete(self, path: str, identifier: str, key: Content) -> None:
        """Remove a resource; its deletion is listed with its natural key."""
        self.version += 1
        self.held[path] = [h for h in self.held[path] if h.content["id"] != identifier]
        self.deletes.setdefault(path, []).append(
            {"id": identifier, "changeVersion": self.version, "keyValues": dict(key)}
        )

    def change_key(self, path: str, identifier: str, old: Content, new: Content) -> None:
        """A resource takes another natural key."""
        held = next(h for h in self.held[path] if h.content["id"] == identifier)
        self.put(path, {**held.content, **new})
        self.key_changes.setdefault(path, []).append(
            {"changeVersion": self.version, "oldKeyValues": dict(old), "newKeyValues": dict(new)}
        )

    def listed(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """What a GET of a path selects, before paging."""
        low = int(query.get("minChangeVersion", 0))
        high = int(query.get("maxChangeVersion", 2**60))
        name, _, ending = path.partition("/")
        if ending:
            lists = {"deletes": self.deletes, "keyChanges": self.key_changes}[ending]
            return [e for e in lists.get(name, []) if low <= e["changeVersion"] <= high]
        return [
            held.content
            for held in self.held.get(name, [])
            if low <= held.version <= high and _selected(name, held.content, query)
        ]


_PAGING = ("limit", "offset", "totalCount", "pageToken", "pageSize")
_WINDOW = ("minChangeVersion", "maxChangeVersion")


def _selected(path: str, content: Content, query: Mapping[str, str]) -> bool:
    """Does a resource have the values that are asked for by their names?"""
    resource = _BY_PATH[path]
    row = row_of(resource, content)
    for name, value in query.items():
        if name not in (*_PAGING, *_WINDOW):
            places = resource.last_names[name]
            if not any(row[at] == value for at, _ in places):
                return False
    return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    ods: Ods

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pair = b64encode(f"{CREDENTIALS.key}:{CREDENTIALS.secret}".encode()).decode()
        if self._in_trouble("oauth/token"):
            return
        if self.headers["Authorization"] != f"Basic {pair}" or b"client_credentials" not in body:
            self._answer({"error": "invalid_client"}, status=401)
            return
        token = f"token-{len(self.ods.asked)}"
        self.ods.tokens.add(token)
        self._answer({"access_token": token, "token_type": "bearer", "expires_in": 1800})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.strip("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self._in_trouble(path):
            return
        if not path:
            self._answer({"version": "7.3", "urls": self._urls()})
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.ods.tokens:
            self._answer({"message": "token"}, status=401)
        elif path == "changeQueries/v1/availableChangeVersions" and self.ods.has_changes:
            self._answer({"oldestChangeVersion": 0, "newestChangeVersion": self.ods.version})
        elif path.startswith("data/v3/ed-fi/"):
            self._resources(path.removeprefix("data/v3/ed-fi/"), query)
        else:
            self._answer({}, status=404)

    def _urls(self) -> dict[str, str]:
        base = f"http://{self.headers['Host']}/"
        return {"oauth": f"{base}oauth/token", "dataManagementApi": f"{base}data/v3/"}

    def _resources(self, path: str, query: Mapping[str, str]) -> None:
        if path.partition("/")[0] in self.ods.absent:
            self._answer({"status": 403}, status=403)
            return
        self.ods.before_page(path, sum(a.partition("?")[0].endswith(path) for a in self.ods.asked))
        found = self.ods.listed(path, query)
        size = int(query.get("pageSize", query.get("limit", 25)))
        if size > self.ods.most:
            self._answer({"message": "limit"}, status=400)
            return
        by_token = self.ods.cursor and "offset" not in query and "/" not in path
        begin = int(query.get("pageToken", query.get("offset", 0)))
        page = found[begin : begin + size]
        headers = {"Total-Count": str(len(found))} if query.get("totalCount") == "true" else {}
        if by_token and page:
            headers["Next-Page-Token"] = str(begin + size)
        self._answer(page, headers=headers)

    def _in_trouble(self, path: str) -> bool:
        self.ods.asked.append(self.path)
        match self.ods.trouble(len(self.ods.asked), path):
            case None:
                return False
            case "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'[{"id": ')
                self.close_connection = True
            case "no json":
                self._write(b"<html>", 200, {})
            case "retry-after":
                self._answer({}, status=429, headers={"Retry-After": "1"})
            case status:
                self._answer({}, status=int(status))
        return True

    def _answer(
        self, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self._write(json.dumps(content).encode(), status, headers or {})

    def _write(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(ods: Ods, patience: Patience = PATIENCE) -> Iterator[Service]:
    """The server on this machine while it is needed, and a service that asks it."""
    handler = type("Handler", (_Handler,), {"ods": ods})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        service = Service(f"http://127.0.0.1:{server.server_port}/", patience)
        try:
            yield service
        finally:
            service.close()
            server.shutdown()
            thread.join()
