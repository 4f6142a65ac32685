"""Puts a trained candidate beside what serves, and writes down what was decided and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gate import Check, Decision
from edupulse.model.metrics import listed
from edupulse.model.promotion import (
    SERVING,
    PromotionPolicy,
    against_serving,
    covers,
    misses_of,
    settled,
)
from edupulse.model.rows import Labels
from edupulse.panel.windows import Flags
from edupulse.pipeline.judging import LEARNED_UNTIL, METHOD, REPLICATES, check_untouched
from edupulse.pipeline.material import Material
from edupulse.risk.activation import activation, band_rates
from edupulse.risk.bands import Policy
from edupulse.risk.scoring import Numbers, Scorer
from edupulse.school.errors import EduPulseError, Leakage, NotReady
from edupulse.store.checkpoints import Registered, promote, refuse, register
from edupulse.store.checkpoints import checkpoint as registered
from edupulse.store.store import Store


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a candidate says of the closed test period, and the groups for which it must hold."""

    test: Material
    logits: Numbers
    risk: Numbers
    in_set: Flags
    groups: Labels
    policy: Policy


def own_checks(candidate: Candidate, policy: PromotionPolicy) -> tuple[Check, ...]:
    """What a candidate must hold by itself, beside the checklist gate: its bands and its sets."""
    outcomes = candidate.test.outcomes
    rates = band_rates(
        candidate.policy,
        candidate.risk,
        outcomes.off_track,
        candidate.test.windows.student,
        candidate.groups,
    )
    sets = covers(candidate.in_set, outcomes.off_track, policy)
    return (*activation(candidate.policy, rates), sets)


def gated(gate: Decision, candidate: Candidate, policy: PromotionPolicy) -> Decision:
    """The checklist gate's decision with the candidate's own checks."""
    return settled(gate, own_checks(candidate, policy))


def beside_serving(
    store: Store,
    candidate: Candidate,
    outcome: Mapping[str, Any],
    policy: PromotionPolicy,
    seed: int = 0,
) -> tuple[Check, ...]:
    """The candidate beside the checkpoint that serves, on the same rows; nothing where none does.

    What serves but cannot be asked about these rows leaves the choice to a person, unless it can
    no longer be opened at all.
    """
    champion = store.champion()
    if champion is None:
        return ()
    try:
        serving = read_checkpoint(Path(champion.folder))
    except EduPulseError as error:
        return (Check("comparable", True, f"what served cannot be opened: {error.problem}"),)
    try:
        _require_comparable(serving, candidate, outcome)
    except Leakage as error:
        return (Check("comparable", False, f"{error.problem} A person must choose."),)
    return _compared(serving, candidate, policy, seed)


def _require_comparable(
    serving: Checkpoint, candidate: Candidate, outcome: Mapping[str, Any]
) -> None:
    if dict(serving.manifest.provenance.outcome) != dict(outcome):
        raise Leakage("What serves predicts another outcome.")
    learned = serving.manifest.provenance.data.get(LEARNED_UNTIL)
    if learned is None:
        raise Leakage("What serves does not say until when it learned.")
    check_untouched(candidate.test, learned)


def _compared(
    serving: Checkpoint, candidate: Candidate, policy: PromotionPolicy, seed: int
) -> tuple[Check, ...]:
    windows, outcomes = candidate.test.windows, candidate.test.outcomes
    theirs = Scorer(serving.network, serving.calibration).score(windows)
    both = [
        Prediction(METHOD, candidate.logits, candidate.risk),
        Prediction(SERVING, theirs.logit, theirs.risk),
    ]
    evaluation = evaluate(both, windows, outcomes, replicates=REPLICATES, seed=seed)
    share = float((candidate.risk >= candidate.policy.high).mean())
    day = np.unique(windows.as_of, return_inverse=True)[1]
    misses = misses_of(
        listed(candidate.risk, day, share),
        listed(theirs.risk, day, share),
        outcomes.off_track,
        windows.student,
        candidate.groups,
        policy=policy,
        replicates=REPLICATES,
        seed=seed,
    )
    return against_serving(evaluation, METHOD, misses, policy)


def promote_by_hand(
    store: Store, hash_: str, *, now: datetime, by: str, because: str
) -> Registered:
    """Let a person's choice serve from now on; what served is retired.

    Raises NotFound for no single checkpoint of that hash, NotReady for one that did not pass its
    gate: what does not beat the checklist does not serve, whoever wishes it.
    """
    with store.writing() as connection:
        wanted = registered(connection, hash_)
        gate = passed_gate(wanted)
        grounds = {"checks": [vars(check) for check in gate.checks]}
        return promote(connection, wanted.hash, now=now, by=by, because=because, grounds=grounds)


def passed_gate(one: Registered) -> Decision:
    """The gate that a checkpoint passed, by its own files. Raises NotReady where it did not."""
    gate = read_checkpoint(Path(one.folder)).manifest.gate
    failed = ", ".join(gate.failed)
    if not gate.serves:
        raise NotReady(
            f"This checkpoint did not pass its gate: {failed}.",
            "Train a better one; its card gives the figures.",
        )
    return gate


def settle(
    store: Store,
    checkpoint: Checkpoint,
    checks: tuple[Check, ...],
    policy: PromotionPolicy,
    *,
    now: datetime,
    by: str,
) -> Registered:
    """Register a checkpoint as challenger, and let it serve if its gate and all checks pass.

    The decision is written down with its figures either way. Gives back the champion-to-be or the
    challenger.
    """
    gate = checkpoint.manifest.gate
    every = (*gate.checks, *checks)
    failed = [check.name for check in every if not check.passed]
    grounds = {"policy": dict(vars(policy)), "checks": [vars(check) for check in every]}
    decision = {"serves": gate.serves, "instead": gate.instead, "by": by, **grounds}
    name = checkpoint.version
    with store.writing() as connection:
        register(connection, name, created=now, folder=str(checkpoint.path), decision=decision)
        if failed:
            why = f"it did not pass {', '.join(failed)}"
            refuse(connection, name, now=now, by=by, because=why, grounds=grounds)
        else:
            why = f"it passed all {len(every)} checks"
            promote(connection, name, now=now, by=by, because=why, grounds=grounds)
        return registered(connection, name)
