"""`edupulse score`: whom to see, ranked, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from edupulse.cli import operator
from edupulse.cli.console import out, progress
from edupulse.cli.options import AsOf, instant
from edupulse.cli.risk_table import Names, risk_table, write_csv, write_json
from edupulse.pipeline.accounts import Caller
from edupulse.pipeline.scoring import Scoring
from edupulse.pipeline.scoring import score as score_everyone
from edupulse.pipeline.speaking import Line, voice_of
from edupulse.school.errors import NotFound
from edupulse.store.store import Store, open_store


class Form(StrEnum):
    """How the list is given."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def score(
    as_of: AsOf = None,
    school: Annotated[
        str | None, typer.Option(help="The district's id of one school. Default: all.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many students to list and explain.")] = 20,
    form: Annotated[Form, typer.Option("--format", help="How to give the list.")] = Form.TABLE,
    force_simulated: Annotated[
        bool,
        typer.Option(
            "--force-simulated",
            help="Score real students by a model of simulated ones; every risk then says so.",
        ),
    ] = False,
) -> None:
    """Rank students by risk, with bands and reasons; what is said is stored.

    Where no checkpoint passed the gate, rules rank them, and the list says so. Students with too
    little data, and days too late in the year, get no score.
    """
    with open_store() as store, progress() as told:
        when = instant(store, as_of)
        voice = voice_of(store, force_simulated=True) if force_simulated else None
        scoring = score_everyone(
            store,
            when,
            school=school,
            explained=top,
            voice=voice,
            told=told,
            caller=Caller(operator.login(), "edupulse score"),
        )
        if not scoring.lines:
            raise NotFound(
                "Nobody was enrolled on that day.", "Name a school day with --as-of 2026-03-16."
            )
        listed = scoring.lines[:top]
        shown = [line.student for line in listed]
        operator.show(store, shown, operator.WHOLE, "edupulse score")
        names = names_of(store, shown)
    give(scoring, listed, names, form)


def names_of(store: Store, students: Iterable[int]) -> Names:
    """The district's number and the name of each student."""
    frame = store.student_names(students)
    columns = frame.select("student", "local_id", "first_name", "last_name").iter_rows()
    return {
        key: (number, " ".join(part for part in (first, last) if part) or number)
        for key, number, first, last in columns
    }


def give(scoring: Scoring, lines: Sequence[Line], names: Names, form: Form) -> None:
    """Print the list."""
    if form is Form.JSON:
        write_json(scoring, lines, names)
    elif form is Form.CSV:
        write_csv(lines, names)
    else:
        out.print(risk_table(scoring, lines, names))
