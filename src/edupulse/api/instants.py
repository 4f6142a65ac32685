"""An instant as a caller gives it: with its time zone, in years in which there may be records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
"""Those of the days that a record may have; farther ones have no local day in every time zone."""


def _in_utc(instant: datetime) -> datetime:
    if not FIRST <= instant < LAST:
        raise ValueError("an instant from 1900 to 2200 expected")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""In UTC."""
