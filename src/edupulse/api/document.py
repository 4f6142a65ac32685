"""`docs/api.md`, a map of the routes; `edupulse.api.client_code` writes it beside the client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edupulse.api.app import PREFIX
from edupulse.api.openapi import ABOUT, PROBLEMS, SCOPE, scopes_of

_HEAD = f"""\
# The API

A map of the routes, made from the API document by `python -m edupulse.api.client_code`; a test
holds it up to date. The document itself, with every field and examples, is at
`{PREFIX}/openapi.json`, and to be read and tried in a browser at `{PREFIX}/docs`, by files of our
own; these, `/healthz` and `/readyz` alone answer without a token.

{ABOUT}
"""


def document(described: Mapping[str, Any]) -> str:
    """An OpenAPI document as Markdown: a table a noun, then what can go wrong."""
    nouns = [_noun(described, tag["name"], tag["description"]) for tag in described["tags"]]
    return "\n".join([_HEAD, *nouns, *_problems()])


def _noun(described: Mapping[str, Any], name: str, said: str) -> str:
    rows = [
        _row(method, path, told)
        for path, item in described["paths"].items()
        for method, told in item.items()
        if name in told["tags"]
    ]
    head = [f"## {name.capitalize()}", "", said, "", "| route | does | scope |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _row(method: str, path: str, told: Mapping[str, Any]) -> str:
    route = f"{method.upper()} `{path.removeprefix(PREFIX)}`"
    return f"| {route} | {_does(told)} | {scopes_of(told) or '–'} |"


def _does(told: Mapping[str, Any]) -> str:
    return " ".join(told["description"].partition(SCOPE)[0].split()).replace("|", "\\|")


def _problems() -> Iterator[str]:
    yield "## What can go wrong\n\n| status | means |\n|---|---|"
    for status, said in PROBLEMS.items():
        yield f"| {int(status)} {status.phrase} | {said} |"
    yield ""
