"""Long lists in pages: each page names a cursor, from which the next one goes on."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edupulse.school.errors import BadInput

Item = TypeVar("Item")
Key = TypeVar("Key")

Limit = Annotated[int, Query(ge=1, le=500, description="How many items a page holds.")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next` of the page before; none: the first.")
]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    # Pydantic gives the page of a kind of item no docstring of its own.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a list."})

    items: list[Item] = Field(description="What this page holds.")
    next: str | None = Field(None, description="Give it as `cursor`; null on the last page.")


def cursor_after(*key: Any) -> str:
    """The cursor that goes on after an item with this key (JSON values)."""
    return urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def typed_key(cursor: str | None, types: TypeAdapter[Key]) -> Key | None:
    """The key in a cursor, of these types; None without one. Raises BadInput for none of ours."""
    if cursor is None:
        return None
    try:
        return types.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, ValidationError):
        raise BadInput(
            "This is no cursor of this list.", "Give `next` of the page before.", field="cursor"
        ) from None
