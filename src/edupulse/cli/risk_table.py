"""A scoring as a table for a person, as JSON, or as CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edupulse.pipeline.scoring import Scoring
from edupulse.pipeline.speaking import Line
from edupulse.risk.risk import Risk, RulesResult

STRENGTHS_LISTED = 2
"""Strengths named in a list beside the factors; all of them are on the student's page."""

Names = Mapping[int, tuple[str, str]]
"""Student key to the district's number and the name."""

BAND_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "green"}
_STATES = {
    "insufficient_data": "insufficient data",
    "out_of_season": "out of season",
}


def risk_table(scoring: Scoring, lines: Sequence[Line], names: Names) -> RenderableType:
    """The ranked list with reasons."""
    table = Table(title=_title(scoring), title_justify="left", box=SIMPLE_HEAD, show_lines=True)
    table.add_column("#", justify="right")
    table.add_column("student", no_wrap=True)
    table.add_column("band", no_wrap=True)
    table.add_column("risk", justify="right", no_wrap=True)
    table.add_column("why")
    for place, line in enumerate(lines, 1):
        number, name = names[line.student]
        table.add_row(str(place), f"{escape(name)}\n[dim]{escape(number)}[/]", *_cells(line.said))
    return Group(table, _below(scoring, lines))


def write_json(scoring: Scoring, lines: Sequence[Line], names: Names) -> None:
    """The list as one JSON object on standard output."""
    risks = [{"local_id": names[line.student][0], **line.said.to_json()} for line in lines]
    whole = {
        "as_of": scoring.as_of.isoformat(),
        "method": scoring.method,
        "because": scoring.because,
        "students": len(scoring.lines),
        "risks": risks,
    }
    json.dump(whole, sys.stdout, indent=1, default=str)
    sys.stdout.write("\n")


def write_csv(lines: Sequence[Line], names: Names) -> None:
    """The list as CSV on standard output, one row a student."""
    writer = csv.writer(sys.stdout)
    writer.writerow(
        ("rank", "local_id", "student_id", "state", "band", "risk", "low", "high", "reasons")
    )
    for place, line in enumerate(lines, 1):
        writer.writerow((place, _safe(names[line.student][0]), *_fields(line.said)))


def _fields(said: Risk | RulesResult) -> tuple[Any, ...]:
    reasons = " | ".join(_reasons(said))
    if isinstance(said, RulesResult):
        return said.student_id, said.state, "", "", "", "", _safe(reasons)
    low, high = said.interval or (None, None)
    return (
        said.student_id,
        said.state,
        said.risk_category or "",
        *("" if number is None else f"{number:.4f}" for number in (said.risk_score, low, high)),
        _safe(reasons),
    )


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _cells(said: Risk | RulesResult) -> tuple[RenderableType, RenderableType, RenderableType]:
    why = Text("\n".join(_reasons(said)) or "—")
    if isinstance(said, RulesResult):
        return Text(_STATES.get(said.state, "rules only")), Text("no score"), why
    if said.risk_score is None or said.risk_category is None or said.interval is None:
        return Text(_STATES.get(said.state, said.state)), Text("no score"), why
    low, high = said.interval
    band = Text(said.risk_category, style=BAND_STYLES[said.risk_category])
    return band, Text(f"{said.risk_score:.0%}\n{low:.0%}–{high:.0%}"), why


def _reasons(said: Risk | RulesResult) -> Iterator[str]:
    if isinstance(said, RulesResult):
        yield from (indicator.text for indicator in said.indicators)
        return
    for factor in said.factors:
        yield f"{'▲' if factor.contribution > 0 else '▽'} {factor.text}"
    named = {factor.feature for factor in said.factors}
    beside = [strength for strength in said.strengths if strength.feature not in named]
    yield from (f"▽ Strength: {strength.text}" for strength in beside[:STRENGTHS_LISTED])


def _title(scoring: Scoring) -> str:
    return (
        f"Whom to see, as of {scoring.as_of:%Y-%m-%d %H:%M} UTC, by {scoring.method} "
        f"({len(scoring.lines):,} students)"
    )


def _below(scoring: Scoring, lines: Sequence[Line]) -> Text:
    notes = sorted({caveat for line in lines for caveat in getattr(line.said, "caveats", ())})
    notes += [f"Rules only: {scoring.because}"] if scoring.because else []
    without = sum(1 for line in scoring.lines if line.said.state != "scored")
    if without:
        notes.append(f"{without:,} students have no score: out of season, or too little data.")
    if any(isinstance(line.said, Risk) and line.said.factors for line in lines):
        notes.append("▲ raised and ▽ lowered the score; no cause is claimed.")
    notes.append(
        f"{scoring.saved.stored:,} answers stored, {scoring.saved.there:,} were there already."
    )
    if scoring.saved.different:
        notes.append(
            f"{scoring.saved.different:,} differ from what was stored before, which was kept."
        )
    return Text("\n".join(notes))
