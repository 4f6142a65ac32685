"""An instant as a caller gives it: with its time zone, in years in which there may be records."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
"""Those of the days that a record may have; farther ones have no local day in every time zone."""


def _in_utc(instant: datetime) -> datetime:
    if not FIRST <= instant < LAST:
        raise ValueError("an instant from 1900 to 2200 expected")
    return instant.astimezone(UTC)


def _written(value: object) -> object:
    """A number is none: whether seconds or milliseconds are meant would be a guess."""
    if not isinstance(value, str | datetime) or re.fullmatch(r"\s*[-+]?[\d.]+\s*", str(value)):
        raise ValueError("an instant as 2026-03-16T06:00:00Z expected")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]
"""In UTC."""
