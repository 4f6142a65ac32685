"""Who is asking: a bearer token becomes a viewer with scopes, or the request ends here.

A route takes `asking: Annotated[Asking, asks("students:read")]`. What the viewer then sees of which
student, and what the role may do at all, is decided in `casework`, never here.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from edupulse.api.gate import Gate, pseudonym
from edupulse.api.wiring import Now, StoreHere
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


def who_asks(
    request: Request,
    needed: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    store: StoreHere,
    now: Now,
    purpose: Purpose = None,
) -> Asking:
    """The asking of this request.

    Raises Unidentified without a token that holds, TooOften, and NotAllowed where the token or the
    role of its holder may not do that; the last stands in the audit log.
    """
    gate: Gate = request.app.state.gate
    address = request.client.host if request.client else ""
    caller = gate.caller(credentials.credentials if credentials else None, address, now)
    request.state.caller = pseudonym(caller.viewer)
    request.state.rate = gate.rates.take(caller.viewer.name).headers()
    why = purpose or f"{request.method} {request.scope['route'].path}"
    asking = Asking(caller.viewer, now, why, caller.sight)
    for scope in needed.scopes:
        if scope not in caller.scopes:
            refuse(store, asking, scope)
            raise NotAllowed(
                f"This token may not be used for that: it lacks the scope {scope}.",
                "Use a token with that scope.",
            )
        if scope not in caller.sight.rights:
            refuse(store, asking, scope)
            raise NotAllowed(
                f"Your role may not do that: it holds no right to {scope}.",
                "Ask the district's administrator.",
            )
    return asking


def asks(*scopes: str) -> Any:
    """The dependency of a route that needs these scopes, of the token and of its holder's role."""
    return Security(who_asks, scopes=list(scopes))
