"""A model's fairness as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edupulse.model.bootstrap import Estimate
from edupulse.model.card_fairness import COLUMNS, crossed_gaps
from edupulse.model.fairness.report import Fairness
from edupulse.model.fairness.subgroups import Subgroup

_STYLES = {"higher": "bold red", "lower": "bold yellow", "level": "green", "unknown": "dim"}


def fairness_tables(fairness: Fairness | None) -> RenderableType:
    """Every group beside everyone else, where the gaps lie, and what gives a group away."""
    if fairness is None:
        return Text("Fairness: no group is on record, so nothing was audited.", style="dim")
    return Group(
        _groups(fairness),
        Text(_legend(fairness), style="dim"),
        *_intersections(fairness),
        _parts(fairness),
        _proxies(fairness),
    )


def _groups(fairness: Fairness) -> Table:
    table = _table(f"Fairness of {fairness.method}, at a risk of {fairness.threshold:.2f} or more")
    table.add_column("group")
    table.add_column("students", justify="right")
    for column in COLUMNS.values():
        table.add_column(column, justify="right", no_wrap=True)
    for one in fairness.groups:
        table.add_row(
            escape(f"{one.grouping}: {one.group}"),
            f"{one.students:,}",
            *(_cell(one, name) for name in COLUMNS),
        )
    return table


def _cell(group: Subgroup, name: str) -> str:
    if name not in group.figures:
        return ""
    gap = group.gaps.get(name)
    verdict = "" if gap is None else f" [{_STYLES[gap.verdict]}]{gap.verdict}[/]"
    return f"{group.figures[name].value:.3f}{verdict}\n[dim]{_interval(group.figures[name])}[/]"


def _legend(fairness: Fairness) -> str:
    margins = fairness.margins
    return (
        "missed: of those who went off track, the share below that risk. falsely high: of the"
        " others, the share at it or above. Below each: 95 % bootstrap interval over students."
        " Beside it, the gap to everyone else: higher, lower (no chance, Holm-corrected, 5 %);"
        f" level (its interval within ±{margins.false_negative_rate:g}, mean error"
        f" ±{margins.mean_error:g}); unknown: too few students to tell."
    )


def _intersections(fairness: Fairness) -> Iterator[Text]:
    sentence, found = crossed_gaps(fairness)
    yield Text(sentence)
    for told, verdict in found:
        yield Text(f"  {told}", style=_STYLES[verdict])


def _parts(fairness: Fairness) -> Table:
    table = _table("Where the gaps lie: between schools and within them add up")
    table.add_column("group")
    table.add_column("rate")
    for column in ("gap", "between schools", "within schools"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in fairness.decompositions:
        parts = (_signed(part) for part in (one.gap, one.between, one.within))
        table.add_row(escape(f"{one.grouping}: {one.group}"), COLUMNS[one.rate], *parts)
    return table


def _proxies(fairness: Fairness) -> Table:
    table = _table("Proxies: how well the features tell a group that they never name")
    table.add_column("group")
    table.add_column("students", justify="right")
    table.add_column("AUROC", justify="right", no_wrap=True)
    for one in fairness.proxies:
        said = "[dim]unknown[/]"
        if one.auroc is not None:
            said = f"{one.auroc.value:.3f} [dim]{_interval(one.auroc)}[/]"
        table.add_row(escape(f"{one.grouping}: {one.group}"), f"{one.students:,}", said)
    return table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f}–{estimate.high:.3f}"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [dim]({estimate.low:+.3f} to {estimate.high:+.3f})[/]"
