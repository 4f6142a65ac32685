"""Schemathesis over the whole document: whatever is asked, no 5xx and nothing undocumented."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import schemathesis
import schemathesis.checks as of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from api.live import at_a_port
from edupulse.api.app import PREFIX, create_app

EXAMPLES = int(os.environ.get("EDUPULSE_FUZZ_EXAMPLES", "15"))
"""How often each operation is asked; more find more."""

CHECKS = [
    of.not_a_server_error,
    of.status_code_conformance,
    of.content_type_conformance,
    of.response_headers_conformance,
    of.response_schema_conformance,
]
STREAMED = frozenset({f"{PREFIX}/events"})
"""Answers that never end."""

DOCUMENT = create_app().openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig())
OPERATIONS = [
    pytest.param(path, method, id=f"{method.upper()} {path}")
    for path, item in DOCUMENT["paths"].items()
    for method in item
    if path not in STREAMED
]


@pytest.fixture(scope="module")
def address(service) -> Iterator[str]:
    with at_a_port(service.client.app, lifespan="off") as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_brings_an_error_of_ours_or_an_answer_that_is_not_documented(
    service, address: str, path: str, method: str
) -> None:
    headers, student = service.as_(), service.any_student()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=SCHEMA[path][method].as_strategy(), known=st.booleans())
    def ask(case: schemathesis.Case, known: bool) -> None:
        if (
            known
            and isinstance(case.path_parameters, dict)
            and "student_id" in case.path_parameters
        ):
            case.path_parameters["student_id"] = student
        case.call_and_validate(base_url=address, headers=headers, checks=CHECKS, timeout=60)

    ask()
