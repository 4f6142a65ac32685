"""Who is asking: a bearer token becomes a viewer with scopes, or the request ends here.

A route takes `asking: Annotated[Asking, asks("students:read")]`. What the viewer then sees of which
student is decided in `casework`, never here.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from edupulse.api.openid import OpenIdProvider
from edupulse.api.wiring import Now, StoreHere
from edupulse.casework.access import Viewer, sight, viewer_of
from edupulse.casework.disclosures import Asking
from edupulse.casework.persons import Claimed, person
from edupulse.school.errors import NotAllowed, Unidentified
from edupulse.store import tokens
from edupulse.store.store import Store

LONGEST_PURPOSE = 200

log = logging.getLogger("edupulse.security")

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
    request: Request,
    store: StoreHere,
    now: Now,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Identity:
    """Whose token this is. Raises Unidentified without one that holds, NotAllowed for a person of
    whom the district has no record."""
    if credentials is None:
        raise Unidentified("A bearer token is needed.", "Send `Authorization: Bearer ...`.")
    secret = credentials.credentials
    provider: OpenIdProvider | None = request.app.state.provider
    if provider is None or secret.startswith(tokens.PREFIX):
        return _by_service_token(store, secret, now)
    return _by_person(store, provider.claimed(secret, now))


def who_asks(
    request: Request,
    needed: SecurityScopes,
    identity: Annotated[Identity, Depends(identify)],
    store: StoreHere,
    now: Now,
    purpose: Purpose = None,
) -> Asking:
    """The asking of this request. Raises NotAllowed where the token, or its holder, may not."""
    request.state.caller = pseudonym(identity.viewer)
    seen = sight(store, identity.viewer, now)
    for scope in needed.scopes:
        if scope not in identity.scopes:
            raise NotAllowed(
                f"This token may not be used for that: it lacks the scope {scope}.",
                "Use a token with that scope.",
            )
        if scope not in seen.rights:
            raise NotAllowed(
                f"Your role may not do that: it holds no right to {scope}.",
                "Ask the district's administrator.",
            )
    why = purpose or f"{request.method} {request.scope['route'].path}"
    return Asking(identity.viewer, now, why, seen)


def asks(*scopes: str) -> Any:
    """The dependency of a route that needs these scopes, of the token and of its holder's role."""
    return Security(who_asks, scopes=list(scopes))


def pseudonym(viewer: Viewer) -> str:
    """How a caller stands in the log of requests: a token by its id, a person by a digest."""
    if viewer.name.startswith("token:"):
        return viewer.name
    return hashlib.sha256(viewer.name.encode()).hexdigest()[:16]


def _by_service_token(store: Store, secret: str, now: datetime) -> Identity:
    with store.writing() as connection:
        token = tokens.find(connection, secret, now)
    if token is None:
        raise Unidentified("This token does not hold.", "Ask for a new one.")
    return Identity(viewer_of(token), token.scopes)


def _by_person(store: Store, claimed: Claimed) -> Identity:
    """A person's own token is narrowed by the rights of the role alone."""
    viewer = person(store, claimed)
    if viewer is None:
        log.warning("nobody on record signs in", extra={"holder": claimed.digest()})
        raise NotAllowed(
            "You are signed in, and no record of the district says who you are.",
            "Ask the district's office to put your login or e-mail address into its records.",
        )
    return Identity(viewer, tokens.SCOPES)
