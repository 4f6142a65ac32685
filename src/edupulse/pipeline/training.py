"""Trains a network on a district's past, judges it beside the rules, and lets the gate decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from edupulse.model.assembly import assemble
from edupulse.model.baselines.contender import Contender
from edupulse.model.calibration import Calibration
from edupulse.model.checkpoint import Checkpoint, Provenance
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.contest import standard_contenders
from edupulse.model.gate import decide
from edupulse.model.gru_contender import GruContender, gru_last_week
from edupulse.model.peers import fit_peers
from edupulse.model.promotion import DEFAULT_PROMOTION, PromotionPolicy
from edupulse.model.rows import Labels
from edupulse.model.training import Epoch, Trained, train
from edupulse.panel.definition import OFF_TRACK, OutcomeDefinition
from edupulse.panel.splits import early_stopping
from edupulse.panel.windows import Windows
from edupulse.pipeline.judging import (
    AS_OF_DAYS,
    LEARNED_UNTIL,
    METHOD,
    RECORDS,
    REPLICATES,
    Judged,
    Parts,
    Truth,
    about,
    as_of_days_of,
    by_time,
    compare,
    learned_until,
)
from edupulse.pipeline.material import Material, Told, material, past_as_of_days, silent
from edupulse.pipeline.promoting import Candidate, beside_serving, gated, settle
from edupulse.pipeline.subgroups import subgroups
from edupulse.pipeline.timing import timing_of
from edupulse.risk.bands import DEFAULT_POLICY, Policy
from edupulse.school.errors import NotReady
from edupulse.store.store import Store

PROBED = 512
"""Rows on which the exported network is compared with the trained one."""


@dataclass(frozen=True)
class TrainingPlan:
    """What to train and how; the same plan on the same records gives the same checkpoint."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    definition: OutcomeDefinition = OFF_TRACK
    policy: Policy = DEFAULT_POLICY
    promotion: PromotionPolicy = DEFAULT_PROMOTION
    seed: int = 0
    device: str = "cpu"
    replicates: int = REPLICATES


def train_checkpoint(
    store: Store,
    checkpoints: Path,
    plan: TrainingPlan,
    *,
    now: datetime,
    by: str = "edupulse train",
    truth: Callable[[Parts], Truth | None] | None = None,
    state: Path | None = None,
    told: Told = silent,
) -> Checkpoint:
    """Train on all horizons closed at `now`, evaluate, store; promote if every check is passed.

    With `state`, an interrupted training is resumed from that file. Raises NotReady where the
    records do not reach far enough back.
    """
    rows = material(store, past_as_of_days(store, now), plan.definition, now, told=told)
    parts = by_time(rows, now)
    trained = _fit(parts.train, plan, state, told)
    contenders = _contenders(trained, plan)
    groups = subgroups(store, parts.test.windows)
    judged = compare(
        contenders,
        parts,
        truth=truth(parts) if truth else None,
        groups=groups,
        timing=timing_of(store, parts.test, now),
        policy=plan.policy,
        replicates=plan.replicates,
        seed=plan.seed,
        told=told,
    )
    told("Storing the checkpoint", 0.0)
    candidate = _candidate(judged, parts.test, groups, plan.policy)
    checkpoint = assemble(
        checkpoints,
        trained,
        calibration=_calibration(judged),
        peers=fit_peers(parts.train.windows, plan.network.families),
        evaluation=judged.evaluation,
        gate=gated(decide(judged.evaluation, METHOD), candidate, plan.promotion),
        provenance=_provenance(plan, parts, store),
        probe=_probe(parts.test),
    )
    beside = beside_serving(store, candidate, plan.definition.to_json(), plan.promotion, plan.seed)
    settle(store, checkpoint, beside, plan.promotion, now=now, by=by)
    told("Storing the checkpoint", 1.0)
    return checkpoint


def _contenders(trained: Trained, plan: TrainingPlan) -> tuple[Contender, ...]:
    """All contenders; the network, already trained, is the last."""
    network = GruContender(METHOD, config=plan.network, training=plan.training, seed=plan.seed)
    network.trained = trained
    alone = gru_last_week(plan.network, plan.training, plan.seed)
    return (*standard_contenders(plan.seed), alone, network)


def _fit(rows: Material, plan: TrainingPlan, state: Path | None, told: Told) -> Trained:
    def epoch_done(epoch: Epoch) -> None:
        every = plan.training.ensemble * epoch.epochs
        told("Training the network", (epoch.member * epoch.epochs + epoch.epoch) / every)

    told("Training the network", 0.0)
    trained = train(
        rows.windows,
        rows.outcomes,
        validation=early_stopping(rows.windows.student),
        network=plan.network,
        training=plan.training,
        seed=plan.seed,
        device=plan.device,
        state=state,
        progress=epoch_done,
    )
    told("Training the network", 1.0)
    return trained


def _calibration(judged: Judged) -> Calibration:
    """The network's own."""
    found = judged.calibrations[-1]
    assert found is not None  # noqa: S101  (a network's score is a log odds)
    return found


def _probe(test: Material) -> Windows:
    """Some rows of the test part, the shortest histories first among them."""
    shortest = np.argsort(test.windows.held.sum(axis=1), kind="stable")[: PROBED // 2]
    spread = np.linspace(0, len(test) - 1, PROBED // 2).astype(np.int64)
    return test.windows.take(np.unique(np.concatenate([shortest, spread])))


def _candidate(judged: Judged, test: Material, groups: Labels, policy: Policy) -> Candidate:
    said = judged.predictions[-1]
    assert said.risk is not None and said.in_set is not None  # noqa: S101, PT018  (calibrated)
    logits, risk = (np.asarray(of, np.float64) for of in (said.score, said.risk))
    return Candidate(test, logits, risk, said.in_set, groups, policy)


def _origin(store: Store) -> Literal["simulated", "real"]:
    simulated = store.simulated()
    if simulated is None:
        raise NotReady(
            "Nothing says whether these records are real.", "Import them again, then train."
        )
    return "simulated" if simulated else "real"


def _provenance(plan: TrainingPlan, parts: Parts, store: Store) -> Provenance:
    return Provenance(
        outcome=plan.definition.to_json(),
        policy=plan.policy.to_json(),
        data={
            RECORDS: store.fingerprint(),
            LEARNED_UNTIL: learned_until(parts),
            **about(parts),
            AS_OF_DAYS: as_of_days_of(parts),
        },
        trained_on=_origin(store),
    )
