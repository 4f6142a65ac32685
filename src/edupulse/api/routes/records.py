"""Records that the district's own systems push: up to 10,000 rows of one kind a call."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.idempotency import once
from edupulse.api.security import asks
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.pipeline.pushing import push
from edupulse.school.errors import NotFound
from edupulse.school.kind import Kind
from edupulse.school.records import KIND_BY_NAME

router = APIRouter(tags=["records"])

MOST_ROWS = 10_000

KindName = Annotated[
    str,
    Path(
        description="The kind of record, as its file is named in docs/csv.md.",
        json_schema_extra={"enum": list(KIND_BY_NAME)},
    ),
]


class Rows(BaseModel):
    """Records of one kind; each has the fields of docs/csv.md, `known_at` and `retracted` too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"records": [{"student_id": "1007", "date": "2026-03-16", "status": "unexcused"}]}
    ]})  # fmt: skip

    records: list[dict[str, str | bool | int | float | None]] = Field(
        min_length=1, max_length=MOST_ROWS, description="The rows; what is null is unknown."
    )
    historical: bool = Field(
        False,
        description="Rows without `known_at` count as known from their own dates; else from now.",
    )


class RejectedRow(BaseModel):
    """A row that was left out."""

    row: int = Field(description="Its place in `records`; the first is 1.")
    field: str | None = Field(description="The field that is wrong; null: the row as such.")
    reason: str = Field(description="What was expected; never the value.")


class Pushed(BaseModel):
    """What became of the rows."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"import_id": "5f0c6f5e-3c7b-4c53-9a0e-1f7d4b1c2a9e", "read": 2, "new": 1, "revised": 0,
         "unchanged": 0, "retracted": 0, "notes": [],
         "rejected": [{"row": 2, "field": "date", "reason": "a date as 2026-03-16 expected"}]}
    ]})  # fmt: skip

    import_id: UUID = Field(description="Follow it at /imports/{import_id}.")
    read: int = Field(description="Rows that came.")
    new: int = Field(description="Records that were not there.")
    revised: int = Field(description="Records that changed.")
    unchanged: int = Field(description="Rows that said what was known.")
    retracted: int = Field(description="Records taken back.")
    rejected: list[RejectedRow] = Field(description="Rows left out, in their order.")
    notes: list[str] = Field(description="What a person should read.")


@router.post("/records/{kind}")
@once
def push_records(
    made: UUID,
    asking: Annotated[Asking, asks("records:write")],
    store: StoreHere,
    kind: KindName,
    rows: Rows,
) -> Pushed:
    """Push records of one kind: all good rows land in one transaction, or none at all.

    Rows that are bad are left out and told; are they more than 5 % and at least 20, nothing lands.
    """
    done, rejected = push(
        store,
        _kind(kind),
        rows.records,
        by=asking.viewer.name,
        now=asking.at,
        number=made,
        historical=rows.historical,
    )
    [counts] = [one for one in done.report["files"] if one["kind"] == kind]
    told: dict[str, Any] = {name: counts[name] for name in _COUNTS}
    listed = [RejectedRow(row=one.row, field=one.field, reason=one.reason) for one in rejected]
    return Pushed(import_id=done.id, rejected=listed, notes=done.report["notes"], **told)


_COUNTS = ("read", "new", "revised", "unchanged", "retracted")


def _kind(name: str) -> Kind:
    try:
        return KIND_BY_NAME[name]
    except KeyError:
        raise NotFound("There is no such kind of record.", "See docs/csv.md.") from None
