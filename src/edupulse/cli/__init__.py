"""Floor 10: the command line; one command is one file and one line in this hall's list."""

from __future__ import annotations

import os
import sys

import typer

from edupulse.cli.audit import audit
from edupulse.cli.audit_records import audit_records
from edupulse.cli.backup import backup
from edupulse.cli.carry_out import carry_out
from edupulse.cli.console import complain
from edupulse.cli.database import database
from edupulse.cli.demo import demo
from edupulse.cli.doctor import doctor
from edupulse.cli.evaluate import evaluate
from edupulse.cli.explain import explain
from edupulse.cli.features import features
from edupulse.cli.feedback import feedback
from edupulse.cli.import_records import import_records
from edupulse.cli.keys import keys
from edupulse.cli.metrics import metrics
from edupulse.cli.models import models
from edupulse.cli.monitor import monitor
from edupulse.cli.purge import purge
from edupulse.cli.replay import replay
from edupulse.cli.restore import restore
from edupulse.cli.retrain import retrain
from edupulse.cli.score import score
from edupulse.cli.serve import serve
from edupulse.cli.simulate import simulate
from edupulse.cli.sources import sources
from edupulse.cli.sync import sync
from edupulse.cli.tokens import tokens
from edupulse.cli.train import train
from edupulse.cli.worklist import worklist
from edupulse.school.errors import EduPulseError
from edupulse.store.settings import take_settings_from_files

# Threads of OpenMP that wait by spinning take the processor from those for whom they wait: on a
# busy machine scikit-learn's trees take twenty times as long. Read when its library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="edupulse",
    help="Sees early which students are drifting off track, from a district's own records.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("simulate")(simulate)
app.command("import")(import_records)
app.add_typer(sources, name="sources")
app.command("sync")(sync)
app.command("features")(features)
app.command("train")(train)
app.command("evaluate")(evaluate)
app.add_typer(models, name="models")
app.command("audit-records")(audit_records)
app.command("carry-out", hidden=True)(carry_out)
app.command("score")(score)
app.command("explain")(explain)
app.command("feedback")(feedback)
app.command("worklist")(worklist)
app.command("serve")(serve)
app.command("metrics")(metrics)
app.command("monitor")(monitor)
app.command("retrain")(retrain)
app.command("database")(database)
app.add_typer(audit, name="audit")
app.add_typer(tokens, name="tokens")
app.add_typer(keys, name="keys")
app.add_typer(backup, name="backup")
app.command("restore")(restore)
app.command("replay")(replay)
app.command("purge")(purge)


def main() -> None:
    """Run one command; an error that a person can act on is shown without a traceback."""
    try:
        take_settings_from_files()
        app()
    except EduPulseError as error:
        complain(error)
        sys.exit(2)
