"""The cache of answers: Redis, or this process's memory. Without it all is slower, and alike.

What lies in it is sealed, since Redis holds it outside of the database's locks, and bound to its
key. Whatever goes wrong (no connection, no answer in time, bytes that do not open) is a miss that
is counted; after a failure the cache is left alone for a moment, so that nobody waits for it twice.
Whether an answer found here may be given is not decided here.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
import warnings
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cashews import Cache
from cashews.exceptions import CacheError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from edupulse.school.errors import BadInput
from edupulse.store.keys import KEY_BYTES, keyring

IN_MEMORY = "mem://?size={}&check_interval=0"
MOST_IN_MEMORY = 20_000
"""Answers of some 2 KB; a third of a large district's students."""

PATIENCE = 0.05
"""Seconds for the cache to answer; computing anew takes less than twice that."""

LEFT_ALONE = 1.0
"""Seconds for which a cache that failed is not asked."""

PREFIX = "answer"

_NONCE = 12
_SEALED = "cached answers, 2"
"""For what the key is made; the number grows with the form of what is kept."""


def key_of(student_id: UUID, as_of: datetime | None, *, explained: bool) -> str:
    """Under which an answer lies: about whom, as of when (None: now), with factors?"""
    instant = "now" if as_of is None else as_of.isoformat()
    return f"{PREFIX}:{student_id}:{instant}:{int(explained)}"


def forget_shared(students: Iterable[UUID]) -> bool:
    """Remove from Redis what it holds of these students; False where it does not answer.

    What a worker keeps in memory cannot be reached from here: it is given to nobody any more, and
    is gone with the end of the day or of the worker.
    """
    if CacheSettings().redis_url is None:
        return True

    async def forgotten() -> bool:
        answers = Answers.opened()
        try:
            return await answers.forget(students)
        finally:
            await answers.close()

    return asyncio.run(forgotten())


class CacheSettings(BaseSettings):
    """Read from the environment: REDIS_URL; empty counts as absent."""

    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")

    model_config = {"env_ignore_empty": True}


@dataclass
class Counts:
    """What became of questions to the cache, since the process began."""

    found: int = 0
    missed: int = 0
    failed: int = 0


@dataclass
class Answers:
    """The cache; each process has one, used from one event loop."""

    cache: Cache
    cipher: AESGCM
    counts: Counts = field(default_factory=Counts)
    asleep_until: float = 0.0

    @classmethod
    def opened(cls, settings: CacheSettings | None = None) -> Answers:
        """At REDIS_URL, else in memory. Raises BadInput for an address that is none.

        Nothing is connected yet. Processes with the same keys share what lies in Redis.
        """
        url = (settings or CacheSettings()).redis_url
        cache = Cache()
        if url is None:
            cache.setup(IN_MEMORY.format(MOST_IN_MEMORY))
            return cls(cache, AESGCM(secrets.token_bytes(KEY_BYTES)))
        if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise BadInput("this is no address of Redis.", "Write redis://host:6379/0.",
                           field="REDIS_URL")  # fmt: skip
        cache.setup(
            url.get_secret_value(),
            pickle_type="null",  # nothing that comes from there is ever run
            suppress=False,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            wait_for_connection_timeout=PATIENCE,
        )
        return cls(cache, AESGCM(keyring().current.derived(_SEALED)))

    async def get(self, key: str) -> bytes | None:
        """What lies under a key; None where nothing does, or nothing can be had."""
        opened = self._opened(key, await self._tried(self.cache.get(key)))
        if opened is None:
            self.counts.missed += 1
        else:
            self.counts.found += 1
        return opened

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for at most so long."""
        if seconds > 0:
            await self._tried(self.cache.set(key, self._sealed(key, value), expire=seconds))

    async def forget(self, students: Iterable[UUID]) -> bool:
        """Remove every answer about these students; False where that could not be done."""
        failed = self.counts.failed
        for student in students:
            await self._tried(self.cache.delete_match(f"{PREFIX}:{student}:*"))
        return self.counts.failed == failed

    async def answer(self) -> bool:
        """Does the cache answer now?"""
        failed = self.counts.failed
        await self._tried(self.cache.ping())
        return self.counts.failed == failed and time.monotonic() >= self.asleep_until

    async def close(self) -> None:
        """Close the connections."""
        with warnings.catch_warnings():
            # cashews 7.6 closes its client by a name that redis 8 no longer likes.
            warnings.simplefilter("ignore", DeprecationWarning)
            await self.cache.close()

    async def _tried(self, asking: Coroutine[Any, Any, Any]) -> Any:
        if time.monotonic() < self.asleep_until:
            asking.close()
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await asking
        except (CacheError, TimeoutError, OSError):
            self.counts.failed += 1
            self.asleep_until = time.monotonic() + LEFT_ALONE
            return None

    def _sealed(self, key: str, value: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self.cipher.encrypt(nonce, value, key.encode())

    def _opened(self, key: str, value: object) -> bytes | None:
        if not isinstance(value, bytes):
            return None
        try:
            return self.cipher.decrypt(value[:_NONCE], value[_NONCE:], key.encode())
        except (InvalidTag, ValueError):
            return None
