"""Watches what serves: do its risks still mean what they say, and is it time to learn again?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from edupulse.features.catalog import NAMES
from edupulse.model.checkpoint import Checkpoint, read_checkpoint
from edupulse.model.contest import predict, rules
from edupulse.model.drift import Drift, drifts
from edupulse.model.evaluation import AT_SCHOOL, Evaluation, Prediction, evaluate
from edupulse.model.fairness.groups import groupings
from edupulse.model.fairness.rates import Judged
from edupulse.model.fairness.report import Fairness
from edupulse.model.fairness.subgroups import Margins
from edupulse.model.fairness.subgroups import subgroups as beside_others
from edupulse.model.gate import RULES
from edupulse.model.rows import Labels
from edupulse.panel.definition import OutcomeDefinition
from edupulse.panel.panel import panel_of
from edupulse.panel.windows import Windows, concat, utc
from edupulse.pipeline.judging import LEARNED_UNTIL, METHOD, REPLICATES
from edupulse.pipeline.material import BLOCK, Material, Told, material, past_as_of_days, silent
from edupulse.pipeline.subgroups import subgroups
from edupulse.pipeline.timing import timing_of
from edupulse.risk.bands import Policy
from edupulse.risk.scoring import Numbers, Scorer
from edupulse.school.errors import NotReady
from edupulse.store.checkpoints import Registered
from edupulse.store.people import school_names
from edupulse.store.store import Store
from edupulse.store.watches import Watched, note_watch

A_YEAR = timedelta(days=364)
"""Features follow the school year: a day is compared with the same weekday a year before."""


@dataclass(frozen=True)
class WatchPolicy:
    """What makes it time to learn again; fixed beforehand and stored with every report.

    `enough`: outcomes closed since the last training. `slope`, `mean_error`: the gate's limits,
    which the interval of the newly closed outcomes must reach. `psi`, `features`: so many features
    of one school beyond that index. `fewest`: outcomes or students below which nothing is told.
    """

    enough: int = 1000
    slope: tuple[float, float] = (0.8, 1.2)
    mean_error: float = 0.02
    psi: float = 0.25
    features: int = 3
    fewest: int = 200


@dataclass(frozen=True)
class Trigger:
    """One reason to learn again, with its figures in a sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class Watch:
    """What was seen at `as_of` of the checkpoint that serves.

    `closed` outcomes closed since it was trained; `live` judges it on them beside the rules (None
    where they are too few); `moved` are the features beyond the index, with the school's id.
    `compared` says which two days were, and is empty where there is no day a year before.
    """

    as_of: datetime
    checkpoint: str | None
    closed: int
    live: Evaluation | None
    moved: tuple[tuple[str, str, float], ...]
    compared: str
    triggers: tuple[Trigger, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is kept for all who ask."""
        live = None if self.live is None else json.loads(self.live.to_json())
        return {
            "closed": self.closed,
            "live": live,
            "moved": [list(one) for one in self.moved],
            "compared": self.compared,
            "triggers": [asdict(one) for one in self.triggers],
        }


def watch(
    store: Store, now: datetime, policy: WatchPolicy | None = None, told: Told = silent
) -> Watch:
    """Judge what serves on the outcomes that closed since it learned, and look for drift.

    What was seen is kept. Raises NotFound or BadInput where the champion's folder is missing or
    damaged.
    """
    limits = policy or WatchPolicy()
    champion = store.champion()
    if champion is None:
        why = Trigger("nothing_serves", "no checkpoint serves, the rules do")
        return Watch(now, None, 0, None, (), "", (why,))
    checkpoint = read_checkpoint(Path(champion.folder))
    fresh = _newly_closed(store, champion, checkpoint, now, told)
    closed = 0 if fresh is None else len(fresh)
    enough = fresh is not None and closed >= limits.fewest
    live = _live(store, checkpoint, fresh, now) if fresh is not None and enough else None
    told("Comparing with a year ago", 0.0)
    moved, compared = _drift(store, now, limits)
    told("Comparing with a year ago", 1.0)
    triggers = reasons(closed, live, checkpoint.evaluation, moved, limits)
    seen = Watch(now, champion.hash, closed, live, moved, compared, triggers)
    with store.writing() as connection:
        note_watch(connection, Watched(now, champion.hash, seen.to_json()))
    return seen


def reasons(
    closed: int,
    live: Evaluation | None,
    then: Evaluation,
    moved: tuple[tuple[str, str, float], ...],
    limits: WatchPolicy,
) -> tuple[Trigger, ...]:
    """Why it is time to learn again: enough outcomes, a drop since `then`, features that moved."""
    dropped = () if live is None else _dropped(live, then, limits)
    return (*_enough(closed, limits), *dropped, *_moved(moved, limits))


def _newly_closed(
    store: Store, champion: Registered, checkpoint: Checkpoint, now: datetime, told: Told
) -> Material | None:
    """The rows whose outcome closed after the champion was made, and that taught it nothing."""
    provenance = checkpoint.manifest.provenance
    learned = np.datetime64(str(provenance.data[LEARNED_UNTIL]).removesuffix("Z"))
    days = [day for day in past_as_of_days(store, now) if utc(day) >= learned]
    if not days:
        return None
    definition = OutcomeDefinition.from_json(provenance.outcome)
    try:
        rows = material(store, days, definition, now, told=told)
    except NotReady:
        return None
    return rows.take(rows.outcomes.known & (rows.outcomes.closes_at > utc(champion.created)))


def _live(
    store: Store, checkpoint: Checkpoint, fresh: Material, now: datetime
) -> Evaluation | None:
    """The champion beside the rules, over all, by school and by group; None for one class alone."""
    outcomes, windows = fresh.outcomes, fresh.windows
    if outcomes.off_track.all() or not outcomes.off_track.any():
        return None
    scores = Scorer(checkpoint.network, checkpoint.calibration).score(windows)
    nobody = (windows, outcomes)  # rules need no calibration
    predictions = [predict(rule, nobody, windows) for rule in rules()]
    ours = Prediction(
        METHOD, scores.logit, scores.risk, low=scores.low, high=scores.high, in_set=scores.in_set
    )
    high = Policy.from_json(checkpoint.manifest.provenance.policy).high
    labels = subgroups(store, windows)
    evaluation = evaluate(
        [*predictions, ours],
        windows,
        outcomes,
        timing=timing_of(store, fresh, now),
        also={AT_SCHOOL + name: labels["school"] == name for name in np.unique(labels["school"])},
        high=high,
        replicates=REPLICATES,
    )
    return replace(evaluation, fairness=_by_group(fresh, scores.risk, labels, high))


def _by_group(fresh: Material, risk: Numbers, labels: Labels, high: float) -> Fairness:
    """Every group beside all others; not what takes scikit-learn, which the checkpoint tells."""
    on_record = {name: values for name, values in labels.items() if (values != "").any()}
    judged = Judged(risk, fresh.outcomes.off_track, fresh.windows.student)
    groups = beside_others(judged, groupings(on_record), threshold=high, replicates=REPLICATES)
    return Fairness(METHOD, high, Margins(), groups, (), (), ())


def _enough(closed: int, limits: WatchPolicy) -> Iterator[Trigger]:
    if closed >= limits.enough:
        yield Trigger("enough_closed", f"{closed:,} outcomes closed since it learned")


def _dropped(live: Evaluation, then: Evaluation, limits: WatchPolicy) -> Iterator[Trigger]:
    """Drops that the intervals show; what they cannot tell is no reason."""
    found = live.result(METHOD).metrics
    slope, error = found.get("calibration_slope"), found["mean_error"]
    least, most = limits.slope
    if slope is not None and (slope.high < least or slope.low > most):
        said = f"calibration slope {slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f})"
        yield Trigger("calibration_dropped", said)
    if error.low > limits.mean_error or error.high < -limits.mean_error:
        said = f"mean risk minus rate {error.value:+.3f} ({error.low:+.3f} to {error.high:+.3f})"
        yield Trigger("calibration_dropped", said)
    now, before = (one.result(METHOD).metrics["precision_10"] for one in (live, then))
    if now.high < before.low:
        said = f"precision at 10 % is {now.value:.3f}, was {before.value:.3f} when it was trained"
        yield Trigger("precision_dropped", said)
    for rule in RULES:
        gain = live.difference(METHOD, rule, "precision_10")
        if gain.high < 0:
            yield Trigger("rules_do_better", f"precision at 10 % minus {rule}: {gain.value:+.3f}")


def _drift(
    store: Store, now: datetime, limits: WatchPolicy
) -> tuple[tuple[tuple[str, str, float], ...], str]:
    """The features beyond the index by school, and the days compared."""
    days = past_as_of_days(store, now)
    earlier = [day for day in days if abs(day - (days[-1] - A_YEAR)) <= timedelta(days=14)]
    if not earlier:
        return (), ""
    before = min(earlier, key=lambda day: abs(day - (days[-1] - A_YEAR)))
    found = drifts(_scorable(store, before), _scorable(store, days[-1]), limits.fewest)
    beyond = sorted((one for one in found if one.psi > limits.psi), key=lambda one: -one.psi)
    with store.writing() as connection:
        names = dict(school_names(connection).select("school", "school_id").iter_rows())
    said = f"{before.astimezone(UTC):%Y-%m-%d} with {days[-1].astimezone(UTC):%Y-%m-%d}"
    return tuple(_named(one, names) for one in beyond), said


def _named(one: Drift, schools: dict[int, str]) -> tuple[str, str, float]:
    return schools.get(one.school, ""), NAMES[one.feature], one.psi


def _scorable(store: Store, day: datetime) -> Windows:
    """The windows of everyone who can be scored on a day."""
    students = store.students_at(day)
    blocks = []
    for begin in range(0, max(students.size, 1), BLOCK):
        panel = panel_of(store.known(students[begin : begin + BLOCK], day))
        blocks.append(panel.windows.take(np.array(panel.states()) == "scored"))
    return concat(blocks)


def _moved(moved: tuple[tuple[str, str, float], ...], limits: WatchPolicy) -> Iterator[Trigger]:
    for school in dict.fromkeys(one for one, _, _ in moved):
        theirs = [(name, index) for one, name, index in moved if one == school]
        if len(theirs) >= limits.features:
            told = ", ".join(f"{name} ({index:.2f})" for name, index in theirs[:5])
            yield Trigger("features_moved", f"school {school}, {len(theirs)} features: {told}")
