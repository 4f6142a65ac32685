"""The usual request of a route that has to be quick, taken straight from its bytes.

FastAPI's way from a request to arguments costs more than everything else that is done for an answer
from the cache. Whatever is unusual (another type of content, a key, a refusal, a body that is not
as the document says) goes that way all the same: it alone says what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from edupulse.api.idempotency import NAME
from edupulse.api.security import allowed
from edupulse.casework.disclosures import Asking

JSON = "application/json"

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def directly(
    body: type[Body], scope: str, answer: Callable[[Request, Asking, Body], Awaitable[Response]]
) -> type[APIRoute]:
    """The class of a route that takes such a body, needs that scope and, as usual, answers so."""

    class Direct(APIRoute):
        def get_route_handler(self) -> Handler:
            otherwise = super().get_route_handler()

            async def handle(request: Request) -> Response:
                usual = await _usual(request, body, scope)
                return await (answer(request, *usual) if usual else otherwise(request))

            return handle

    return Direct


async def _usual(request: Request, body: type[Body], scope: str) -> tuple[Asking, Body] | None:
    if request.headers.get("Content-Type") != JSON or NAME in request.headers:
        return None
    asking = allowed(request, scope)
    if asking is None:
        return None
    try:
        return asking, body.model_validate_json(await request.body())
    except ValidationError:
        return None
