"""Rows from OneRoster's JSON: each object as the row that the CSV files have of the same.

A link to one object (`"class": {"sourcedId": …}`) is the CSV's `classSourcedId`, a list of links
(`"terms": […]`) its `termSourcedIds`, a list of values one text separated by commas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from edupulse.sources.oneroster.tables import ROLES, USERS, Table, plain

Content = Mapping[str, Any]

_PLACE = {"file": pl.String(), "line": pl.Int64()}


def frames_of(
    table: Table, contents: Sequence[Content], file: str, line: int
) -> dict[str, pl.DataFrame]:
    """Table to rows: of the table itself, and of the roles that users of 1.2 carry within."""
    found = {table.name: _frame(table, [_flat(content) for content in contents], file, line)}
    if table is USERS:
        roles = [row for content in contents for row in _roles_of(content)]
        if roles:
            found[ROLES.name] = _frame(ROLES, roles, file, line)
    return found


def _frame(table: Table, rows: list[dict[str, str]], file: str, line: int) -> pl.DataFrame:
    """Text columns by our names; of several names for one, the first that is there."""
    picked = [
        [*(_first(row, names) for names in table.columns.values()), file, line + n]
        for n, row in enumerate(rows)
    ]
    schema = {**dict.fromkeys(table.columns, pl.String()), **_PLACE}
    return pl.DataFrame(picked, schema=schema, orient="row")


def _first(row: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if name in row), None)


def _flat(content: Content) -> dict[str, str]:
    """An object's values as text, by the names that CSV files give them (`tables.plain`)."""
    row = {}
    for name, value in content.items():
        match value:
            case None:
                continue
            case bool():
                row[plain(name)] = str(value).lower()
            case str():
                row[plain(name)] = value
            case {"sourcedId": str(linked)}:
                row[plain(name + "SourcedId")] = linked
            case list() if all(isinstance(each, dict) for each in value) and value:
                row |= _flat_list(name, value)
            case list():
                row[plain(name)] = ",".join(str(each) for each in value)
    return row


def _flat_list(name: str, values: list[Content]) -> dict[str, str]:
    """A list of links, or the values of a score scale as its CSV writes them."""
    if all("itemValueLHS" in each for each in values):
        pairs = (f"{{{each['itemValueLHS']}:{each.get('itemValueRHS', '')}}}" for each in values)
        return {plain(name): ",".join(pairs)}
    one = name.removesuffix("s")
    linked = [str(each["sourcedId"]) for each in values if each.get("sourcedId")]
    return {plain(f"{one}SourcedIds"): ",".join(linked)} if linked else {}


def _roles_of(user: Content) -> list[dict[str, str]]:
    """The roles within a user of 1.2, as rows of `roles.csv`."""
    roles = user.get("roles")
    if not isinstance(roles, list):
        return []
    shared = {
        "sourcedid": "",
        "usersourcedid": str(user.get("sourcedId", "")),
        "status": str(user.get("status", "")),
        "datelastmodified": str(user.get("dateLastModified", "")),
    }
    rows = []
    for role in roles:
        if isinstance(role, dict):
            row = {**_flat(role), **shared}
            row["sourcedid"] = "/".join(
                row.get(key, "") for key in ("usersourcedid", "role", "orgsourcedid")
            )
            rows.append(row)
    return rows
