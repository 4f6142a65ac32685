"""The keys that an OpenID provider publishes: found by discovery, kept, and asked for again.

A token with an unknown key lets us ask again, since providers change their keys; but not more often
than every PAUSE seconds, or anybody could make us ask without end. While the provider is down the
keys that are known go on holding; what needs another key cannot be told from a forgery then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import urljoin

from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet, OctKey

from edupulse.school.errors import BadInput, ProviderDown, SourceDown, Unidentified
from edupulse.sources.web import Patience, Service

PAUSE = 30.0
FRESH = 600.0
"""Seconds after which keys are asked for again, so that one that was withdrawn ends."""

DISCOVERY = ".well-known/openid-configuration"
BRIEFLY = Patience(tries=1, pause=0.2, longest_asked=1, connect=2, read=3)

DOWN = "The district's OpenID provider does not answer, so nobody new can be signed in."

log = logging.getLogger("edupulse.security")


class ProviderKeys:
    """The public keys of one issuer; nothing is asked for before the first token comes."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._clock = issuer, clock
        self._keys: list[Key] = []
        self._tried, self._is_down = -PAUSE, False
        self._asking = Lock()

    def key_for(self, token: GuestProtocol) -> Key:
        """The key that a token names. Raises Unidentified; ProviderDown where nobody can tell."""
        headers = token.headers()
        kid, algorithm = headers.get("kid"), headers["alg"]
        if self._clock() - self._tried > FRESH:
            self._ask(wait=not self._keys)
        found = self._find(kid, algorithm)
        if found is None:
            self.ask_again()
            found = self._find(kid, algorithm)
        if found is None:
            raise Unidentified("This token does not hold.", "Sign in again.")
        return found

    def ask_again(self) -> None:
        """Look whether there are other keys by now. Raises ProviderDown where nobody can tell."""
        self._ask()
        if self._is_down:
            raise ProviderDown(DOWN, "Try again in a moment.")

    def _find(self, kid: object, algorithm: str) -> Key | None:
        """By its name; a token that names none is tried with the only key of that kind."""
        fitting = [key for key in self._keys if key.get("alg", algorithm) == algorithm]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == kid), None)

    def _ask(self, *, wait: bool = True) -> None:
        """Ask the provider, unless somebody did within the pause, or does and we need not wait."""
        if not self._asking.acquire(blocking=wait):
            return
        try:
            if self._clock() - self._tried < PAUSE:
                return
            try:
                self._keys, self._is_down = self._published(), False
            except (SourceDown, BadInput, JoseError, ValueError, TypeError, KeyError) as error:
                self._is_down = True
                log.warning("the OpenID provider gives no keys: %s", type(error).__name__)
            self._tried = self._clock()
        finally:
            self._asking.release()

    def _published(self) -> list[Key]:
        document = _answer(urljoin(f"{self._issuer.rstrip('/')}/", DISCOVERY))
        if document["issuer"] != self._issuer:
            raise ValueError("another issuer's document")
        published = KeySet.import_key_set(_answer(document["jwks_uri"]))
        return [
            key
            for key in published.keys
            if not isinstance(key, OctKey) and key.get("use", "sig") == "sig"
        ]


def _answer(url: str) -> Any:
    asked = Service(url, BRIEFLY)
    try:
        answer = asked.get(url)
    finally:
        asked.close()
    if not answer.is_ok:
        raise SourceDown(f"HTTP {answer.status}")
    return answer.json()
