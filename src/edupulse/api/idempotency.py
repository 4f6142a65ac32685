"""`Idempotency-Key`: a write that is asked twice is done once, and answered alike.

`@once` below `@router.post(...)` is all that a route needs. An endpoint with a parameter `made`
gets the id of what it makes there: a new one, or, where the same request was cut off before, the
same one again. Who writes under that id with `ON CONFLICT DO NOTHING` writes once, whatever dies.

An answer about students takes `@once_about(again)` instead: who repeats the request may no longer
see them, and what is told again is a look at a record like any other.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Annotated, Any
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Header, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.school.errors import DatabaseDown, EduPulseError
from edupulse.store import requests
from edupulse.store.requests import Answered, Claimed
from edupulse.store.store import Store

NAME, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
MADE = "made"
_NONCE = 12

Key = Annotated[
    str | None,
    Header(
        alias=NAME,
        min_length=16,
        max_length=255,
        description="A random word of your own, such as a UUID, sent again when the request is "
        "sent again: within 24 hours it is then done once and answered alike.",
    ),
]


Endpoint = Callable[..., Any]
Again = Callable[[Store, Asking, Mapping[str, Any], bytes], bytes]
"""From the endpoint's arguments and its first answer to what may be told of it now."""


def once(endpoint: Endpoint) -> Callable[..., Awaitable[Any]]:
    """The endpoint, done once for each key of a caller; without a key as it is."""
    return _once(endpoint, None)


def once_about(
    seen: Callable[[Store, Asking, Mapping[str, Any]], object],
) -> Callable[[Endpoint], Callable[..., Awaitable[Any]]]:
    """The same for an answer about a student: `seen` opens the record, or raises NotFound."""

    def again(store: Store, asking: Asking, given: Mapping[str, Any], told: bytes) -> bytes:
        seen(store, asking, given)
        return told

    return once_again(again)


def once_again(again: Again) -> Callable[[Endpoint], Callable[..., Awaitable[Any]]]:
    """The same, where `again` says what of the answer is told another time."""
    return lambda endpoint: _once(endpoint, again)


def _once(endpoint: Endpoint, again: Again | None) -> Callable[..., Awaitable[Any]]:
    signature = inspect.signature(endpoint)
    makes = MADE in signature.parameters

    @wraps(endpoint)
    async def answering(
        *, keyed: Request, keyed_store: Store, key: str | None, **given: Any
    ) -> Any:
        doing = partial(endpoint, **given)
        if key is None:
            return await _called(partial(doing, made=uuid4()) if makes else doing)
        asking = next(one for one in given.values() if isinstance(one, Asking))
        request = await _Keyed.of(keyed, keyed_store, asking, key)
        claimed = await run_in_threadpool(request.claim)
        if isinstance(claimed, Answered):
            told = request.opened(claimed)
            if again is not None:
                told = await run_in_threadpool(again, keyed_store, asking, given, told)
            return Response(told, claimed.status, {REPLAYED: "true"}, "application/json")
        return await request.done(partial(doing, made=claimed.made) if makes else doing, claimed)

    own = [one for one in signature.parameters.values() if one.name != MADE]
    asked = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    answering.__signature__ = signature.replace(parameters=[*asked, *_OURS])  # type: ignore[attr-defined]
    return answering


_OURS = (
    inspect.Parameter("keyed", inspect.Parameter.KEYWORD_ONLY, annotation=Request),
    inspect.Parameter("keyed_store", inspect.Parameter.KEYWORD_ONLY, annotation=StoreHere),
    inspect.Parameter("key", inspect.Parameter.KEYWORD_ONLY, annotation=Key, default=None),
)
"""What the wrapper asks FastAPI for, beside what the endpoint asks."""


async def _called(doing: partial[Any]) -> Any:
    if inspect.iscoroutinefunction(doing.func):
        return await doing()
    return await run_in_threadpool(doing)


@dataclass(frozen=True)
class _Keyed:
    """One request with a key."""

    store: Store
    asking: Asking
    route: APIRoute
    digest: bytes
    content: bytes
    secret: bytes

    @classmethod
    async def of(cls, request: Request, store: Store, asking: Asking, key: str) -> _Keyed:
        route: APIRoute = request.scope["route"]
        named = (asking.viewer.name, request.method, route.path, key)
        asked = (request.url.path, request.url.query, await request.body())
        secret = HKDF(SHA256(), 32, None, _told(named)).derive(key.encode())
        return cls(store, asking, route, _digest(named), _digest(asked), secret)

    def claim(self) -> Claimed | Answered:
        """Begin it, or find the first answer."""
        with self.store.writing() as connection:
            return requests.claim(connection, self.digest, self.content, self.asking.at)

    async def done(self, doing: partial[Any], mine: Claimed) -> Response:
        """Do it, and keep the answer."""
        try:
            response = self._rendered(await _called(doing))
        except Exception as error:
            await run_in_threadpool(self._failed, mine, error)
            raise
        await run_in_threadpool(self._settle, mine, response)
        return response

    def opened(self, answer: Answered) -> bytes:
        """The first answer."""
        nonce, told = answer.sealed[:_NONCE], answer.sealed[_NONCE:]
        return AESGCM(self.secret).decrypt(nonce, told, self.digest)

    def _rendered(self, answer: Any) -> Response:
        """The answer as FastAPI would give it; the same bytes are kept."""
        if isinstance(answer, Response):
            return answer
        body = to_json(answer, exclude_none=self.route.response_model_exclude_none)
        return Response(body, self.route.status_code or 200, media_type="application/json")

    def _settle(self, mine: Claimed, response: Response) -> None:
        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(self.secret).encrypt(nonce, bytes(response.body), self.digest)
        with self.store.writing() as connection:
            kept = Answered(response.status_code, sealed)
            requests.settle(connection, self.digest, mine, kept)

    def _failed(self, mine: Claimed, error: Exception) -> None:
        """A refusal did nothing; after anything else, what was done is not known."""
        nothing_done = isinstance(error, EduPulseError) and not isinstance(error, DatabaseDown)
        ended = requests.release if nothing_done else requests.give_up
        try:
            with self.store.writing() as connection:
                ended(connection, self.digest, mine)
        except DatabaseDown:
            return


def _told(parts: tuple[str | bytes, ...]) -> bytes:
    """Parts as one, each after its length, so that no two read the same."""
    octets = [part.encode() if isinstance(part, str) else part for part in parts]
    return b",".join(b"%d:%s" % (len(part), part) for part in octets)


def _digest(parts: tuple[str | bytes, ...]) -> bytes:
    return hashlib.sha256(_told(parts)).digest()
