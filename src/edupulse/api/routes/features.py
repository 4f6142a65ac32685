"""The 42 features of one student, week by week: what every score and every rule reads."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from edupulse.api.security import asks
from edupulse.api.student import AsOf, StudentId
from edupulse.api.wiring import StoreHere
from edupulse.casework.disclosures import Asking
from edupulse.casework.record import weeks_of
from edupulse.features.catalog import CATALOG_VERSION, FEATURES, Feature
from edupulse.features.weekly import held_weeks

router = APIRouter(tags=["features"])


class FeatureTrack(BaseModel):
    """One feature over the weeks."""

    name: str = Field(description="Its name in the catalog.")
    family: str = Field(description="`attendance`, `grades` or `discipline`.")
    unit: str = Field(description="The unit of its values.")
    description: str = Field(description="Its definition.")
    missing: str = Field(description="When it is not observed.")
    better: str = Field(description="Which values are good news: `higher`, `lower` or `neither`.")
    values: list[float | None] = Field(description="One a week; null where not observed, never 0.")
    observed: list[bool] = Field(description="One a week: was it observed?")


class WeeklyRecord(BaseModel):
    """The 42 features of up to 20 instructional weeks, as known at one instant."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"as_of": "2026-03-16T06:00:00Z", "catalog_version": "1",
         "weeks": ["2026-03-02", "2026-03-09"],
         "features": [
             {"name": "attendance_rate_w", "family": "attendance", "unit": "0–1",
              "description": "1 − Σa/E over `w`", "missing": "E = 0 in the week",
              "better": "higher", "values": [1.0, None], "observed": [True, False]}
         ]}
    ]})  # fmt: skip

    as_of: datetime = Field(description="The instant from whose knowledge they are computed.")
    catalog_version: str = Field(description="The version of the definitions.")
    weeks: list[date] = Field(description="The Monday of each week, the oldest first.")
    features: list[FeatureTrack] = Field(description="All 42, in the catalog's order.")


@router.get("/students/{student_id}/features")
def features(
    asking: Annotated[Asking, asks("students:read")],
    store: StoreHere,
    student_id: StudentId,
    as_of: AsOf = None,
) -> WeeklyRecord:
    """The 42 features of the student's last 20 instructional weeks; the last is the week to date.

    A student without an instructional week by then has no weeks, and no values.
    """
    when, weekly = weeks_of(store, asking, str(student_id), as_of)
    weeks = list(held_weeks(weekly))
    return WeeklyRecord(
        as_of=when,
        catalog_version=CATALOG_VERSION,
        weeks=[monday for monday, _ in weeks],
        features=[
            _track(feature, [told[feature.name] for _, told in weeks]) for feature in FEATURES
        ],
    )


def _track(feature: Feature, values: list[float | None]) -> FeatureTrack:
    return FeatureTrack(
        name=feature.name,
        family=feature.family,
        unit=feature.unit,
        description=feature.doc,
        missing=feature.missing,
        better=feature.better,
        values=values,
        observed=[value is not None for value in values],
    )
