"""Who is asking: a bearer token becomes a viewer with scopes, or the request ends here.

A route takes `asking: Annotated[Asking, asks("students:read")]`. What the viewer then sees of which
student is decided in `casework`, never here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from edupulse.api.wiring import Now, StoreHere
from edupulse.casework.access import Viewer, viewer_of
from edupulse.casework.disclosures import Asking
from edupulse.school.errors import NotAllowed, Unidentified
from edupulse.store import tokens
from edupulse.store.store import Store

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


@dataclass(frozen=True)
class Identity:
    """Who asks, and what the token may be used for."""

    viewer: Viewer
    scopes: Collection[str]


def identify(
    store: StoreHere,
    now: Now,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Identity:
    """Whose token this is. Raises Unidentified without one that holds."""
    if credentials is None:
        raise Unidentified("A bearer token is needed.", "Send `Authorization: Bearer ...`.")
    return _by_service_token(store, credentials.credentials, now)


def who_asks(
    request: Request,
    needed: SecurityScopes,
    identity: Annotated[Identity, Depends(identify)],
    now: Now,
    purpose: Purpose = None,
) -> Asking:
    """The asking of this request. Raises NotAllowed where the token lacks a scope."""
    lacking = sorted(set(needed.scopes) - set(identity.scopes))
    if lacking:
        raise NotAllowed(
            f"This token may not be used for that: it lacks the scope {lacking[0]}.",
            "Use a token with that scope.",
        )
    return Asking(
        identity.viewer, now, purpose or f"{request.method} {request.scope['route'].path}"
    )


def asks(*scopes: str) -> Any:
    """The dependency of a route that needs these scopes."""
    return Security(who_asks, scopes=list(scopes))


def _by_service_token(store: Store, secret: str, now: datetime) -> Identity:
    with store.writing() as connection:
        token = tokens.find(connection, secret, now)
    if token is None:
        raise Unidentified("This token does not hold.", "Ask for a new one.")
    return Identity(viewer_of(token), token.scopes)
