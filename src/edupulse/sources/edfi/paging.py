"""All resources of one path of an Ed-Fi API, page by page, by whichever paging the service has.

A service that knows key-set paging answers the first page with a `Next-Page-Token`, and is asked
by token. Any other is asked by offset, from the last page back to the first: what is deleted
meanwhile then shifts resources to where they are read again, never to where they are missed. A
resource that comes twice is one record in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edupulse.school.errors import SourceDown
from edupulse.sources.web import Answer, Query, Service

PAGE = 500
"""Resources a page: the most that the ODS/API gives by default."""

SMALLER = (100, 25)
"""What is tried where a service allows no pages of that size; 25 is the ODS/API's own default."""

_BAD_REQUEST = 400
_NEXT, _TOTAL = "Next-Page-Token", "Total-Count"

Resources = list[Mapping[str, Any]]


class Unavailable(Exception):
    """The service does not have this path, or does not let us read it."""


def pages(service: Service, path: str, query: Query, size: int = PAGE) -> Iterator[Resources]:
    """The pages at a path; raises `Unavailable` where the service says 403 or 404."""
    size, first = _first(service, path, query, size)
    found = _resources(first)
    yield found
    if first.headers.get(_NEXT):
        yield from _by_token(service, path, query, size, first.headers[_NEXT])
    elif (total := first.headers.get(_TOTAL)) is not None:
        yield from _backwards(service, path, query, size, _number(first, total), found)
    elif len(found) >= size:
        yield from _forwards(service, path, query, size)


def _first(service: Service, path: str, query: Query, size: int) -> tuple[int, Answer]:
    """The first page, and how many resources a page may have: some services allow fewer."""
    for fewer in (size, *(smaller for smaller in SMALLER if smaller < size)):
        answer = service.get(path, {**query, "limit": fewer, "totalCount": "true"})
        if answer.status != _BAD_REQUEST:
            break
    return fewer, _checked(answer, path)


def total(service: Service, path: str) -> int | None:
    """How many resources there are at a path; None where the service does not count them."""
    said = _asked(service, path, {"limit": 1, "totalCount": "true"})
    return _number(said, said.headers[_TOTAL]) if _TOTAL in said.headers else None


def _by_token(
    service: Service, path: str, query: Query, size: int, token: str
) -> Iterator[Resources]:
    while token:
        answer = _asked(service, path, {**query, "pageToken": token, "pageSize": size})
        found = _resources(answer)
        if found:
            yield found
        after = answer.headers.get(_NEXT, "")
        token = after if found and after != token else ""


def _backwards(
    service: Service, path: str, query: Query, size: int, total: int, first: Resources
) -> Iterator[Resources]:
    """From the last page to the first, which is asked again for what has come into it since."""
    if total <= size:
        return
    for offset in range((total - 1) // size * size, -1, -size):
        page = _resources(_asked(service, path, {**query, "limit": size, "offset": offset}))
        yield page if offset else [each for each in page if each not in first]


def _forwards(service: Service, path: str, query: Query, size: int) -> Iterator[Resources]:
    """Without a total: until a page is empty."""
    offset = size
    while found := _resources(_asked(service, path, {**query, "limit": size, "offset": offset})):
        yield found
        offset += size


def _asked(service: Service, path: str, query: Query) -> Answer:
    return _checked(service.get(path, query), path)


def _checked(answer: Answer, path: str) -> Answer:
    if answer.status in (403, 404):
        raise Unavailable(path)
    if not answer.is_ok:
        raise SourceDown(f"{answer.url} answers HTTP {answer.status}.", "Ask who runs the service.")
    return answer


def _resources(answer: Answer) -> Resources:
    found = answer.json()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise SourceDown(f"{answer.url} answers with no list.", "Ask who runs the service.")
    return found


def _number(answer: Answer, text: str) -> int:
    if not text.isdecimal():
        raise SourceDown(f"{answer.url} counts {text[:20]!r}.", "Ask who runs the service.")
    return int(text)
