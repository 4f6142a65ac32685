"""What a district offers to a student: its own catalog, each option with its evidence.

EduPulse brings no catalog and knows no effects: without the district's file there is nothing to
recommend. Options are not chosen by a score; whoever knows the student chooses.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edupulse.casework.disclosures import Asking
from edupulse.casework.record import show
from edupulse.school.errors import BadInput
from edupulse.school.knowledge import Known
from edupulse.school.records import ENROLLMENTS
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store

CATALOG = "interventions.toml"

Family = Literal["attendance", "grades", "discipline"]
GradeLevel = Annotated[int, Field(ge=-1, le=12)]


class Option(BaseModel):
    """One intervention that the district offers; `tier` is ESSA's, 1 (strong) to 4 (rationale)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(min_length=1, max_length=200)]
    tier: Annotated[int, Field(ge=1, le=4)]
    evidence: Annotated[str, Field(min_length=1, max_length=1000)]
    aims_at: Annotated[tuple[Family, ...], Field(min_length=1)]
    grade_levels: tuple[GradeLevel, GradeLevel] = (-1, 12)
    sessions_per_week: Annotated[int, Field(ge=1, le=50)] | None = None
    minutes: Annotated[int, Field(ge=1, le=600)] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    options: dict[str, Option] = {}


def catalog(home: Path | None = None) -> dict[str, Option]:
    """The district's options by id; none without a file. Raises BadInput for one that is wrong."""
    path = (home or edupulse_home()) / CATALOG
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _File.model_validate(content).options
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"is not TOML: {error}.", "Correct it there.", file=path.name) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{first['msg']}.", "See docs/interventions.md.", file=path.name, field=where
        ) from None


def recommended(store: Store, asking: Asking, name: str) -> list[tuple[str, Option]]:
    """The options for a student's grade level, the strongest evidence first, then by title.

    A disclosure. Raises NotFound as `open_record` does.
    """
    levels = _grade_levels(show(store, asking, name).known)
    fitting = [
        (id_, option)
        for id_, option in catalog().items()
        if any(option.grade_levels[0] <= level <= option.grade_levels[1] for level in levels)
    ]
    return sorted(fitting, key=lambda one: (one[1].tier, one[1].title, one[0]))


def _grade_levels(record: Known) -> list[int]:
    """Of the enrollments that are open on the day at their school."""
    days = record.last_days()
    rows = record.frame(ENROLLMENTS).select("school", "grade_level", "entered_on", "left_on")
    return [
        level
        for school, level, entered, left in rows.iter_rows()
        if school in days and entered <= days[school] and (left is None or days[school] <= left)
    ]
