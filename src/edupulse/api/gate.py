"""Who stands behind a token and what they see: kept between requests while no version changes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from starlette.concurrency import run_in_threadpool

from edupulse.api.metrics import LOCKS_DIFFER
from edupulse.api.openid import OpenIdProvider
from edupulse.api.rates import Rates, RateSettings, network_of
from edupulse.casework.access import Sight, Viewer, viewer_of
from edupulse.casework.persons import Claimed, person
from edupulse.casework.sights import Sights
from edupulse.school.errors import NotAllowed, Unidentified
from edupulse.store import tokens
from edupulse.store.kept import Kept
from edupulse.store.store import Store

MOST = 10_000
"""Tokens and persons that are kept."""

log = logging.getLogger("edupulse.security")


@dataclass(frozen=True)
class Caller:
    """Who asks, what the token may be used for, and what is seen."""

    viewer: Viewer
    scopes: Collection[str]
    sight: Sight


class Gate:
    """The gate of one process.

    Each request waits for a question to the database that begins after it came, for the version of
    rights and tokens: so what was revoked or taken away is gone with the next request, in every
    process.
    """

    def __init__(
        self,
        store: Store,
        provider: OpenIdProvider | None,
        rates: RateSettings | None = None,
        rights: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """`rights` asks for that version; without it a thread does."""
        limits = rates or RateSettings()
        self.rates = Rates(limits.per_second, limits.burst)
        self._failed = Rates(limits.failed_per_second, limits.failed_burst)
        self._store, self._provider = store, provider
        self._tokens: Kept[bytes, tokens.Token] = Kept(MOST)
        self._persons: Kept[Claimed, Viewer] = Kept(MOST)
        self._sights = Sights(store, _differed)
        self._rights = rights or partial(run_in_threadpool, store.rights_version)

    async def admit(self, secret: str | None, address: str, at: datetime) -> Caller:
        """Whose token this is. Raises Unidentified without one that holds, TooOften for an address
        with too many of those, NotAllowed for a person of whom the district has no record."""
        version = await self._rights() if secret else 0
        kept = self._kept(secret, version, at) if secret else None
        if kept is not None:
            return kept
        return await run_in_threadpool(self._caller, secret, address, at, version)

    def _kept(self, secret: str, version: int, at: datetime) -> Caller | None:
        """The caller where nothing needs to be asked for: a service token, and its sight."""
        token = self._tokens.find(version, _digest(secret))
        if token is None or not token.holds_at(at):
            return None
        viewer = viewer_of(token)
        sight = self._sights.kept(viewer, at, version)
        return None if sight is None else Caller(viewer, token.scopes, sight)

    def _caller(self, secret: str | None, address: str, at: datetime, version: int) -> Caller:
        where = network_of(address)
        try:
            if not secret:
                raise Unidentified("A bearer token is needed.", "Send `Authorization: Bearer ...`.")
            viewer, scopes = self._identified(secret, version, where, at)
        except Unidentified:
            self._failed.take(where)
            raise
        return Caller(viewer, scopes, self._sights.of(viewer, at, version))

    def _identified(
        self, secret: str, version: int, where: str, at: datetime
    ) -> tuple[Viewer, Collection[str]]:
        if self._provider is not None and not secret.startswith(tokens.PREFIX):
            return self._person(self._provider.claimed(secret, at), version), tokens.SCOPES
        digest = _digest(secret)
        token = self._tokens.find(version, digest)
        if token is None:
            self._failed.check(where)
            token = self._found(secret, at)
            self._tokens.keep(version, digest, token)
        if not token.holds_at(at):
            raise _invalid()
        return viewer_of(token), token.scopes

    def _found(self, secret: str, at: datetime) -> tokens.Token:
        with self._store.writing() as connection:
            token = tokens.find(connection, secret, at)
        if token is None:
            raise _invalid()
        return token

    def _person(self, claimed: Claimed, version: int) -> Viewer:
        """A person's own token is narrowed by the rights of the role alone."""
        viewer = self._persons.find(version, claimed) or person(self._store, claimed)
        if viewer is None:
            log.warning("nobody on record signs in", extra={"holder": claimed.digest()})
            raise NotAllowed(
                "You are signed in, and no record of the district says who you are.",
                "Ask the district's office to put your login or e-mail address into its records.",
            )
        return self._persons.keep(version, claimed, viewer)


def pseudonym(viewer: Viewer) -> str:
    """How a viewer stands in a log: a token by its id, a person by a digest."""
    if viewer.name.startswith("token:"):
        return viewer.name
    return hashlib.sha256(viewer.name.encode()).hexdigest()[:16]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _invalid() -> Unidentified:
    return Unidentified("This token does not hold.", "Ask for a new one.")


def _differed(viewer: Viewer) -> None:
    LOCKS_DIFFER.inc()
    log.error("the two locks differ", extra={"caller": pseudonym(viewer)})
