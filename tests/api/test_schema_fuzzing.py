"""Schemathesis over the whole document: whatever is asked, no 5xx and nothing undocumented."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import httpx2
import pytest
import schemathesis
import schemathesis.checks as of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from api.live import at_a_port
from edupulse.api.app import create_app

from .conftest import AT, PATIENT, things_of

EXAMPLES = int(os.environ.get("EDUPULSE_FUZZ_EXAMPLES", "15"))
"""How often each operation is asked in each mode; more find more."""

CHECKS = [
    of.not_a_server_error,
    of.status_code_conformance,
    of.content_type_conformance,
    of.response_headers_conformance,
    of.response_schema_conformance,
]


def streams(operation: dict[str, Any]) -> bool:
    """Does its answer never end? Then nobody could look at it whole; test_events.py asks those."""
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


DOCUMENT = create_app().openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig())
OPERATIONS = [
    pytest.param(path, method, mode, id=f"{mode}: {method.upper()} {path}")
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if not streams(operation)
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & operation.keys()
]
"""Each operation by its document, and against it where there is anything to get wrong."""


@pytest.fixture(scope="module")
def address(service) -> Iterator[str]:
    app = create_app(lambda: nullcontext(service.store), lambda: AT, PATIENT)
    with at_a_port(app) as url:
        yield url


@pytest.fixture(scope="module")
def known(service, address: str) -> dict[str, Any]:
    """What there is to be asked for."""
    with httpx2.Client(base_url=address, timeout=120) as client:
        return things_of(service, client)


def with_known(part: Any, known: dict[str, Any]) -> Any:
    """A part of a request that names what is there, where it names anything."""
    if not isinstance(part, dict):
        return part
    return {name: known.get(name, value) for name, value in part.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_no_request_brings_an_error_of_ours_or_an_answer_that_is_not_documented(
    service, address: str, known: dict[str, Any], path: str, method: str, mode: GenerationMode
) -> None:
    headers = service.as_()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=SCHEMA[path][method].as_strategy(mode), names_known=st.booleans())
    def ask(case: schemathesis.Case, names_known: bool) -> None:
        if names_known:
            case.path_parameters = with_known(case.path_parameters, known)
            case.query = with_known(case.query, known)
            case.body = with_known(case.body, known)
        case.call_and_validate(base_url=address, headers=headers, checks=CHECKS, timeout=60)

    ask()
