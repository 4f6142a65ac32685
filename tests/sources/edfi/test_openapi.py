"""What we read of the API is what the Ed-Fi Alliance's own OpenAPI documents say is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edupulse.sources.edfi.api import TOUCHED
from edupulse.sources.edfi.resource import Resource
from edupulse.sources.edfi.resources import RESOURCES

Document = dict[str, Any]

NOT_IN = {
    "4.0": {
        ("GradingPeriod", "period_name"),
        ("Grade", "period_name"),
        ("StudentSchoolAssociation", "type"),
    },
    "5.0": {("Grade", "period_sequence")},
}
"""What is in one version alone, where the other says the same in another way, or not at all."""


@pytest.fixture(scope="module", params=["4.0", "5.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def document(version: str, interop_data: Path) -> Document:
    path = interop_data / "edfi" / "openapi" / f"resources-ds-{version}.yml"
    with path.open(encoding="utf-8") as file:
        found: Document = yaml.load(file, yaml.CSafeLoader)
    return found


def get(document: Document, resource: Resource) -> Document:
    found: Document = document["paths"][f"/ed-fi/{resource.path}"]["get"]
    return found


def keys(document: Document, schema: Document, prefix: str = "") -> Iterator[str]:
    """The key of each value of a schema, as `resource.py` says what a key is."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        yield from keys(document, schema["items"], prefix)
    elif "properties" in schema:
        for name, of in schema["properties"].items():
            if name != "link":
                bare = name.removesuffix("Descriptor")
                yield from keys(document, of, f"{prefix}.{bare}" if prefix else bare)
    else:
        yield prefix


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.path], ids=lambda r: r.element)
def test_each_value_stands_where_we_look_for_it(
    document: Document, version: str, resource: Resource
) -> None:
    answer = get(document, resource)["responses"]["200"]["content"]["application/json"]["schema"]
    there = set(keys(document, answer))
    missing = {
        (resource.element, column.name)
        for column in resource.own
        if not any("@" in key for key in column.keys) and not there & set(column.keys)
    }
    assert missing == {pair for pair in NOT_IN[version] if pair[0] == resource.element}


def test_what_is_asked_by_can_be_asked_by(document: Document) -> None:
    for touched in TOUCHED:
        for resource in touched.again:
            parameters = get(document, resource)["parameters"]
            assert set(touched.query) <= {p["name"] for p in parameters if "name" in p}


def test_the_windows_of_changes_are_parameters(document: Document) -> None:
    named = {p["name"] for p in document["components"]["parameters"].values()}
    assert {"minChangeVersion", "maxChangeVersion", "limit", "offset", "totalCount"} <= named
