"""`edupulse explain`: one student's facts and strengths, then the score, what moved it and when."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from edupulse.cli import operator
from edupulse.cli.console import out
from edupulse.cli.explanation_page import diagnostics_page, explanation_page
from edupulse.cli.options import AsOf, instant
from edupulse.cli.score import names_of
from edupulse.pipeline.explaining import Account, explain_student
from edupulse.pipeline.speaking import voice_of
from edupulse.risk.risk import Risk
from edupulse.store.store import open_store


def explain(
    student: Annotated[str, typer.Argument(help="The student_id, or the district's number.")],
    as_of: AsOf = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Give it as JSON, with the network's diagnostics.")
    ] = False,
    diagnostics: Annotated[
        bool,
        typer.Option(
            "--diagnostics", help="Also show what else the network computed; it explains nothing."
        ),
    ] = False,
    force_simulated: Annotated[
        bool,
        typer.Option(
            "--force-simulated",
            help="Score a real student by a model of simulated ones; the page then says so.",
        ),
    ] = False,
) -> None:
    """Show a student's facts and strengths, then the score, and what raised and lowered it.

    Out of season, with too little data, or where no checkpoint serves, the page says why there is
    no score, and gives the facts and the rules' reasons, named as such. Nothing is stored.
    """
    with open_store() as store:
        when = instant(store, as_of)
        voice = voice_of(store, force_simulated=force_simulated)
        account = explain_student(store, student, when, voice=voice)
        operator.show(store, [account.student], operator.WHOLE, "edupulse explain")
        number, name = names_of(store, [account.student])[account.student]
    if as_json:
        json.dump(_plain(account, number, when), sys.stdout, indent=1, default=str)
        sys.stdout.write("\n")
    else:
        out.print(explanation_page(account, number, name, when))
        if diagnostics and isinstance(account.said, Risk):
            out.print(diagnostics_page(account.said))


def _plain(account: Account, number: str, when: datetime) -> dict[str, Any]:
    rules = account.rules
    return {
        "local_id": number,
        "as_of": when.isoformat(),
        "facts": [
            {"feature": f.feature, "value": f.value, "typical": f.typical, "text": f.text}
            for f in account.facts
        ],
        "no_score": account.no_score,
        "risk": None if account.said is rules else account.said.to_json(),
        "rules": None if rules is None else rules.to_json(),
    }
