"""`edupulse features`: one student's 20 weeks of 42 features, as a readable table."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edupulse.casework.access import Part
from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.cli.options import AsOf, instant
from edupulse.cli.score import Form
from edupulse.features.catalog import CATALOG_VERSION, FAMILIES, FEATURES, Feature
from edupulse.features.weekly import WeeklyFeatures, held_weeks, weekly_features
from edupulse.school.errors import NotFound
from edupulse.store.store import open_store

_NAME_WIDTH, _WEEK_WIDTH = 32, 8
UNOBSERVED = "·"


def features(
    student: Annotated[str, typer.Argument(help="The student_id, or the district's number.")],
    as_of: AsOf = None,
    form: Annotated[Form, typer.Option("--format", help="How to give it.")] = Form.TABLE,
) -> None:
    """Show a student's last 20 instructional weeks, as known at an instant.

    A dot is a value that was not observed, which is not 0.
    """
    with open_store() as store:
        when = instant(store, as_of)
        key = store.resolve_student(student)
        known = store.known([key], when)
        operator.show(store, [key], [Part.FACTS], "edupulse features")
    weekly = weekly_features(known)
    if not weekly.held.any():
        raise NotFound(
            "The student had no instructional week by then.", "Name a school day with --as-of."
        )
    if form is Form.JSON:
        weeks = [{"week": week, "features": values} for week, values in _weeks(weekly)]
        head = {"as_of": when.isoformat(), "catalog_version": CATALOG_VERSION}
        json.dump({**head, "weeks": weeks}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif form is Form.CSV:
        _write_csv(weekly)
    else:
        for family in FAMILIES:
            _show(weekly, family)
        out.print(f"As of {when:%Y-%m-%d %H:%M} UTC; {UNOBSERVED} means not observed.")


def _weeks(weekly: WeeklyFeatures) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Each held week's Monday as text, and its values by name."""
    return ((str(monday), values) for monday, values in held_weeks(weekly))


def _write_csv(weekly: WeeklyFeatures) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(("week", *(feature.name for feature in FEATURES)))
    for week, values in _weeks(weekly):
        writer.writerow((week, *("" if value is None else value for value in values.values())))


def _show(weekly: WeeklyFeatures, family: str) -> None:
    """One family: a row a feature, a column a week, in as many tables as the width asks for."""
    weeks = list(_weeks(weekly))
    fitting = max((out.width - _NAME_WIDTH) // _WEEK_WIDTH, 1)
    tables = math.ceil(len(weeks) / fitting)
    each = math.ceil(len(weeks) / tables)
    for first in range(0, len(weeks), each):
        out.print(_table(family, weeks[first : first + each]))


def _table(family: str, weeks: list[tuple[str, dict[str, float | None]]]) -> Table:
    title = f"{family.capitalize()}, weeks from {weeks[0][0]}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for week, _ in weeks:
        table.add_column(week[5:], justify="right", no_wrap=True)
    for feature in FEATURES[FAMILIES[family]]:
        cells = (_cell(feature, values[feature.name]) for _, values in weeks)
        table.add_row(feature.name, *cells)
    return table


def _cell(feature: Feature, value: float | None) -> str:
    if value is None:
        return f"[dim]{UNOBSERVED}[/]"
    return f"{value:.2f}" if feature.high <= 5 else f"{value:.1f}"
