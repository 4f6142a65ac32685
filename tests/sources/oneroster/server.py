"""A small OneRoster service of our own: a real HTTP server that misbehaves on demand."""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from edupulse.sources.web import Credentials, Patience, Service
from sources.oneroster.tables import Row, Tables

CREDENTIALS = Credentials("key", "s3cret")
PATIENCE = Patience(tries=3, pause=0.01, longest_asked=2, connect=2, read=2)
LISTS = ("grades", "subjects", "subjectCodes")

Trouble = Callable[[int, str], int | str | None]


def as_json(row: Row) -> dict[str, Any]:
    """A CSV row as the object that REST has of the same."""
    found: dict[str, Any] = {"status": "active", "dateLastModified": "2025-08-01T00:00:00.000Z"}
    for name, value in row.items():
        if not value:
            continue
        if name.endswith("SourcedIds"):
            links = [{"sourcedId": one, "type": "x"} for one in value.split(",")]
            found[name.removesuffix("SourcedIds") + "s"] = links
        elif name.endswith("SourcedId"):
            found[name.removesuffix("SourcedId")] = {"sourcedId": value, "href": "x", "type": "x"}
        else:
            found[name] = value.split(",") if name in LISTS else value
    return found


@dataclass
class Provider:
    """What the service holds, how it behaves, and what it was asked.

    `trouble` sees each request's number and path and may name what goes wrong: a status, `cut`,
    `no json` or `retry-after`. `before_page` is called before a page is made.
    """

    held: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    by_link: bool = True
    counts: bool = True
    filters: bool = True
    tells_time: bool = True
    is_stuck: bool = False
    leads_to: str = ""
    clock: datetime | None = None
    base: str = "ims/oneroster/v1p1"
    trouble: Trouble = lambda _number, _path: None
    before_page: Callable[[str, int], None] = lambda _path, _offset: None
    tokens: set[str] = field(default_factory=set)
    nonces: set[str] = field(default_factory=set)
    scopes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tables: Tables, **how: Any) -> Provider:
        """A service with what CSV tables say."""
        held = {name: [as_json(row) for row in rows] for name, rows in tables.items()}
        return cls(held, **how)

    def listed(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """What a GET of a collection selects, before paging; None where there is none."""
        nested = re.fullmatch(r"classes/([^/]+)/lineItems/([^/]+)/results", path)
        found = self.held.get("results" if nested else path)
        if found is None:
            return None
        if nested:
            found = [row for row in found if row["lineItem"]["sourcedId"] == nested[2]]
        if since := re.fullmatch(r"dateLastModified>='(.+)'", query.get("filter", "")):
            found = [row for row in found if row["dateLastModified"][:19] >= since[1][:19]]
        return sorted(found, key=lambda row: row["sourcedId"]) if "sort" in query else found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    provider: Provider

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Date" or self.provider.tells_time:
            super().send_header(keyword, value)

    def date_time_string(self, timestamp: float | None = None) -> str:
        if self.provider.clock is None:
            return super().date_time_string(timestamp)
        return format_datetime(self.provider.clock, usegmt=True)

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        pair = b64encode(f"{CREDENTIALS.key}:{CREDENTIALS.secret}".encode()).decode()
        if self._in_trouble("token"):
            return
        if self.headers["Authorization"] != f"Basic {pair}":
            self._answer({"error": "invalid_client"}, status=401)
            return
        self.provider.scopes += body["scope"][0].split()
        token = f"token-{len(self.provider.asked)}"
        self.provider.tokens.add(token)
        self._answer({"access_token": token, "token_type": "bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.strip("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self._in_trouble(path):
            return
        if not self._is_signed():
            self._answer({"error": "unauthorized"}, status=401)
            return
        for base in (self.provider.base, self.provider.base.replace("rostering", "gradebook")):
            if path.startswith(f"{base}/"):
                self._collection(path.removeprefix(f"{base}/"), query)
                return
        self._answer({}, status=404)

    def _is_signed(self) -> bool:
        """By a token, or by a signature that was not sent before."""
        said = self.headers.get("Authorization", "")
        if said.startswith("Bearer "):
            return said.removeprefix("Bearer ") in self.provider.tokens
        parts = dict(re.findall(r'(\w+)="([^"]*)"', said))
        nonce, when = parts.get("oauth_nonce", ""), parts.get("oauth_timestamp", "")
        if not nonce or nonce in self.provider.nonces:
            return False
        self.provider.nonces.add(nonce)
        own = Client(
            CREDENTIALS.key,
            CREDENTIALS.secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            nonce=nonce,
            timestamp=when,
        )
        _, signed, _ = own.sign(f"http://{self.headers['Host']}{self.path}")
        return signed["Authorization"] == said

    def _collection(self, path: str, query: dict[str, str]) -> None:
        begin, size = int(query.get("offset", 0)), int(query.get("limit", 100))
        self.provider.before_page(path, begin)
        found = self.provider.listed(path, query)
        if found is None:
            self._answer({"imsx_codeMajor": "failure"}, status=404)
            return
        if "filter" in query and not self.provider.filters:
            self._answer({"imsx_codeMajor": "failure"}, status=400)
            return
        headers = {"X-Total-Count": str(len(found))} if self.provider.counts else {}
        if self.provider.by_link:
            headers["Link"] = self._link(query, begin + size, begin + size < len(found))
        self._answer({path.rpartition("/")[2]: found[begin : begin + size]}, headers=headers)

    def _link(self, query: Mapping[str, str], offset: int, has_next: bool) -> str:
        host = self.provider.leads_to or f"http://{self.headers['Host']}"
        address = f"{host}{urlsplit(self.path).path}"
        offset = 1 if self.provider.is_stuck else offset
        first = f'<{address}?{urlencode({**query, "offset": 0})}>; rel="first"'
        # Left unquoted, as some services do.
        onwards = "&".join(f"{name}={value}" for name, value in {**query, "offset": offset}.items())
        return f'{first}, <{address}?{onwards}>; rel="next"' if has_next else first

    def _in_trouble(self, path: str) -> bool:
        self.provider.asked.append(self.path)
        match self.provider.trouble(len(self.provider.asked), path):
            case None:
                return False
            case "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"orgs": [')
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
def serving(provider: Provider) -> Iterator[str]:
    """The server on this machine while it is needed; its address."""
    handler = type("Handler", (_Handler,), {"provider": provider})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def asking(provider: Provider) -> Iterator[tuple[Service, str]]:
    """A service that asks the server, and where it signs in."""
    with serving(provider) as address:
        service = Service(f"{address}{provider.base}", PATIENCE)
        try:
            yield service, f"{address}token"
        finally:
            service.close()
