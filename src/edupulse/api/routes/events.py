"""Events: changed risks of the caller's students, told as they happen."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.security import asks, still_asks
from edupulse.api.streams import Stream
from edupulse.api.wiring import StreamsHere
from edupulse.casework.disclosures import Asking
from edupulse.store.events import LAST, Mark

router = APIRouter(tags=["events"])

NEEDED = "predictions:read"

LastEventId = Annotated[
    str | None,
    Header(alias=LAST, description="The id that came last: what happened after it is told first."),
]


class BandChanged(BaseModel):
    """A student's band is another than before: the `data` of `risk.band_changed`."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"student_id": "8c1f6a1e-5b0e-5d0a-9b1a-0d9a3c1f7e21",
         "prediction_id": "5d0f9a52-1c1f-5a56-9d2e-0a4b8f6f7d10",
         "as_of": "2026-03-16T06:00:00+00:00", "before": "medium", "band": "high"}
    ]})  # fmt: skip

    student_id: UUID = Field(description="Whose.")
    prediction_id: UUID = Field(description="The prediction that says so.")
    as_of: datetime = Field(description="As of when.")
    before: str = Field(description="The band before.")
    band: str = Field(description="The band now.")


EXAMPLE = """\
id: 5e1f09ac-20744-0
retry: 3000

event: risk.band_changed
data: {"student_id":"8c1f6a1e-5b0e-5d0a-9b1a-0d9a3c1f7e21","as_of":"2026-03-16T06:00:00+00:00",\
"before":"medium","band":"high","prediction_id":"5d0f9a52-1c1f-5a56-9d2e-0a4b8f6f7d10"}
id: 5e1f09ac-20745-318

: ping
id: 5e1f09ac-20801-0

"""


@router.get(
    "/events",
    status_code=HTTPStatus.OK,
    response_class=Stream,
    responses={
        HTTPStatus.OK: {
            "description": "Server-sent events, until one of both ends them.",
            "model": BandChanged,
            "content": {Stream.media_type: {"example": EXAMPLE}},
        }
    },
)
async def events(
    request: Request,
    asking: Annotated[Asking, asks(NEEDED)],
    streams: StreamsHere,
    last: LastEventId = None,
) -> Stream:
    """Changed bands of those students whose scores the caller may see, as server-sent events.

    `data` is that of the webhooks' `risk.band_changed`. With `Last-Event-ID` it goes on after that
    event, for 30 days. An id that is none, or of a database that was restored since, is refused
    (422): begin without it. Who may see whom is decided anew for each event; it ends, and says why
    to who asks again, when the token or the right does. See docs/webhooks.md.
    """
    mark = None if last is None else Mark.read(last)
    return await streams.begin(still_asks(request, NEEDED), asking.purpose, mark)
