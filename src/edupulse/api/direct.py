"""The usual request of a route that has to be quick, taken straight from its bytes.

FastAPI's way from a request to arguments costs more than everything else that is done for an answer
from the cache. Whatever is unusual (another type of content, a key, a refusal, a body that is not
as the document says) goes that way all the same: it alone says what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send

from edupulse.api.idempotency import NAME
from edupulse.api.security import allowed
from edupulse.casework.disclosures import Asking

JSON = "application/json"

Body = TypeVar("Body", bound=BaseModel)

_UNUSUAL = "edupulse.unusual"


class Direct(BaseRoute, Generic[Body]):
    """A way before all others to a POST that takes such a body and needs that scope."""

    def __init__(
        self,
        prefix: str,
        path: str,
        body: type[Body],
        scope: str,
        answer: Callable[[Request, Asking, Body], Awaitable[Response]],
    ) -> None:
        """`path` is the route's own, by which logs and metrics know it."""
        self.path, self._whole = path, f"{prefix}{path}"
        self._body, self._scope, self._answer = body, scope, answer

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette's: is it this path, for the first time?"""
        if scope.get("path") != self._whole or scope.get("method") != "POST" or _UNUSUAL in scope:
            return Match.NONE, {}
        return Match.FULL, {"route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Starlette's: answer, or go on to the other routes with what was read."""
        request = Request(scope, receive)
        usual = await self._usual(request)
        if usual is None:
            scope[_UNUSUAL] = True
            await scope["router"](scope, _from_its_beginning(request), send)
            return
        answered = await self._answer(request, *usual)
        await answered(scope, receive, send)

    async def _usual(self, request: Request) -> tuple[Asking, Body] | None:
        if request.headers.get("Content-Type") != JSON or NAME in request.headers:
            return None
        asking = allowed(request, self._scope)
        if asking is None:
            return None
        try:
            return asking, self._body.model_validate_json(await request.body())
        except ValidationError:
            return None


def _from_its_beginning(request: Request) -> Receive:
    """What gives the body, read already or not; then what comes after it."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await request.receive()
        told = True
        return {"type": "http.request", "body": await request.body(), "more_body": False}

    return receive
