"""`edupulse sources check`: the page that a district's data person reads first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edupulse.cli.console import out, progress
from edupulse.cli.import_records import signed
from edupulse.features.catalog import FEATURES
from edupulse.pipeline.needs import IN_WORDS
from edupulse.pipeline.opening import Origin, Speaks, opened
from edupulse.pipeline.source_check import SchoolCheck, SourceCheck, check_source
from edupulse.school.records import COVERED

MOST_SHOWN = 20
_NOUNS = {"staff": "member of staff"}

sources = typer.Typer(help="What a district's systems deliver.", no_args_is_help=True)


@sources.callback()
def _sources() -> None:
    """What a district's systems deliver."""


@sources.command()
def check(
    place: Annotated[str, typer.Argument(metavar="FOLDER|URL", help="As for `edupulse import`.")],
    speaks: Annotated[
        Speaks, typer.Option("--from", help="What it holds, as for `edupulse import`.")
    ] = Speaks.CSV,
    mapping: Annotated[
        Path | None, typer.Option(help="The district's mapping (docs/mapping.md).")
    ] = None,
    suggest: Annotated[
        Path | None,
        typer.Option(help="Write the unmapped values to this file, as a mapping to fill in."),
    ] = None,
) -> None:
    """Read everything, write nothing: what would come in, what is bad, and what is missing."""
    origin = Origin(speaks, place, mapping)
    if origin.is_service:
        origin = signed(origin)
    with progress() as told, opened(origin, None, told) as delivery:
        found = check_source(delivery, told)
    show(found)
    if suggest is not None:
        suggest.write_text(found.suggestions + "\n", encoding="utf-8")
        out.print(f"The suggested mapping is in {escape(str(suggest))}: correct it before use.")


def show(found: SourceCheck) -> None:
    """Print what was found, the plainest first."""
    simulated = " (its students are simulated)" if found.simulated else ""
    out.print(f"[bold]{escape(found.source)}[/]{simulated}\n")
    _show_kinds(found)
    _show_schools(found)
    _show_features(found)
    _show_bad(found)
    _show_unmapped(found)
    if found.notes:
        out.print("[bold]Notes[/]")
        for note in found.notes:
            out.print(f"  {escape(note.file)}: {escape(note.what)} ({note.count:,})")


def _show_kinds(found: SourceCheck) -> None:
    table = Table(title="What would come in", title_justify="left")
    for name in ("kind", "rows read", "good", "rejected", "taken back"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind in found.kinds:
        counts = (kind.read, kind.good, kind.rejected, kind.retracted)
        table.add_row(kind.kind, *(f"{count:,}" for count in counts))
    out.print(table)
    out.print(
        f"Not in this source, so not observed by it: {', '.join(found.absent) or 'nothing'}.\n"
    )


def _show_schools(found: SourceCheck) -> None:
    table = Table(title="How well each school is covered", title_justify="left")
    for name in ("school", "students", "school days", *COVERED, "says it records"):
        table.add_column(name.replace("_", " "), justify="left" if name == "school" else "right")
    for school in found.schools[:MOST_SHOWN]:
        table.add_row(
            escape(school.name or school.school_id),
            f"{school.students:,}",
            f"{school.days:,}" if school.days else "none",
            *(_covered(school, kind) for kind in COVERED),
            ", ".join(school.says).replace("_", " ") or "nothing yet",
        )
    out.print(table)
    if len(found.schools) > MOST_SHOWN:
        out.print(f"… and {len(found.schools) - MOST_SHOWN:,} more schools.")
    out.print()


def _covered(school: SchoolCheck, kind: str) -> str:
    """Rows, days and the share of the students with any."""
    if not school.rows[kind]:
        return "none"
    first, last = school.span[kind]
    share = f", {school.seen[kind] / school.students:.0%} of students" if school.students else ""
    return f"{school.rows[kind]:,}\n{first} to {last}{share}"


def _show_features(found: SourceCheck) -> None:
    """What is missing, and how many and which of the features wait for it."""
    whole = len(FEATURES) - len(found.lacking)
    out.print(f"[bold]{whole} of {len(FEATURES)} features lack nothing in this source alone.[/]")
    waiting: dict[str, list[str]] = {}
    for name, needs in found.lacking.items():
        for need in needs:
            waiting.setdefault(need, []).append(name)
    for need, names in sorted(waiting.items(), key=lambda item: -len(item[1])):
        out.print(f"  {len(names):>2} need {IN_WORDS[need]}: {_short(names)}")
    out.print()


def _short(names: list[str]) -> str:
    """Names of features, whole families by their name."""
    families = {f.family: [g.name for g in FEATURES if g.family == f.family] for f in FEATURES}
    whole = [family for family, all_of in families.items() if set(all_of) <= set(names)]
    told = {name for family in whole for name in families[family]}
    return ", ".join([*(f"all of {f}" for f in whole), *(n for n in names if n not in told)])


def _show_bad(found: SourceCheck) -> None:
    out.print(f"[bold]Rows that are bad[/]: {'none' if not found.rejected_for else ''}")
    for bad in found.rejected_for[:MOST_SHOWN]:
        out.print(f"  {escape(str(bad))}")
    if more := len(found.rejected_for) - MOST_SHOWN:
        out.print(
            f"  … and {more:,} more reasons." if more > 0 else "", end="\n" if more > 0 else ""
        )
    for (kind, noun), count in found.strangers.items():
        out.print(
            f"  {count:,} rows of {kind} name a {_NOUNS.get(noun, noun)} that this source "
            "does not define: rejected, unless it is on record already"
        )
    out.print()


def _show_unmapped(found: SourceCheck) -> None:
    if not found.unmapped:
        out.print("[bold]Words that no table has[/]: none\n")
        return
    out.print("[bold]Words that no table has[/]: correct this, and give it as --mapping")
    out.print(escape(found.suggestions) + "\n")
