"""Providers to sign in with: a real one in a process of its own, and one that lies at will."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jwt import encode

AUDIENCE = "edupulse"
BACK = "http://localhost/back"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_provider(port: int) -> Iterator[str]:
    """`oidc-provider-mock` on this port, with a key of its own that ends with it; its issuer."""
    issuer = f"http://localhost:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port)]
    process = subprocess.Popen(
        [*command, "-H", "localhost", "-e", "3600"],
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(f"{issuer}/jwks", process)
        yield issuer
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx2.get(url)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the provider did not start")


def signed_in(issuer: str, sub: str, client: str = AUDIENCE, **claims: Any) -> str:
    """The ID token that the provider gives to a person who signs in, by code."""
    auth = (client, "secret")
    with httpx2.Client(base_url=issuer) as browser:
        browser.put(f"/users/{sub}", json=claims).raise_for_status()
        asked = {"client_id": client, "redirect_uri": BACK, "response_type": "code",
                 "scope": "openid email"}  # fmt: skip
        sent_back = browser.post("/oauth2/authorize", params=asked, data={"sub": sub})
        [code] = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        answer = browser.post("/oauth2/token", data=given, auth=auth).raise_for_status()
    return str(answer.json()["id_token"])


def key_of(algorithm: str, kid: str) -> Key:
    named = {"kid": kid, "use": "sig"}
    if algorithm.startswith("ES"):
        return ECKey.generate_key("P-256", named)
    if algorithm.startswith("Ed"):
        return OKPKey.generate_key("Ed25519", named)
    return RSAKey.generate_key(2048, named)


class LyingProvider:
    """Publishes the keys that it is told to, counts who asks, and signs whatever it is given."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.issuer = f"http://localhost:{server.server_port}"
        self.published: list[Key] = []
        self.document = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.asked = 0
        self.is_broken = False

    def answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        if self.is_broken:
            return 500, {}
        if path == "/keys":
            self.asked += 1
            return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
        return 200, self.document

    def rotate(self, kid: str, algorithm: str = "RS256") -> Key:
        """Publish one new key alone."""
        self.published = [key_of(algorithm, kid)]
        return self.published[0]

    def token(
        self,
        claims: Mapping[str, Any],
        *,
        key: Key | None = None,
        algorithm: str = "RS256",
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """A token of these claims, signed."""
        key = key or self.published[0]
        named = {"alg": algorithm, "kid": key.kid, **(header or {})}
        with warnings.catch_warnings(category=SecurityWarning, action="ignore"):
            return encode(named, dict(claims), key, algorithms=[algorithm])


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, said = provider.answer(self.path)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    provider = LyingProvider(server)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
