"""`edupulse demo`: the whole way on a simulated district, in a home of its own."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edupulse.cli import operator
from edupulse.cli.console import out, progress
from edupulse.cli.evaluation_table import decision_text, evaluation_tables
from edupulse.cli.made import Made, code_of, digest
from edupulse.cli.options import checkpoints_folder
from edupulse.cli.score import Form, give, names_of
from edupulse.cli.train import network_of, trained_checkpoint
from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.pipeline.intake import intake
from edupulse.pipeline.material import past_as_of_days
from edupulse.pipeline.scoring import score
from edupulse.simulator import DistrictPlan, simulate
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import embedded
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store

LISTED = 12


@dataclass
class Steps:
    """What the demo did, and how long each step took."""

    rows: list[tuple[str, float, bool]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, *, reused: bool = False) -> Iterator[None]:
        """Time one step."""
        begun = time.monotonic()
        yield
        self.rows.append((name, time.monotonic() - begun, reused))


def demo(
    students: Annotated[int, typer.Option(min=300, help="Students enrolled at a time.")] = 3000,
    years: Annotated[int, typer.Option(min=3, help="School years; a model needs three.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same district.")] = 1,
    hidden: Annotated[int, typer.Option(min=2, help="Size of each GRU of the network.")] = 16,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many passes.")] = 4,
) -> None:
    """The whole way on a simulated district: from records to a ranked list of students.

    Uses an embedded database in a home of its own and touches no other. What exists is reused: a
    second run takes seconds; a change of code, settings or data rebuilds what depends on it.
    """
    network = network_of(hidden)
    home = _own_home()
    made, steps = Made(home / "made.json"), Steps()
    plan = DistrictPlan(students=students, years=years, seed=seed)
    folder = _district(home, plan, made, steps)
    _fresh_records(
        home, made, digest(folder.name, code_of("sources", "school", "store", "pipeline"))
    )
    with open_store() as store:
        _records(store, folder, made, steps)
        # Few, large steps: a quick training, not the best one (see docs/experiments.md).
        training = TrainingConfig(learning_rate=2e-3, batch=512, epochs=epochs, threads=2)
        checkpoint = _checkpoint(store, folder, network, training, made, steps)
        out.print(evaluation_tables(checkpoint.evaluation))
        out.print(decision_text(checkpoint.manifest.gate))
        first = _list(store, steps)
    out.print(_took(steps))
    _farewell(home, folder, checkpoint, first)


def _own_home() -> Path:
    """The demo's home, where this process now finds its settings; no other database is used."""
    home = edupulse_home()
    home = home if home.name == "demo" else home / "demo"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["EDUPULSE_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    return home


def _district(home: Path, plan: DistrictPlan, made: Made, steps: Steps) -> Path:
    name = f"district-{digest(plan, code_of('simulator', 'school'))[:12]}"
    folder = home / name
    there = made.has("district", name) and folder.exists()
    with steps.step("simulate a district", reused=there):
        if there:
            return folder
        for old in home.glob("district-*"):
            shutil.rmtree(old)
        with progress() as told:
            simulate(plan, folder, progress=lambda part: told("Simulating a district", part))
        made.note("district", name)
    return folder


def _fresh_records(home: Path, made: Made, fingerprint: str) -> None:
    """Remove a database whose records came from another district or other code."""
    if not made.has("records", fingerprint):
        embedded.remove(home)
        made.note("wanted records", fingerprint)


def _records(store: Store, folder: Path, made: Made, steps: Steps) -> None:
    wanted = made.of("wanted records")
    there = made.has("records", wanted)
    with steps.step("import its records", reused=there):
        if there:
            return
        with progress() as told:
            intake(store, csv_folder(folder), now=datetime.now(UTC), progress=told)
        made.note("records", wanted)


def _checkpoint(
    store: Store,
    folder: Path,
    network: NetworkConfig,
    training: TrainingConfig,
    made: Made,
    steps: Steps,
) -> Checkpoint:
    rooms = code_of("features", "panel", "model", "risk", "pipeline", "school")
    wanted = digest(store.fingerprint(), rooms, network, training)
    path = checkpoints_folder() / made.of("checkpoint folder")
    there = made.has("checkpoint", wanted) and path.is_dir()
    with steps.step("train, calibrate, evaluate", reused=there):
        if there:
            return read_checkpoint(path)
        checkpoint = trained_checkpoint(store, network, training, truth=folder)
        made.note("checkpoint", wanted)
        made.note("checkpoint folder", checkpoint.path.name)
    return checkpoint


def _list(store: Store, steps: Steps) -> str:
    """Print the ranked list; return the options that show its first student."""
    as_of = past_as_of_days(store, datetime.now(UTC))[-1]
    with steps.step("score and explain"), progress() as told:
        scoring = score(store, as_of, explained=LISTED, told=told)
        listed = scoring.lines[:LISTED]
        shown = [line.student for line in listed]
        operator.show(store, shown, operator.WHOLE, "edupulse demo")
        names = names_of(store, shown)
    give(scoring, listed, names, Form.TABLE)
    day = max(store.known([], as_of).last_days().values())
    return f"{names[listed[0].student][0]} --as-of {day}"


def _took(steps: Steps) -> Table:
    table = Table(title="What it took", title_justify="left")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for name, seconds, reused in steps.rows:
        table.add_row(name, f"{seconds:.1f}" + (" (reused)" if reused else ""))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    table.caption = f"Peak memory of this process: {peak * bytes_a_unit / 2**30:.2f} GiB"
    return table


def _farewell(home: Path, folder: Path, checkpoint: Checkpoint, first: str) -> None:
    places = {
        "records, as a district would export them": folder,
        "checkpoint and model card": checkpoint.path,
        "database and reports": home,
    }
    for what, where in places.items():
        out.print(f"{what}: [bold]{escape(str(where))}[/]", soft_wrap=True)
    out.print(
        "\nThe students are simulated: this model says nothing about real ones. To go on:\n"
        f"  export EDUPULSE_HOME='{escape(str(home))}'\n"
        f"  .venv/bin/edupulse features {escape(first)}\n"
        f"  .venv/bin/edupulse score {escape(first.split(' ', 1)[1])} --top 50\n"
        "  .venv/bin/edupulse evaluate --stored\n"
        "  .venv/bin/edupulse --help",
        soft_wrap=True,
    )
