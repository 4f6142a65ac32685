"""Hands the groups of the audit to the model's floor, as opaque labels, to judge its fairness."""

from __future__ import annotations

from edupulse.model.evaluation import Prediction
from edupulse.model.fairness.groups import groupings
from edupulse.model.fairness.report import Fairness, fairness
from edupulse.model.rows import Labels
from edupulse.pipeline.material import Material, Told, silent
from edupulse.pipeline.subgroups import AUDITED

_STEP = "Judging fairness"


def judge_fairness(
    prediction: Prediction,
    test: Material,
    groups: Labels,
    *,
    threshold: float,
    replicates: int,
    seed: int = 0,
    told: Told = silent,
) -> Fairness | None:
    """The fairness of a calibrated method on the rows of the test part, at a risk of `threshold`.

    None where the method has no risk, or nothing is on record of any group.
    """
    on_record = {name: labels for name, labels in groups.items() if (labels != "").any()}
    if prediction.risk is None or not on_record:
        return None
    every = groupings(on_record)
    return fairness(
        prediction.name,
        prediction.risk,
        test.windows,
        test.outcomes,
        attributes=[one for one in every if one.name in AUDITED],
        places=[one for one in every if one.name not in AUDITED],
        threshold=threshold,
        replicates=replicates,
        seed=seed,
        progress=lambda part: told(_STEP, part),
    )
