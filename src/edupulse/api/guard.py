"""What every request passes first: an id, limits, security headers, the clock, one line of log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from contextlib import ExitStack
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edupulse.api.limits import Limits
from edupulse.api.metrics import INSIDE, observe
from edupulse.api.problems import RETRY_AFTER, problem, unforeseen

TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
TOO_SLOW = HTTPStatus.REQUEST_TIMEOUT
GONE = HTTPStatus.SERVICE_UNAVAILABLE
STREAM = "text/event-stream"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
}
"""On every answer that does not set its own: nothing is framed, sniffed or kept."""

CLOSE = {"Connection": "close"}
"""Where the rest of a body is not read."""

REQUEST_ID = re.compile(r"[0-9A-Za-z-]{16,64}")
"""What a proxy may call a request; anything else gets an id of ours."""

log = logging.getLogger("edupulse.requests")


class Guard:
    """Wraps an app. Logs method, route, status, time and caller under a request id; no path."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self.app, self.limits, self.inside = app, limits or Limits(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = Passage(scope, receive, send, self.limits)
        self.inside += 1
        INSIDE.inc()
        with passage.inside:
            passage.inside.callback(passage.tell)
            passage.inside.callback(self._leave)
            if self.inside > self.limits.at_once:
                await passage.answer(GONE, "The service is asked too much at once.")
            else:
                await passage.through(self.app)

    def _leave(self) -> None:
        self.inside -= 1
        INSIDE.dec()


class Passage:
    """One request on its way through; a stream is through once it has begun."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self.scope, self._receive, self._send, self.limits = scope, receive, send, limits
        self.began, self.status, self.taken = time.perf_counter(), 0, 0
        self.whole = self.late = False
        self.inside = ExitStack()
        self.refusal: asyncio.Task[None] | None = None
        asked = Headers(scope=scope).get("x-request-id", "")
        self.request_id = asked if REQUEST_ID.fullmatch(asked) else token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def through(self, app: ASGIApp) -> None:
        """Let the app answer, in its time; what it lets escape tells nothing of itself."""
        said = Headers(scope=self.scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > self.limits.body:
            await self.answer(TOO_LARGE, TOO_LARGE.description)
            return
        timer = asyncio.get_running_loop().call_later(
            self.limits.seconds, self._give_up, asyncio.current_task()
        )
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self.late:
                raise
        except Exception:
            log.exception("unforeseen", extra={"request_id": self.request_id})
            if self.status:
                raise
            await unforeseen(Request(self.scope))(self.scope, self.receive, self.send)
        finally:
            timer.cancel()
            if self.refusal is not None:
                await self.refusal

    async def receive(self) -> Message:
        """The next piece of the body, while it is neither too large nor too slow."""
        if self.whole:
            return await self._receive()
        left = self.began + self.limits.body_seconds - time.perf_counter()
        try:
            async with asyncio.timeout(left):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(TOO_SLOW, headers=CLOSE) from None
        self.taken += len(message.get("body", b""))
        if self.taken > self.limits.body:
            raise HTTPException(TOO_LARGE, headers=CLOSE)
        self.whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send the app's answer, with our headers; nothing once it was given up."""
        if not self.late:
            await self._sending(message)

    async def answer(self, status: HTTPStatus, detail: str) -> None:
        """Answer in the app's place."""
        headers = {"Retry-After": str(RETRY_AFTER)} if status is GONE else CLOSE
        told = problem(Request(self.scope), status, detail, headers=headers)
        await told(self.scope, self._receive, self._sending)

    def tell(self) -> None:
        """One line of log, and the metrics."""
        took = time.perf_counter() - self.began
        method, route = self.scope["method"], getattr(self.scope.get("route"), "path", "none")
        observe(method, route, self.status, took)
        log.info(
            "request",
            extra={"request_id": self.request_id, "method": method, "route": route,
                   "status": self.status, "milliseconds": round(took * 1000, 1),
                   "caller": self.scope["state"].get("caller")},
        )  # fmt: skip

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers.update(self.scope["state"].get("rate", {}))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if headers["Content-Type"].startswith(STREAM):
                self.inside.close()
        await self._send(message)

    def _give_up(self, task: asyncio.Task[Any] | None) -> None:
        """Answer at once; work in a thread goes on to its end, unheard."""
        if self.status or task is None:
            return
        self.late = True
        self.refusal = asyncio.ensure_future(self.answer(GONE, "The answer took too long."))
        task.cancel()
