"""`edupulse audit-records`: is one group referred more often than another, else alike?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edupulse.cli.console import out, progress
from edupulse.cli.options import AsOf, instant
from edupulse.model.fairness.recording import RateRatio, RecordsAudit
from edupulse.pipeline.auditing import audit_records as audit
from edupulse.store.store import open_store

_STYLES = {"more": "bold red", "less": "bold red", "alike": "green", "unknown": "dim"}


def audit_records(
    as_of: AsOf = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the audit as JSON, for another program.")
    ] = False,
) -> None:
    """Audit the records themselves: is one group referred more often than another, else alike?

    Groups are compared within the same school, school year and grade level, by the days on which
    their students were there. What was recorded before or decided after (earlier referrals,
    suspensions, grades) is not adjusted for: it went through the same hands. "unknown" means that
    the records are too few to tell.
    """
    with open_store() as store, progress() as told:
        found = audit(store, instant(store, as_of), told=told)
    if as_json:
        print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    out.print(audit_text(found))


def audit_text(audit: RecordsAudit) -> RenderableType:
    """The audit as a table, what its columns mean, and what must be assumed to call it a bias."""
    legend = Padding(Text(_legend(audit), style="dim"), (0, 0, 1, 0))
    return Group(_table(audit), legend, Text(audit.assumption))


def _table(audit: RecordsAudit) -> Table:
    table = Table(
        title=f"{audit.referrals:,} referrals, {audit.students:,} students, {audit.days:,} days",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("group")
    table.add_column("beside")
    for column in ("students", "referrals", "ratio", "would be found"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict")
    for one in audit.ratios:
        table.add_row(*_row(one))
    return table


def _row(one: RateRatio) -> list[str]:
    ratio = detectable = ""
    if one.ratio is not None and one.detectable is not None:
        ratio = f"{one.ratio.value:.2f} ({one.ratio.low:.2f}–{one.ratio.high:.2f})"
        detectable = f"{one.detectable:.2f}"
    return [
        escape(f"{one.grouping}: {one.group}"),
        escape(one.reference),
        f"{one.students:,}",
        f"{one.referrals:,}",
        ratio,
        detectable,
        f"[{_STYLES[one.verdict]}]{one.verdict}[/] [dim]{escape(_why(one))}[/]",
    ]


def _why(one: RateRatio) -> str:
    """The reason, where the columns before do not give it."""
    if one.ratio is None or one.verdict in ("more", "less"):
        return one.reason
    return ""


def _legend(audit: RecordsAudit) -> str:
    return (
        "ratio: how often the group is referred for each day at school, beside the largest group of"
        " the same attribute, in the same school, year and grade level (95 % interval)."
        " would be found: the smallest ratio that this audit would have called four times in five."
        f" more, less: called, with a chance of {audit.significance:.0%} of any false call in the"
        f" whole audit. alike: the interval lies within {1 / audit.margin:.2f} to"
        f" {audit.margin:.2f}. unknown: the records are too few to tell."
    )
