"""One connection of a client: it may be slow, and it may be gone; it holds nobody else up.

Uvicorn times idle connections alone. Here the head of a request has its time and its size, an
answer must be read in time, connections are counted, and a worker that is told to stop goes on
reading for a moment from those that are idle: what was already on its way is answered.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from edupulse.api.guard import HEADERS
from edupulse.api.limits import END_STREAMS
from edupulse.api.problems import MEDIA_TYPE
from edupulse.serve.configuration import Configuration

LARGEST_HEAD = 32 * 1024
"""Bytes."""

GRACE = 1.0
"""Seconds for which a stopping worker still reads from an idle connection."""


class Connection(HttpToolsProtocol):
    """HTTP/1.1 by httptools, with limits."""

    config: Configuration

    def __init__(
        self,
        config: Configuration,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._slow: asyncio.TimerHandle | None = None
        self._head = 0
        self._unread: asyncio.TimerHandle | None = None
        self._stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came; one too many is sent away."""
        super().connection_made(transport)
        if len(self.connections) > self.config.settings.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections.")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request; only whole heads become requests."""
        if self.transport.is_closing():
            return
        before = self.cycle
        if self._slow is None and (before is None or before.response_complete):
            self._await_head()
        if self._slow is not None:
            end = data.find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            if self._head > LARGEST_HEAD:
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self._refuse(status, status.description)
                return
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()
            if self._stopping:
                self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so, as any problem is."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def shutdown(self) -> None:
        """The worker stops: streams now, idle connections in a moment, requests when they end."""
        self._stopping = True
        self.app_state[END_STREAMS]()
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(GRACE, self._close_idle)
        else:
            self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.config.settings.unread_seconds, self._cut)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for a while."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(GRACE, self._cut)  # closing waits for a client that does not read

    def _await_head(self) -> None:
        self._head = 0
        self._slow = self.loop.call_later(
            self.config.settings.head_seconds,
            self._refuse,
            HTTPStatus.REQUEST_TIMEOUT,
            "The head of a request did not come in time.",
        )

    def _stop_waiting(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _close_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _cut(self) -> None:
        self.transport.abort()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(refusal(status, detail))
            self.transport.close()
            self.loop.call_later(GRACE, self._cut)


def refusal(status: HTTPStatus, detail: str) -> bytes:
    """The whole answer to what never became a request."""
    word = "-".join(status.phrase.lower().split())
    told = {"type": f"urn:edupulse:problem:{word}", "title": status.phrase, "status": status}
    body = json.dumps({**told, "detail": detail}).encode()
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Retry-After": "1"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}),
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
