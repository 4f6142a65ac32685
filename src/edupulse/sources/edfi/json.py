"""A resource of the Ed-Fi API as a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edupulse.sources.edfi.resource import Resource, Row, put

_DESCRIPTOR = "Descriptor"


def row_of(resource: Resource, content: Mapping[str, Any]) -> Row:
    """The row of one JSON resource; numbers keep their text (see `json.loads(parse_float=str)`)."""
    row = resource.row()
    _walk(resource, content, "", row)
    return row


def row_of_key(resource: Resource, key: Mapping[str, Any]) -> Row:
    """The row of a natural key as a list of deletions gives it: values by their last names."""
    row = resource.row()
    for name, value in key.items():
        if value is not None:
            for place in resource.last_names.get(name.removesuffix(_DESCRIPTOR), ()):
                put(row, place, _text(value))
    return row


def _walk(resource: Resource, content: Mapping[str, Any], prefix: str, row: Row) -> None:
    for name, value in content.items():
        _visit(resource, value, prefix + name.removesuffix(_DESCRIPTOR), row)


def _visit(resource: Resource, value: object, key: str, row: Row) -> None:
    match value:
        case None:
            return
        case dict():
            _walk(resource, value, f"{key}.", row)
        case list():
            for item in value:
                _visit(resource, item, key, row)
        case _:
            place = resource.places.get(key)
            if place is not None:
                put(row, place, _text(value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
