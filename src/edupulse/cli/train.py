"""`edupulse train`: a network from the district's own past, and the gate's decision."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edupulse.cli.console import out, progress
from edupulse.cli.evaluation_table import decision_text, evaluation_tables
from edupulse.cli.options import AsOf, TruthFolder, checkpoints_folder, instant, truth_reader
from edupulse.model.checkpoint import Checkpoint
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.school.errors import BadInput
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store


def train(
    hidden: Annotated[
        int, typer.Option(min=2, help="Size of each GRU, even: 16, 32, 128 (the seed's).")
    ] = NetworkConfig().hidden,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many passes.")] = (
        TrainingConfig().epochs
    ),
    ensemble: Annotated[int, typer.Option(min=1, help="Networks averaged on the logit.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same network.")] = 0,
    device: Annotated[str, typer.Option(help="Where torch computes: cpu, cuda, …")] = "cpu",
    as_of: AsOf = None,
    truth: TruthFolder = None,
) -> None:
    """Train, calibrate and evaluate a network; the checklist gate decides whether it serves.

    Learns from all horizons that have closed. Interrupted, it goes on where it stopped.
    """
    network = network_of(hidden)
    training = TrainingConfig(epochs=epochs, ensemble=ensemble)
    with open_store() as store:
        checkpoint = trained_checkpoint(store, network, training, seed, device, as_of, truth)
    show(checkpoint)


def network_of(hidden: int) -> NetworkConfig:
    """The network of that size. Raises BadInput where its heads cannot share the width."""
    network = NetworkConfig(hidden=hidden)
    if network.width % network.heads:
        raise BadInput(f"No network has a hidden size of {hidden}.", "Give an even one: 16, 32.")
    return network


def trained_checkpoint(
    store: Store,
    network: NetworkConfig,
    training: TrainingConfig,
    seed: int = 0,
    device: str = "cpu",
    as_of: str | None = None,
    truth: Path | None = None,
) -> Checkpoint:
    """Train with progress bars, resuming an interrupted training of the same records."""
    # Imported here: torch takes seconds to load, and only this command needs it.
    from edupulse.pipeline.training import TrainingPlan, train_checkpoint

    plan = TrainingPlan(network=network, training=training, seed=seed, device=device)
    home = edupulse_home()
    home.mkdir(parents=True, exist_ok=True)
    now = instant(store, as_of)
    with progress() as told:
        return train_checkpoint(
            store,
            checkpoints_folder(),
            plan,
            now=now,
            truth=truth_reader(truth, store, plan.definition, now),
            state=home / "training.state",
            told=told,
        )


def show(checkpoint: Checkpoint) -> None:
    """Print what was made and how good it is."""
    out.print(evaluation_tables(checkpoint.evaluation))
    out.print(decision_text(checkpoint.manifest.gate))
    out.print(f"The checkpoint and its card are in {escape(str(checkpoint.path))}")
