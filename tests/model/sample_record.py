"""A track record made from planted rows: every part of it is there, and its truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from edupulse.model.baselines.rules import AbcRules
from edupulse.model.curves import logit
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gate import decide
from edupulse.model.leads import Timing
from edupulse.model.profiles import (
    Rows,
    Shapes,
    capacities,
    coverages,
    leads,
    reliability,
    widths,
)
from edupulse.model.track_record import FORMAT, SEEN, Canary, TrackRecord
from edupulse.panel.definition import OFF_TRACK
from edupulse.risk.bands import DEFAULT_POLICY
from model.planted_rows import Labels, planted_labels, random_rows
from model.planted_rows import Rows as PlantedRows


@dataclass(frozen=True)
class Sample:
    """Planted rows, what came of them, and what two methods say: one knows the truth."""

    rows: PlantedRows
    labels: Labels
    timing: Timing
    said: tuple[Prediction, ...]

    def shaped(self, replicates: int = 40) -> Rows:
        return Rows.of(self.rows, self.labels, replicates)


def sample(count: int = 1500) -> Sample:
    rows = random_rows(count, seed=8)
    labels = planted_labels(rows)
    came_on = np.where(labels.off_track, np.datetime64("1970-02-10"), np.datetime64("NaT", "D"))
    timing = Timing(came_on, lambda at, day: day.astype(np.int64) - rows.as_of[at])
    truth = labels.truth
    sets = np.column_stack((truth <= 0.7, truth >= 0.2))
    flagged = AbcRules().indicators(rows).count > 0
    network = Prediction(
        "gru_attention", logit(truth), truth, None, truth * 0.9, np.minimum(truth * 1.1, 1), sets
    )
    trees = Prediction("boosting_20_weeks", truth**2, truth**2)
    rule = Prediction("abc_rules", flagged.astype(float), flagged=flagged)
    return Sample(rows, labels, timing, (rule, trees, network))


def sample_record(school: str = "North & South") -> TrackRecord:
    """`school` names the school of every row in the table of coverage."""
    made = sample()
    rows, labels, said = made.rows, made.labels, made.said
    about = {"test": "2 as-of days"}
    evaluation = evaluate(said, rows, labels, timing=made.timing, replicates=40, about=about)
    seen = replace(said[-1], name="gru_attention" + SEEN)
    unseen = evaluate(
        [*said, seen], rows, labels, replicates=40, about={"schools": "4 schools in 2 folds"}
    )
    shaped = made.shaped()
    bands = np.array(DEFAULT_POLICY.bands(said[-1].risk))
    names = np.full(len(bands), school)
    return TrackRecord(
        format=FORMAT,
        package_version="0.1.0",
        checkpoint="sha256:" + "a" * 64,
        method="gru_attention",
        as_of=datetime(2026, 7, 1, 6, tzinfo=UTC),
        trained_on="simulated",
        outcome=OFF_TRACK.to_json(),
        policy=DEFAULT_POLICY.to_json(),
        canaries=(
            Canary("peek", True, "1,500 windows made again"),
            Canary("scaler", False, "the records changed since the training"),
        ),
        gate=decide(evaluation, "gru_attention"),
        evaluation=evaluation,
        unseen=unseen,
        unseen_because="",
        shapes=Shapes(
            tuple(reliability(shaped, said)),
            tuple(capacities(shaped, said)),
            tuple(leads(shaped, said, made.timing, 0.3)),
            tuple(widths(shaped, said[-1], bands)),
            tuple(coverages(shaped, said[-1], {"school": names})),
        ),
    )
