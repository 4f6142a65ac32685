"""How often one caller may ask: a bucket of requests each, filled again as time passes.

The buckets are of one process: with several workers each has its own.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock

from pydantic import Field
from pydantic_settings import BaseSettings

from edupulse.school.errors import TooOften

MOST = 10_000
"""Callers whose buckets are kept; whoever was forgotten begins with a full one."""


class RateSettings(BaseSettings):
    """Requests a second that go on without end, and how many may come at once.

    `failed` are attempts without a token that holds, of one address.
    """

    per_second: float = Field(default=1000, gt=0, validation_alias="EDUPULSE_RATE")
    burst: int = Field(default=2000, ge=1, validation_alias="EDUPULSE_RATE_BURST")
    failed_per_second: float = Field(default=10, gt=0, validation_alias="EDUPULSE_FAILED_RATE")
    failed_burst: int = Field(default=600, ge=1, validation_alias="EDUPULSE_FAILED_BURST")

    model_config = {"env_ignore_empty": True}


@dataclass(frozen=True, slots=True)
class Left:
    """What a caller may still ask, in the words of the RateLimit header fields (IETF draft)."""

    burst: int
    window: int
    requests: int
    full_in: int

    def headers(self) -> dict[str, str]:
        """As they are sent."""
        return {
            "RateLimit-Policy": f'"caller";q={self.burst};w={self.window}',
            "RateLimit": f'"caller";r={self.requests};t={self.full_in}',
        }


class Rates:
    """A bucket for each caller."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> Left:
        """Count one request. Raises TooOften where the bucket is empty."""
        with self._lock:
            now = self._clock()
            level = self._level(caller, now)
            self._buckets[caller] = (max(level - 1, 0.0) if level >= 1 else level, now)
            self._buckets.move_to_end(caller)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        if level < 1:
            raise self._too_often(level)
        full_in = ceil((self._burst - level + 1) / self._per_second)
        return Left(self._burst, ceil(self._burst / self._per_second), int(level - 1), full_in)

    def check(self, caller: str) -> None:
        """Raise TooOften where the bucket is empty; counts nothing."""
        with self._lock:
            level = self._level(caller, self._clock())
        if level < 1:
            raise self._too_often(level)

    def _level(self, caller: str, now: float) -> float:
        level, then = self._buckets.get(caller, (float(self._burst), now))
        return min(self._burst, level + (now - then) * self._per_second)

    def _too_often(self, level: float) -> TooOften:
        wait = (1 - level) / self._per_second
        return TooOften("You ask too often.", "Ask again after Retry-After.", wait=wait)


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 the first 64 bits, which one household has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(found) >> 64 << 64)) if found.version == 6 else str(found)
