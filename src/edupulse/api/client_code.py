"""The client's methods, made from the API document: `python -m edupulse.api.client_code`.

A test holds `client/operations.py` up to date, so that client and service cannot drift apart; and
another the map of the routes, `docs/api.md`, which the same command makes.
"""

from __future__ import annotations

import builtins
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edupulse.api.app import create_app
from edupulse.api.document import document

OPERATIONS = Path(__file__).parents[1] / "client" / "operations.py"
MAP = Path(__file__).parents[3] / "docs" / "api.md"

Schema = Mapping[str, Any]

_HEAD = '''\
"""Every route of the service as a method; made by `python -m edupulse.api.client_code`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from edupulse.client.transport import Transport, new_key, segment
'''

_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
IDEMPOTENCY = "Idempotency-Key"
OURS = frozenset({"X-Purpose"})
"""Headers that the transport gives by itself."""


def client_code(document: Schema) -> str:
    """The module, of an OpenAPI document."""
    parts = [_HEAD, *_types(document), *_operations(document)]
    return "\n".join(parts)


def _types(document: Schema) -> Iterator[str]:
    reached = _reached(document)
    for name, schema in document["components"]["schemas"].items():
        if name in reached:
            yield _type_definition(_class_name(name), schema)


def _reached(document: Schema) -> set[str]:
    """The schemas that requests and answers that went well are made of."""
    schemas, found = document["components"]["schemas"], set[str]()
    waiting = [one for op in _each_operation(document) for one in _named(op.bodies)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named(schemas[name])
    return found


def _named(part: Any) -> list[str]:
    if isinstance(part, Mapping):
        own = [part["$ref"].rpartition("/")[2]] if "$ref" in part else []
        return own + [name for value in part.values() for name in _named(value)]
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [name for value in part for name in _named(value)]
    return []


def _type_definition(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"\n{name} = {type_of(schema)}\n"
    required = set(schema.get("required", ()))
    fields = {
        key: type_of(value) if key in required else f"NotRequired[{type_of(value)}]"
        for key, value in schema["properties"].items()
    }
    if any(keyword.iskeyword(key) or not key.isidentifier() for key in fields):
        inside = "\n".join(f'        "{key}": "{kind}",' for key, kind in fields.items())
        return f'\n{name} = TypedDict(\n    "{name}",\n    {{\n{inside}\n    }},\n)\n'
    told = _docstring(schema.get("description", ""), 4)
    inside = "\n".join(f"    {key}: {kind}" for key, kind in fields.items())
    return f"\nclass {name}(TypedDict):\n{told}{inside}\n"


def type_of(schema: Schema) -> str:
    """A schema as a Python type."""
    if "$ref" in schema:
        return _class_name(schema["$ref"].rpartition("/")[2])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(type_of(one) for one in schema[union]))
    if "allOf" in schema:
        return type_of(schema["allOf"][0])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(_quoted(value) for value in values)}]"
    return _plain(schema)


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _plain(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        of = schema.get("additionalProperties")
        return f"dict[str, {type_of(of) if isinstance(of, Mapping) else 'Any'}]"
    return _PLAIN.get(str(kind), "Any")


@dataclass(frozen=True)
class _Operation:
    """One route of the document."""

    method: str
    path: str
    told: Schema

    @property
    def name(self) -> str:
        return str(self.told["operationId"])

    @property
    def parameters(self) -> list[Schema]:
        return [one for one in self.told.get("parameters", ()) if one["name"] not in OURS]

    @property
    def body(self) -> tuple[str, Schema] | None:
        """Media type and schema of what it takes."""
        content = self.told.get("requestBody", {}).get("content", {})
        return next(((media, one.get("schema", {})) for media, one in content.items()), None)

    @property
    def answer(self) -> Schema | None:
        """The schema of what it answers when all goes well."""
        good = [v for status, v in self.told["responses"].items() if status.startswith("2")]
        content = good[0].get("content", {}) if good else {}
        return next((one.get("schema", {}) for one in content.values()), None)

    @property
    def bodies(self) -> list[Any]:
        return [self.body[1] if self.body else {}, self.answer or {}]


def _each_operation(document: Schema) -> Iterator[_Operation]:
    for path, item in document["paths"].items():
        for method, told in item.items():
            answered = told["responses"].get("200", {}).get("content", {})
            if "text/event-stream" not in answered:
                yield _Operation(method.upper(), path, told)


def _operations(document: Schema) -> Iterator[str]:
    yield '\n\nclass Operations(Transport):\n    """What can be asked of the service."""\n'
    for operation in _each_operation(document):
        yield _method(operation)


def _method(operation: _Operation) -> str:
    result = type_of(operation.answer) if operation.answer is not None else "None"
    call = [f'"{operation.method}"', _path(operation), *_passed(operation)]
    asked = f"self._ask({', '.join(call)})"
    lines = [asked] if result == "None" else [f"answer: {result} = {asked}", "return answer"]
    told = _docstring(operation.told.get("description") or operation.told.get("summary", ""), 8)
    head = f"    def {operation.name}({', '.join(_arguments(operation))}) -> {result}:\n"
    return head + told + "".join(f"        {line}\n" for line in lines)


def _arguments(operation: _Operation) -> list[str]:
    """Those of the path, the body, then by keyword what is required and what is not."""
    path, required, optional = [], [], []
    for one in operation.parameters:
        name, kind = _argument_name(one["name"]), type_of(one["schema"])
        if one["in"] == "path":
            path.append(f"{name}: {kind}")
        elif one.get("required"):
            required.append(f"{name}: {kind}")
        else:
            kinds = dict.fromkeys([*kind.split(" | "), "None"])
            optional.append(f"{name}: {' | '.join(kinds)} = None")
    if operation.body:
        media, schema = operation.body
        path.append(f"body: {type_of(schema) if media == 'application/json' else 'bytes'}")
    named = required + optional
    return ["self", *path, *(["*"] if named else []), *named]


def _path(operation: _Operation) -> str:
    path = re.sub(r"{(\w+)}", lambda m: f"{{segment({_argument_name(m[1])})}}", operation.path)
    return f'{"f" if "{" in path else ""}"{path}"'


def _passed(operation: _Operation) -> Iterator[str]:
    for place, option in (("query", "query"), ("header", "headers")):
        given = [one for one in operation.parameters if one["in"] == place]
        if given:
            inside = ", ".join(f'"{one["name"]}": {_value(one["name"])}' for one in given)
            yield f"{option}={{{inside}}}"
    if operation.body:
        yield "body=body"
        if operation.body[0] != "application/json":
            yield f'media="{operation.body[0]}"'


def _value(name: str) -> str:
    argument = _argument_name(name)
    return f"{argument} or new_key()" if name == IDEMPOTENCY else argument


def _argument_name(name: str) -> str:
    plain = re.sub(r"\W", "_", name).lower()
    return f"{plain}_" if keyword.iskeyword(plain) or hasattr(builtins, plain) else plain


def _class_name(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", name))


def _docstring(text: str, indent: int) -> str:
    """The first paragraph, wrapped."""
    first = " ".join(text.partition("\n\n")[0].replace("\\", "").split())
    if not first:
        return ""
    space = " " * indent
    lines = textwrap.wrap(first, 94 - indent)
    end = '"""' if len(lines) == 1 else f'\n{space}"""'
    return space + '"""' + f"\n{space}".join(lines) + end + "\n"


def formatted(code: str) -> str:
    """As ruff lays code out, which is there where EduPulse is developed."""
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(OPERATIONS), "-"]
    made = subprocess.run(ruff, input=code, capture_output=True, text=True, check=True)  # noqa: S603
    return made.stdout


if __name__ == "__main__":
    DESCRIBED = create_app().openapi()
    OPERATIONS.write_text(formatted(client_code(DESCRIBED)), encoding="utf-8")
    MAP.write_text(document(DESCRIBED), encoding="utf-8")
