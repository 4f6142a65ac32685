"""Who is asking: a bearer token becomes a viewer with scopes, or the request ends here.

A route takes `asking: Annotated[Asking, asks("students:read")]`. What the viewer then sees of which
student, and what the role may do at all, is decided in `casework`, never here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from edupulse.api.gate import Caller
from edupulse.api.gatekeeper import admit, who_is_there
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking, refuse
from edupulse.school.errors import NotAllowed

LONGEST_PURPOSE = 200

bearer = HTTPBearer(
    auto_error=False, description="A token of the district's OpenID provider, or a service token."
)

Purpose = Annotated[
    str | None,
    Header(
        alias="X-Purpose",
        max_length=LONGEST_PURPOSE,
        description="Why this is asked; it stands in the audit log. Default: the route.",
    ),
]


async def who_asks(
    request: Request,
    needed: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    store: StoreHere,
    purpose: Purpose = None,
) -> Asking:
    """The asking of this request. Raises NotAllowed, which stands in the audit log, where the
    token or the role of its holder may not do that."""
    caller = _admitted(request)
    if caller is None:  # an app without a gatekeeper
        caller = await admit(request)
    asking = _asking(request, caller, purpose)
    for scope in needed.scopes:
        if refusal := _refusal(caller, scope):
            await run_in_threadpool(refuse, store, asking, scope)
            raise refusal
    return asking


def allowed(request: Request, scope: str) -> Asking | None:
    """The same for one scope and without a word of FastAPI's; None where `who_asks` has to say
    what is wrong, or to find out who it is."""
    caller, purpose = _admitted(request), request.headers.get("X-Purpose")
    if caller is None or len(purpose or "") > LONGEST_PURPOSE or _refusal(caller, scope):
        return None
    return _asking(request, caller, purpose)


def still_asks(request: Request, scope: str) -> Callable[[], Awaitable[Caller]]:
    """Who asks and what is seen by then, of a request that goes on for long.

    Raises as `admit` does, and NotAllowed where the scope or the right to it is gone.
    """

    async def caller() -> Caller:
        found = await who_is_there(request, request.app.state.clock())
        if refusal := _refusal(found, scope):
            raise refusal
        return found

    return caller


def _admitted(request: Request) -> Caller | None:
    return getattr(request.state, "admitted", None)


def _asking(request: Request, caller: Caller, purpose: str | None) -> Asking:
    why = purpose or f"{request.method} {request.scope['route'].path}"
    return Asking(caller.viewer, request.state.at, why, caller.sight)


def _refusal(caller: Caller, scope: str) -> NotAllowed | None:
    if scope not in caller.scopes:
        return NotAllowed(
            f"This token may not be used for that: it lacks the scope {scope}.",
            "Use a token with that scope.",
        )
    if scope not in caller.sight.rights:
        return NotAllowed(
            f"Your role may not do that: it holds no right to {scope}.",
            "Ask the district's administrator.",
        )
    return None


def asks(*scopes: str) -> Any:
    """The dependency of a route that needs these scopes, of the token and of its holder's role."""
    return Security(who_asks, scopes=list(scopes))
