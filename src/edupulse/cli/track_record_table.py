"""What a track record holds beyond one evaluation, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edupulse.cli.evaluation_table import results_tables
from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import EVERYONE, NEW_ONSET
from edupulse.model.track_record import SEEN, TrackRecord

_JUDGED = {EVERYONE: "Everyone", NEW_ONSET: "New onset"}
GAINS = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "precision_10": "P@10%",
    "in_time_10": "in time @10%",
}
_UNSEEN = {
    EVERYONE: "Schools and students never seen",
    NEW_ONSET: "Schools and students never seen, new onset",
}


def canary_lines(record: TrackRecord) -> RenderableType:
    """What was asked about leakage, and on what each answer rests."""
    lines = [Text("Leaks: none was found.", style="bold")]
    for one in record.canaries:
        said = "no leak" if one.sang else "not asked"
        lines.append(Text(f"  {said}  {one.name}: {one.found}", style="" if one.sang else "yellow"))
    return Group(*lines)


def beyond_tables(record: TrackRecord) -> RenderableType:
    """The gain over each method, schools never seen, and the intervals and sets by group."""
    return Group(*_gains(record), *_unseen(record), _widths(record), _coverage(record))


def _gains(record: TrackRecord) -> Iterator[Table]:
    """The method minus each other one, from the same resampled students."""
    for population, title in _JUDGED.items():
        beside = record.evaluation.beside(record.method, population)
        if not beside:
            continue
        table = _table(f"{title}: {record.method} minus each other method, paired")
        table.add_column("method", no_wrap=True)
        for said in GAINS.values():
            table.add_column(said, justify="right", no_wrap=True)
        for other, found in beside.items():
            table.add_row(other, *(_signed(found[name]) if name in found else "" for name in GAINS))
        yield table


def _unseen(record: TrackRecord) -> Iterator[RenderableType]:
    if record.unseen is None:
        yield Text(f"Schools never seen were left out: {record.unseen_because}.", style="yellow")
        return
    yield Text(f"Leaving schools out: {record.unseen.about['schools']}")
    for population, title in _UNSEEN.items():
        results = [line for line in record.unseen.results if line.population == population]
        if results:
            yield from results_tables(title, results)
    for metric in ("auroc", "average_precision", "precision_10"):
        cost = record.unseen.difference(record.method, record.method + SEEN, metric)
        yield Text(f"  {metric} in schools never seen, minus in schools seen: {_signed(cost)}")


def _widths(record: TrackRecord) -> Table:
    table = _table("Venn-Abers intervals of the risk, by band")
    for column in ("band", "windows", "students", "mean width", "9 of 10 below"):
        table.add_column(column, justify="left" if column == "band" else "right")
    for one in record.shapes.widths:
        table.add_row(
            one.band,
            f"{one.rows:,}",
            f"{one.students:,}",
            _ranged(one.mean),
            f"{one.ninth_tenth:.3f}",
        )
    return table


def _coverage(record: TrackRecord) -> Table:
    table = _table("Prediction sets: how often each held what came true (90 % was promised)")
    for column in ("group", "windows", "students", "on track", "off track"):
        table.add_column(column, justify="left" if column == "group" else "right")
    for one in record.shapes.coverage:
        table.add_row(
            escape(f"{one.grouping}: {one.group}"),
            f"{one.rows:,}",
            f"{one.students:,}",
            *("too few" if cover is None else _ranged(cover) for cover in (one.on_track,
                                                                          one.off_track)),
        )  # fmt: skip
    return table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _ranged(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [dim]({estimate.low:.3f}–{estimate.high:.3f})[/]"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
