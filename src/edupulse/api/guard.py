"""What every request passes first: an id, limits on its body, security headers, and the clock."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edupulse.api.metrics import observe
from edupulse.api.problems import problem

LARGEST_BODY = 16 * 1024 * 1024
TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

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

log = logging.getLogger("edupulse.requests")


class Guard:
    """Wraps an app. Logs method, route, status and time under a request id: no path, no query."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self.app, self.largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        request_id = token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._limited(scope, receive, sending)
        finally:
            took = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "none")
            observe(scope["method"], route, status, took)
            log.info(
                "request",
                extra={"request_id": request_id, "method": scope["method"], "route": route,
                       "status": status, "milliseconds": round(took * 1000, 1)},
            )  # fmt: skip

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > self.largest:
            told = problem(Request(scope), TOO_LARGE, TOO_LARGE.description)
            await told(scope, receive, send)
            return
        taken = 0

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.largest:
                raise HTTPException(TOO_LARGE)
            return message

        await self.app(scope, receiving, send)


def _complete(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
