"""How figures of a model are told: with their intervals, and of no group of a few students."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from edupulse.casework.track_record import Judgement
from edupulse.model.bootstrap import Estimate
from edupulse.model.evaluation import Result
from edupulse.model.fairness.subgroups import Subgroup


class Figure(BaseModel):
    """A value with its 95 % bootstrap interval over students."""

    value: float = Field(description="On these very rows.")
    low: float = Field(description="Where the interval begins.")
    high: float = Field(description="Where it ends.")


class MethodFigures(BaseModel):
    """One method on one population."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"method": "gru_attention", "population": "everyone", "school_id": None,
         "students": 1480, "rows": 5920, "base_rate": 0.21,
         "metrics": {"precision_10": {"value": 0.62, "low": 0.58, "high": 0.66},
                     "calibration_slope": {"value": 1.02, "low": 0.93, "high": 1.11}}}
    ]})  # fmt: skip

    method: str = Field(description="A checkpoint's variant, a baseline, or a rule set.")
    population: str = Field(
        description="`everyone`, `new_onset` (nothing flagged on the day) and others; `school`."
    )
    school_id: str | None = Field(None, description="The district's id, of one school alone.")
    students: int = Field(description="How many students.")
    rows: int = Field(description="How many of their as-of days with a known outcome.")
    base_rate: float = Field(description="The part of the rows that went off track.")
    metrics: dict[str, Figure] = Field(
        description="By name: ranking (`auroc`, `average_precision`), at capacity "
        "(`precision_10`: the top 10 % of each school), calibration (`calibration_slope`, "
        "`mean_error`, `brier`), lead time in instructional days (`lead_days_high`), how often a "
        "prediction set holds what came true (`coverage_off_track`). What is not defined is absent."
    )


class GroupFigures(BaseModel):
    """One group of one grouping, beside everyone else whose group is known."""

    grouping: str = Field(description="By what students are divided.")
    group: str = Field(description="Which of them.")
    students: int = Field(description="How many students.")
    rows: int = Field(description="How many of their as-of days with a known outcome.")
    figures: dict[str, Figure] = Field(
        description="Base rate, AUROC, false negatives and positives at the band `high`, "
        "calibration; what too few students tell is absent."
    )
    verdicts: dict[str, str] = Field(
        description="Of each rate, beside everyone else: `higher`, `lower`, `level`, or `unknown` "
        "where the data cannot tell, which is not fair."
    )


class JudgementTold(BaseModel):
    """What may be told of an evaluation: figures of groups of ten students or more."""

    about: dict[str, str] = Field(description="On which data, in words.")
    overall: list[MethodFigures] = Field(description="Every method on every population.")
    by_school: list[MethodFigures] = Field(description="The same by school, where it was judged.")
    by_group: list[GroupFigures] = Field(description="The network alone, group by group.")
    hidden: int = Field(
        description="How many lines are left out: of fewer than ten students, or by which such "
        "could be worked out."
    )


def judgement_told(found: Judgement) -> JudgementTold:
    """A judgement as the API gives it."""
    return JudgementTold(
        about=dict(found.about),
        overall=[_method(one, one.population) for one in found.overall],
        by_school=[_method(one, "school", school) for school, one in found.schools],
        by_group=[_group(one) for one in found.groups],
        hidden=found.hidden,
    )


def _method(one: Result, population: str, school_id: str | None = None) -> MethodFigures:
    return MethodFigures(
        method=one.method,
        population=population,
        school_id=school_id,
        students=one.students,
        rows=one.rows,
        base_rate=one.base_rate,
        metrics=_figures(one.metrics),
    )


def _group(one: Subgroup) -> GroupFigures:
    return GroupFigures(
        grouping=one.grouping,
        group=one.group,
        students=one.students,
        rows=one.rows,
        figures=_figures(one.figures),
        verdicts={rate: gap.verdict for rate, gap in one.gaps.items()},
    )


def _figures(estimates: Mapping[str, Estimate]) -> dict[str, Figure]:
    return {name: Figure(**vars(one)) for name, one in estimates.items()}
