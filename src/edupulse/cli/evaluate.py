"""`edupulse evaluate`: a checkpoint beside rules, regression and boosting, on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edupulse.cli.console import out, progress
from edupulse.cli.evaluation_table import decision_text, evaluation_tables
from edupulse.cli.fairness_table import fairness_tables
from edupulse.cli.options import AsOf, TruthFolder, instant, truth_reader
from edupulse.model.evaluation import Evaluation
from edupulse.model.gate import decide
from edupulse.panel.definition import OutcomeDefinition
from edupulse.store.settings import edupulse_home
from edupulse.store.store import open_store


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
    as_of: AsOf = None,
    truth: TruthFolder = None,
) -> None:
    """Show how a checkpoint does beside rules, regression and boosting, with intervals."""
    from edupulse.pipeline.evaluating import evaluate_checkpoint, find_checkpoint

    with open_store() as store, progress() as told:
        checkpoint = find_checkpoint(store, version)
        evaluation = checkpoint.evaluation
        if not stored:
            now = instant(store, as_of)
            definition = OutcomeDefinition.from_json(checkpoint.manifest.provenance.outcome)
            reader = truth_reader(truth, store, definition, now)
            evaluation = evaluate_checkpoint(store, checkpoint, now=now, truth=reader, told=told)
    out.print(evaluation_tables(evaluation))
    out.print(fairness_tables(evaluation.fairness))
    out.print(decision_text(decide(evaluation, checkpoint.manifest.method)))
    if not stored:
        out.print(f"Stored in {escape(str(_keep(evaluation, checkpoint.path.name)))}")


def _keep(evaluation: Evaluation, name: str) -> Path:
    folder = edupulse_home() / "evaluations"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_bytes(evaluation.to_json())
    return path
