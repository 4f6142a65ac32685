"""Errors as problem details (RFC 9457): one table from our tree of exceptions to statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from edupulse.school import errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which to ask again where a part of ours is gone for a while."""

STATUSES: Mapping[type[errors.EduPulseError], HTTPStatus] = {
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ImportRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Unidentified: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    errors.NotReady: HTTPStatus.CONFLICT,
    errors.DatabaseDown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ProviderDown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SourceDown: HTTPStatus.BAD_GATEWAY,
    errors.Refused: HTTPStatus.CONFLICT,
    errors.CatalogMismatch: HTTPStatus.CONFLICT,
    errors.Leakage: HTTPStatus.CONFLICT,
}


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"type": "urn:edupulse:problem:not-found", "title": "Not Found", "status": 404,
         "detail": "There is no such student.", "to_do": "Give the student_id.",
         "request_id": "0b6e3f"}
    ]})  # fmt: skip

    type: str = Field(description="A URN that names the kind of problem.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request.")
    to_do: str = Field("", description="What the caller can do about it.")
    request_id: str = Field("", description="To find the request in the log.")
    errors: list[dict[str, Any]] | None = Field(
        None, description="Of an invalid request: each place that is wrong, without its value."
    )


def problem(
    request: Request,
    status: HTTPStatus,
    detail: str,
    *,
    kind: str = "",
    to_do: str = "",
    places: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A response with the details of a problem."""
    told = Problem(
        type=f"urn:edupulse:problem:{kind or _word(status.phrase)}",
        title=status.phrase,
        status=status,
        detail=detail,
        to_do=to_do,
        request_id=getattr(request.state, "request_id", ""),
        errors=places,
    )
    return JSONResponse(
        told.model_dump(exclude_none=True), status, dict(headers or {}), media_type=MEDIA_TYPE
    )


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of ours leave as a problem; what nobody foresaw is left to the guard."""
    app.add_exception_handler(errors.EduPulseError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def unforeseen(request: Request) -> JSONResponse:
    """What nobody foresaw tells nothing of itself: the log has it, under the request's id."""
    detail = "Something went wrong that should not have."
    to_do = "Tell whoever runs this service the request_id."
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail, to_do=to_do)


def told_of(error: errors.EduPulseError, status: HTTPStatus) -> Problem:
    """The problem of one item among others that went well."""
    return Problem(
        type=f"urn:edupulse:problem:{_kind_of(error)}",
        title=status.phrase,
        status=status,
        detail=error.problem,
        to_do=error.to_do,
        request_id="",
        errors=None,
    )


def status_of(error: errors.EduPulseError) -> HTTPStatus:
    """The status of the nearest class in the table."""
    return next(STATUSES[one] for one in type(error).__mro__ if one in STATUSES)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.EduPulseError)  # noqa: S101  (registered for it)
    return problem_of(request, error)


def problem_of(request: Request, error: errors.EduPulseError) -> JSONResponse:
    """The response to an error of ours."""
    status = status_of(error)
    kind = _kind_of(error)
    headers = dict(_HEADERS.get(status, {}))
    if isinstance(error, errors.TooOften):
        headers["Retry-After"] = str(ceil(error.wait))
    return problem(
        request,
        status,
        error.problem,
        kind=kind,
        to_do=error.to_do,
        places=[dict(place) for place in error.places] or None,
        headers=headers,
    )


_HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_AFTER)},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
}


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for it)
    places = [
        {"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]}
        for one in error.errors()
    ]
    return _unlike(request, places)


def _unlike(request: Request, places: list[dict[str, Any]]) -> JSONResponse:
    return problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The request is not as the API document says.",
        kind="invalid-request",
        to_do="Correct each place in `errors`.",
        places=places,
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:  # FastAPI: JSON that Python cannot hold
        return _unlike(request, [{"where": "body", "what": "This cannot be read."}])
    return problem(request, status, status.description or status.phrase, headers=error.headers)


def _kind_of(error: errors.EduPulseError) -> str:
    return _word("".join(f" {c}" if c.isupper() else c for c in type(error).__name__))


def _word(phrase: str) -> str:
    return "-".join(phrase.lower().split())
