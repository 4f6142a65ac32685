"""The API document (OpenAPI), whole: every problem a route can answer with, and what each noun is.

FastAPI writes what it knows from the routes; what holds for all of them is added here once.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from edupulse.api.problems import MEDIA_TYPE, RETRY_AFTER

ABOUT = """\
Errors are problems (RFC 9457) and say what to do. Long lists come in pages: give `next` as
`cursor`. Instants are UTC, ids UUIDs. A student whom the caller may not see answers as one who does
not exist, and the attempt stands in the audit log, as every look at a record does; `X-Purpose` says
why it was taken."""

PROBLEMS: Mapping[HTTPStatus, str] = {
    HTTPStatus.UNAUTHORIZED: "No bearer token, or one that does not hold.",
    HTTPStatus.FORBIDDEN: "The caller is known and may not do this at all.",
    HTTPStatus.NOT_FOUND: "There is no such thing, or not for this caller.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not come in time.",
    HTTPStatus.CONFLICT: "Something that is needed first is not there yet, or a law says no.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than the service takes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not as this document says; see `errors`.",
    HTTPStatus.TOO_MANY_REQUESTS: "This caller asks too often; ask again after `Retry-After`.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong that should not have.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part of the service is gone; ask again after `Retry-After`.",
}
"""What can go wrong, by status; which of them a route names follows from what it takes."""

SCOPE = "\n\nScope: "
"""After what an operation does, before what it needs."""

_WITH_RETRY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_NAMED_BY_QUERY = ("student_id", "school")


class Documented(FastAPI):
    """An app whose document is whole."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        made = super().openapi()
        if "responses" not in made["components"]:
            complete(made)
        return made


def operation_id(route: APIRoute) -> str:
    """A route is called in the document what its function is called."""
    return route.name


def tags_of(routers: Iterable[APIRouter]) -> list[dict[str, Any]]:
    """Each noun with what the first line of its module says of it."""
    found: dict[str, str] = {}
    for router in routers:
        module = sys.modules[_endpoint(router).__module__]
        for tag in router.tags:
            found.setdefault(str(tag), inspect.cleandoc(module.__doc__ or "").split("\n\n")[0])
    return [{"name": name, "description": said} for name, said in found.items()]


def complete(document: dict[str, Any]) -> None:
    """Add the problems to every operation, and the scopes in words."""
    document["components"]["responses"] = {_name(s): _response(s) for s in PROBLEMS}
    for operation in _operations(document):
        said = operation["responses"]
        _name_what_streams(said)
        said.pop("default", None)
        for status in _possible(operation):
            said.setdefault(str(int(status)), {"$ref": f"#/components/responses/{_name(status)}"})
        operation["summary"] = operation["description"].partition(".")[0]
        _tell_scopes(operation)


def _name_what_streams(said: Mapping[str, Any]) -> None:
    """FastAPI says of whatever is no JSON that it is a string, beside its schema."""
    schema = said.get("200", {}).get("content", {}).get("text/event-stream", {}).get("schema", {})
    schema.pop("type", None)


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def _possible(operation: Mapping[str, Any]) -> Iterator[HTTPStatus]:
    """The problems with which an operation can answer, by what it asks for."""
    parameters = operation.get("parameters", ())
    if operation.get("security"):
        yield from (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)
        yield HTTPStatus.TOO_MANY_REQUESTS
    named = any(one["in"] == "path" or one["name"] in _NAMED_BY_QUERY for one in parameters)
    if named or "requestBody" in operation:
        yield HTTPStatus.NOT_FOUND
    if parameters or "requestBody" in operation:
        yield HTTPStatus.UNPROCESSABLE_ENTITY
    if "requestBody" in operation:
        yield from (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    yield from (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


def scopes_of(operation: Mapping[str, Any]) -> str:
    """The scopes that an operation needs, as Markdown; empty where it needs none."""
    asked = [scopes for one in operation.get("security", ()) for scopes in one.values()]
    return ", ".join(f"`{scope}`" for scope in sorted({*chain.from_iterable(asked)}))


def _tell_scopes(operation: dict[str, Any]) -> None:
    if scopes := scopes_of(operation):
        operation["description"] += SCOPE + scopes + "."


def _response(status: HTTPStatus) -> dict[str, Any]:
    example = {
        "type": f"urn:edupulse:problem:{'-'.join(status.phrase.lower().split())}",
        "title": status.phrase,
        "status": int(status),
        "detail": PROBLEMS[status],
        "request_id": "0b6e3f5a9c1d2e47",
    }
    headers = {"X-Request-Id": _header("To find the request in the log.", "0b6e3f5a9c1d2e47")}
    if status in _WITH_RETRY:
        headers["Retry-After"] = _header("Seconds to wait.", str(RETRY_AFTER))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _header("How to say who asks.", "Bearer")
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": PROBLEMS[status], "headers": headers, "content": {MEDIA_TYPE: content}}


def _header(what: str, example: str) -> dict[str, Any]:
    return {"description": what, "schema": {"type": "string"}, "example": example}


def _name(status: HTTPStatus) -> str:
    return "".join(status.phrase.title().split())


def _endpoint(router: APIRouter) -> Any:
    return next(route.endpoint for route in router.routes if isinstance(route, APIRoute))
