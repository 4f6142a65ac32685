"""The mapping file that a district would write beside the export: what the standard cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_SCHOOL_FACTS = (
    "timezone",
    "attendance_recording",
    "passing_percent",
    "records_excuse",
    "records_tardies",
    "records_partial_days",
    "records_gradebook",
    "records_incidents",
)
_SCALE_FACTS = ("percent", "gpa_points", "passing")

Rows = Sequence[Mapping[str, object]]


def mapping_of(schools: Rows, scales: Rows, tables: Mapping[str, Mapping[str, str]]) -> str:
    """TOML with what each school records, its grading scale, and tables by their name."""
    return "\n".join([*_schools(schools), *_scales(scales), *_tables(tables), ""])


def _schools(schools: Rows) -> Iterator[str]:
    for school in schools:
        yield f'[schools."{school["school_id"]}"]'
        yield from _facts(school, _SCHOOL_FACTS)
        yield ""


def _scales(scales: Rows) -> Iterator[str]:
    for row in scales:
        yield f'[scales."{row["school_id"]}"."{row["code"]}"]'
        yield from _facts(row, _SCALE_FACTS)
        yield ""


def _tables(tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, table in tables.items():
        yield f"[{name}]"
        yield from (f'"{code}" = "{word}"' for code, word in table.items())
        yield ""


def _facts(row: Mapping[str, object], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        value = row.get(name)
        if value is not None:
            yield f"{name} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'
