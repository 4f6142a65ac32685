"""The API document: valid, whole, and shown by files of our own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from api.live import at_a_port
from edupulse.api.app import OPEN, PREFIX, create_app
from edupulse.api.client_code import MAP
from edupulse.api.direct import Direct
from edupulse.api.document import document
from edupulse.api.openapi import PROBLEMS
from edupulse.api.routes import docs

DOCUMENT = create_app().openapi()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]


@pytest.fixture(scope="module")
def client() -> TestClient:
    """The app without a store: neither the document nor its page needs one."""
    return TestClient(create_app())


def test_it_is_a_valid_document(client) -> None:
    given = client.get(f"{PREFIX}/openapi.json").json()
    assert given == DOCUMENT
    assert list(OpenAPIV31SpecValidator(given).iter_errors()) == []


def test_names_of_operations_are_words_and_their_own() -> None:
    names = [operation.values[2]["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_does_and_what_can_go_wrong(path, method, operation) -> None:
    assert operation["summary"]
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert set(operation["tags"]) <= described
    statuses = set(operation["responses"])
    assert "500" in statuses
    assert "default" not in statuses
    if path.startswith(PREFIX):
        assert operation["security"]
        assert {"401", "403", "422", "429", "503"} <= statuses
    if "requestBody" in operation:
        assert "413" in statuses
    if "{" in path:
        assert "404" in statuses


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_parameter_and_every_field_is_described(path, method, operation) -> None:
    assert all(one.get("description") for one in operation.get("parameters", ()))


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_model_and_every_field_of_it_is_described(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    assert schema.get("description")
    silent = [
        field
        for field, said in schema.get("properties", {}).items()
        if not said.get("description") and "const" not in said
    ]
    assert silent == []


def test_the_map_of_the_routes_is_made_from_it() -> None:
    assert MAP.read_text() == document(DOCUMENT), "Run: python -m edupulse.api.client_code"


def contents(operation: dict) -> Iterator[dict]:
    """The schema of each JSON body that an operation takes, or answers when all goes well."""
    good = [said for status, said in operation["responses"].items() if status.startswith("2")]
    for said in (operation.get("requestBody", {}), *good):
        if "application/json" in said.get("content", {}):
            yield said["content"]["application/json"]["schema"]


def has_example(schema: dict) -> bool:
    """Does it, or for a page what the page holds, come with an example?"""
    named = DOCUMENT["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    items = named.get("properties", {}).get("items", {}).get("items")
    return "examples" in named or (items is not None and has_example(items))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_body_and_every_answer_has_an_example(path, method, operation) -> None:
    assert all(has_example(schema) for schema in contents(operation))


def test_problems_are_written_once_with_an_example() -> None:
    responses = DOCUMENT["components"]["responses"]
    assert len(responses) == len(PROBLEMS)
    for response in responses.values():
        [content] = response["content"].values()
        assert content["example"]["detail"] == response["description"]


def test_what_answers_without_a_token_is_health_and_the_document_alone() -> None:
    asked = {path for path in DOCUMENT["paths"] if path.startswith(PREFIX)}
    routes = create_app().routes
    direct = {PREFIX + one.path for one in routes if isinstance(one, Direct)}
    others = [one for one in routes if not isinstance(one, Direct)]
    every = {context.path for context in iter_route_contexts(others)}
    assert direct <= asked
    health = {route.path for one in OPEN for route in one.routes if isinstance(route, APIRoute)}
    page = {PREFIX + route.path for route in docs.router.routes if isinstance(route, APIRoute)}
    assert every - asked == health | page | {f"{PREFIX}/openapi.json"}
    assert health == {"/healthz", "/readyz"}


def test_its_page_asks_this_service_alone_and_holds_no_script(client) -> None:
    page = client.get(f"{PREFIX}/docs")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    asked = [one for one in named if not one.startswith("data:")]
    assert len(asked) == 3
    assert all(client.get(f"{PREFIX}/{one}").status_code == 200 for one in asked)
    assert not re.search(r"<script(?! src)|<style|\sstyle=|\son\w+=", page.text)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert client.get(f"{PREFIX}/docs/app.py").status_code == 404


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_every_operation_under_that_policy(tmp_path) -> None:
    with at_a_port(create_app(lambda: nullcontext(None))) as address:
        shown = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             "--virtual-time-budget=10000", f"--user-data-dir={tmp_path}",
             f"{address}{PREFIX}/docs"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    missing = [one.values[0] for one in OPERATIONS if f'data-path="{one.values[0]}"' not in shown]
    assert missing == []
