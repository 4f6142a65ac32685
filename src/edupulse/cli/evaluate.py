"""`edupulse evaluate`: a checkpoint's track record, in the terminal and as a page to print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edupulse.cli.console import out, progress
from edupulse.cli.evaluation_table import decision_text, evaluation_tables
from edupulse.cli.fairness_table import fairness_tables
from edupulse.cli.options import AsOf, TruthFolder, instant, truth_reader
from edupulse.cli.track_record_table import beyond_tables, canary_lines
from edupulse.model.checkpoint import Checkpoint
from edupulse.model.gate import decide
from edupulse.model.track_record import TrackRecord
from edupulse.panel.definition import OutcomeDefinition
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store


def evaluate(
    version: Annotated[
        str | None,
        typer.Argument(
            help="The checkpoint's hash or its beginning. Default: the one that serves."
        ),
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Show what was found when it was trained.")
    ] = False,
    school_folds: Annotated[
        int,
        typer.Option(
            min=0,
            help="Also judge in schools never seen, in so many folds; 2 take about as long as one "
            "training, each more half of one. 0: not at all.",
        ),
    ] = 2,
    as_of: AsOf = None,
    truth: TruthFolder = None,
) -> None:
    """Judge a checkpoint beside rules, regression, boosting and the network on one week alone.

    First everything is asked for leaks, and one that is found ends it. The figures go to the
    terminal, to evaluation.json and to report.html, a page that can be read and printed.
    """
    from edupulse.pipeline.evaluating import find_checkpoint

    if school_folds == 1:
        raise typer.BadParameter("One fold has no other school to learn from: 0, or 2 and more.")
    with open_store() as store:
        checkpoint = find_checkpoint(store, version)
        if stored:
            _show_stored(checkpoint)
            return
        record = _judged(store, checkpoint, school_folds, as_of, truth)
    _show(record)
    folder = _keep(record, checkpoint.path.name)
    out.print(f"Stored in {escape(str(folder))}: evaluation.json, report.html", soft_wrap=True)


def _judged(
    store: Store, checkpoint: Checkpoint, folds: int, as_of: str | None, truth: Path | None
) -> TrackRecord:
    from edupulse.pipeline.evaluating import Protocol, evaluate_checkpoint

    now = instant(store, as_of)
    definition = OutcomeDefinition.from_json(checkpoint.manifest.provenance.outcome)
    reader = truth_reader(truth, store, definition, now)
    with progress() as told:
        return evaluate_checkpoint(
            store, checkpoint, now=now, protocol=Protocol(folds), truth=reader, told=told
        )


def _show_stored(checkpoint: Checkpoint) -> None:
    out.print(evaluation_tables(checkpoint.evaluation))
    out.print(fairness_tables(checkpoint.evaluation.fairness))
    out.print(decision_text(decide(checkpoint.evaluation, checkpoint.manifest.method)))


def _show(record: TrackRecord) -> None:
    out.print(canary_lines(record))
    out.print(evaluation_tables(record.evaluation))
    out.print(beyond_tables(record))
    out.print(fairness_tables(record.evaluation.fairness))
    out.print(decision_text(record.gate))


def _keep(record: TrackRecord, name: str) -> Path:
    from edupulse.cli.track_record_page import page

    folder = edupulse_home() / "evaluations" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_bytes(record.to_json())
    (folder / "report.html").write_text(page(record), encoding="utf-8")
    return folder
