"""Who asks is found out before anything of a request's body is read."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from edupulse.api.gate import Caller, Gate, pseudonym
from edupulse.api.problems import problem_of
from edupulse.school.errors import EduPulseError

BEARER = "bearer"


class Gatekeeper:
    """Wraps an app: below `prefix` nobody passes without a token that holds, but to `open_below`.

    A path that leads nowhere is no exception: who is not known does not learn what there is.
    """

    def __init__(self, app: ASGIApp, prefix: str, open_below: tuple[str, ...] = ()) -> None:
        self.app, self.prefix, self.open_below = app, prefix, open_below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "http" and self._asks(scope["path"]):
            request = Request(scope)
            try:
                await admit(request)
            except EduPulseError as error:
                await problem_of(request, error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _asks(self, path: str) -> bool:
        is_open = any(path == one or path.startswith(f"{one}/") for one in self.open_below)
        return path.startswith(self.prefix) and not is_open


async def admit(request: Request) -> Caller:
    """Who asks; counted, and kept with the request.

    Raises Unidentified without a token that holds, TooOften, NotAllowed for a person of whom the
    district has no record.
    """
    gate: Gate = request.app.state.gate
    at = request.app.state.clock()
    caller = await who_is_there(request, at)
    request.state.caller = pseudonym(caller.viewer)
    request.state.rate = gate.rates.take(caller.viewer.name).headers()
    request.state.admitted, request.state.at = caller, at
    return caller


async def who_is_there(request: Request, at: datetime) -> Caller:
    """Who asks at this instant, by the request's token. Raises as `Gate.admit` does."""
    gate: Gate = request.app.state.gate
    address = request.client.host if request.client else ""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return await gate.admit(secret.strip() if scheme.lower() == BEARER else None, address, at)
