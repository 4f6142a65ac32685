"""`edupulse serve` as a process of its own, and a client that may be as rude as it likes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil

PATIENCE = 120.0
PROGRAM = Path(sys.executable).with_name("edupulse")


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in lower case, the problem or whatever else it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """The parent process, where it listens, and what it wrote."""

    process: subprocess.Popen
    port: int
    metrics: str
    folder: Path

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(self, path: str = "/healthz", headers: Mapping[str, str] | None = None) -> Answer:
        with self.connect() as client:
            client.sendall(wire("GET", path, headers))
            return answer_of(client)

    def post(self, path: str, headers: Mapping[str, str], asked: object) -> Answer:
        body = json.dumps(asked).encode()
        about = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        with self.connect() as client:
            client.sendall(wire("POST", path, {**headers, **about}) + body)
            return answer_of(client)

    def workers(self) -> set[int]:
        return {one.pid for one in _children(self.process.pid) if _is_worker(one)}

    def counted(self) -> str:
        with urlopen(self.metrics, timeout=PATIENCE) as page:  # noqa: S310
            return page.read().decode()

    def logged(self) -> list[dict]:
        return [json.loads(line) for line in self.output().splitlines()]

    def output(self) -> str:
        return (self.folder / "out").read_text()

    def beside(self) -> str:
        return (self.folder / "err").read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wire(method: str, path: str, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_of(client: socket.socket) -> Answer:
    """One whole answer, or how a stream begins. Raises ConnectionError where it is closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(client)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += received(client)
    return Answer(int(first.split()[1]), headers, body)


def received(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise ConnectionError("closed")
    return data


def eventually(holds: Callable[[], object]) -> object:
    """What a condition gives once it holds; a service that is only slow fails no test."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError("It never came.")


@contextmanager
def running(url: str | None, **settings: object) -> Iterator[Running]:
    """The service on this database, by `edupulse serve`; SIGKILL for what is left at the end."""
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    if url is not None:
        environment["DATABASE_URL"] = url
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = subprocess.Popen(
                [PROGRAM, "serve", "--port=0", "--metrics-port=0"],
                env=environment, stdout=out, stderr=err,
            )  # fmt: skip
        try:
            found = eventually(lambda: _greeted(process, folder))
            yield Running(process, int(found[1]), found[2], folder)
        finally:
            children = _children(process.pid)
            process.terminate()
            _ended(process)
            for one in children:
                if one.is_running():
                    one.kill()


def _greeted(process: subprocess.Popen, folder: Path) -> re.Match[str] | None:
    said = (folder / "err").read_text()
    assert process.poll() is None, said
    return re.search(r"serves on http://127.0.0.1:(\d+);.*metrics: (\S+)", said)


def _children(process: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _ended(process: subprocess.Popen) -> None:
    try:
        process.wait(PATIENCE / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
