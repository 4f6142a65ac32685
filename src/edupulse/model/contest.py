"""Fits every contender on the training part, calibrates it on its own part, and lets it predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edupulse.model.baselines.contender import Contender
from edupulse.model.baselines.rules import AbcRules, LevelRules
from edupulse.model.calibration import Calibration, calibrate
from edupulse.model.evaluation import Prediction
from edupulse.model.rows import OutcomeRows, WindowRows

Part = tuple[WindowRows, OutcomeRows]


def compete(
    contenders: Sequence[Contender],
    training: Part,
    calibration: Part,
    test: WindowRows,
    *,
    progress: Callable[[str], None] | None = None,
) -> list[Prediction]:
    """Each contender's prediction of the test rows, in the order given.

    `progress` is told each name before its work begins. A contender whose score is a log odds gets
    the same calibration as the network; a rule keeps its score and says whom it flags.
    """
    predictions = []
    for contender in contenders:
        if progress is not None:
            progress(contender.name)
        contender.fit(*training)
        predictions.append(predict(contender, calibration, test))
    return predictions


def predict(contender: Contender, calibration: Part, test: WindowRows) -> Prediction:
    """A fitted contender's prediction of the test rows."""
    return prediction(contender, calibrated(contender, calibration), test)


def calibrated(contender: Contender, calibration: Part) -> Calibration | None:
    """From a fitted contender's scores to risks, by the calibration part; None for a rule."""
    if not contender.logit:
        return None
    windows, outcomes = calibration
    known = outcomes.known
    logits = contender.score(windows)[known]
    return calibrate(logits, outcomes.off_track[known], windows.student[known])


def prediction(
    contender: Contender, calibration: Calibration | None, test: WindowRows
) -> Prediction:
    """What a fitted and calibrated contender says of the test rows."""
    score = contender.score(test)
    if calibration is not None:
        low, high = calibration.interval(score)
        in_set = calibration.prediction_set(score)
        risk = calibration.risk(score)
        return Prediction(contender.name, score, risk, low=low, high=high, in_set=in_set)
    if isinstance(contender, AbcRules | LevelRules):
        flagged = contender.indicators(test).count > 0
        return Prediction(contender.name, score, flagged=flagged)
    return Prediction(contender.name, score)


def rules() -> tuple[Contender, ...]:
    """The rule sets of practice, which need no fitting."""
    return AbcRules(), LevelRules()


def standard_contenders(seed: int = 0) -> tuple[Contender, ...]:
    """Everything but networks that a network is compared with (needs scikit-learn)."""
    from edupulse.model.baselines.boosting import boosting_all_weeks, boosting_last_week
    from edupulse.model.baselines.linear import LinearLastWeek

    return (*rules(), LinearLastWeek(), boosting_last_week(seed), boosting_all_weeks(seed))
